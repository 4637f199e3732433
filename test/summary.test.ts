import { expect, test } from 'vitest';
import { countChecks, countTests, coverageByFolder, formatCounts } from '../scripts/summary.ts';

const file = (status: string, ...tests: string[]) => ({
  status,
  assertionResults: tests.map((each) => ({ status: each })),
});
const reportOf = (...testResults: unknown[]) => JSON.stringify({ testResults });

test('tests are counted by how they ended, a file that broke as one', () => {
  const report = reportOf(
    file('passed', 'passed', 'pending', 'todo'),
    file('failed', 'passed', 'failed'),
    file('failed'),
  );
  expect(countTests(report, 1)).toEqual({ passed: 2, failed: 2, skipped: 2 });
});

test.each([
  ['a file that breaks before its tests', reportOf(file('passed', 'passed'), file('failed')), 1, 1],
  ['an error that belongs to no test', reportOf(file('passed', 'passed')), 1, 1],
  ['a run without tests', reportOf(), 0, 0],
  ['a run that skips everything', reportOf(file('passed', 'pending')), 0, 0],
  ['a run that leaves no report', undefined, 0, 0],
])('%s is one failure', (_name, report, status, passed) => {
  expect(countTests(report, status)).toMatchObject({ passed, failed: 1 });
});

test('checks are counted from the last line', () => {
  expect(countChecks('9 of 9 checks passed\nok types\n3 of 4 checks passed\n')).toMatchObject({
    passed: 3,
    failed: 1,
  });
  expect(countChecks('4 of 4 checks passed\nscripts/check: killed\n')).toMatchObject({
    passed: 0,
    failed: 1,
  });
});

test('the last line names skipped tests only when there are such', () => {
  expect(formatCounts({ passed: 12, failed: 0, skipped: 0 })).toBe('12 passed, 0 failed');
  expect(formatCounts({ passed: 12, failed: 1, skipped: 3 })).toBe(
    '12 passed, 1 failed, 3 skipped',
  );
});

test('coverage is summed over each folder', () => {
  const counts = (covered: number, total: number) => ({
    lines: { covered, total },
    branches: { covered: 0, total: 0 },
  });
  const report = JSON.stringify({
    total: counts(5, 8),
    '/here/src/core/a.ts': counts(1, 2),
    '/here/src/core/deep/b.ts': counts(2, 2),
    '/here/src/archive/c.ts': counts(2, 4),
  });
  expect(coverageByFolder(report, '/here')).toEqual([
    'src/archive      lines  50.0%  branches      -',
    'src/core         lines  75.0%  branches      -',
  ]);
});
