import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { formatSummary } from './summary.ts';
import { explanation, kernelTable, table, targetTable } from './tables.ts';
import { makeTarget } from './testing/targets.ts';

describe('a table', () => {
  test('has aligned columns, and its last is left as it is', () => {
    const text = table(
      ['A', 'LONG', 'LAST'],
      [
        ['value', 'x', 'free text here'],
        ['v', 'yy', ''],
      ],
    );
    expect(text).toBe('A      LONG  LAST\nvalue  x     free text here\nv      yy\n');
  });

  test('has a line for each row, whatever is in it (any)', () => {
    const cell = fc.string({ unit: fc.constantFrom('a', ' ', '\n', '\u001b', '\r', 'ä', '\t') });
    const rows = fc.array(fc.array(cell, { minLength: 2, maxLength: 2 }));
    fc.assert(
      fc.property(rows, (list) => {
        const lines = table(['ONE', 'TWO'], list).split('\n');
        expect(lines).toHaveLength(list.length + 2);
        expect(lines.join('')).not.toMatch(/(?!\t)\p{Cc}/u);
        expect(lines.filter((line) => line !== line.trimEnd())).toEqual([]);
      }),
    );
  });

  test('of kernels says whose headers are gone', () => {
    const { kernel } = makeTarget('a', 'built');
    const text = kernelTable([
      kernel,
      { ...kernel, headers: { packages: [], requires: [], suite: 'trixie' } },
    ]);
    const [, gone, there] = text.split('\n').map((line) => line.split(/\s{2,}/));
    expect(gone).toEqual([
      ...['6.12.117+deb13-amd64', 'amd64', 'amd64', '6.12.117-1', 'gone', 'yes'],
      'trixie trixie-security',
    ]);
    expect(there?.[4]).toBe('yes');
  });

  test('of targets says why', () => {
    const text = targetTable([makeTarget('demo', 'failed', 'implicit declaration\n\u001b[1mof')]);
    expect(text.split('\n')[1]).toMatch(
      /^demo {4}1\.0-1 {4}6\.12\.117\+deb13-amd64 {2}failed {3}implicit declaration \?\[1mof$/,
    );
  });
});

test('an explanation says who must act, and where the log is', () => {
  const target = makeTarget('demo', 'failed', 'does not compile');
  const text = explanation(target, '/state/build.log');
  expect(text).toContain('demo 1.0-1 for 6.12.117+deb13-amd64 (amd64)');
  expect(text).toMatch(/verdict +failed, since 2026-01-01/);
  expect(text).toMatch(/action +the module's maintainer/);
  expect(text).toMatch(/log +\/state\/build\.log/);
  expect(explanation(target, undefined)).not.toContain('log');
});

describe('the end of a run', () => {
  const summary = {
    ...{ built: 1, changed: true, seconds: 3, url: 'http://localhost:8473/', suites: ['trixie'] },
    ...{ slug: 'example', directory: '/srv/repo', configFile: 'c.yaml' },
  };

  test('lists what is published, what is not and why, and what an administrator does', () => {
    const text = formatSummary({
      ...summary,
      targets: [makeTarget('good', 'published'), makeTarget('bad', 'failed', 'does not compile')],
    });
    expect(text).toContain('1 of 2 targets are published in /srv/repo');
    expect(text).toMatch(/^good +1\.0-1 +6\.12\.117\+deb13-amd64$/m);
    expect(text).toMatch(/^bad +6\.12\.117\+deb13-amd64 +failed +does not compile \(the module's/m);
    expect(text).toContain('http://localhost:8473/trixie.sources');
    expect(text).not.toContain('8473//');
    expect(text).toContain('apt install good-modules-amd64');
  });

  test('invents no command when nothing is published', () => {
    const text = formatSummary({ ...summary, targets: [makeTarget('bad', 'broken')] });
    expect(text).toContain('0 of 1 targets');
    expect(text).not.toContain('apt install');
  });
});
