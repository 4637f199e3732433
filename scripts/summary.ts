import { readFileSync } from 'node:fs';
import { relative } from 'node:path';
import { parseArgs } from 'node:util';
import { z } from 'zod';

/** What the last line of a test run counts. */
export interface Counts {
  passed: number;
  failed: number;
  skipped: number;
}

/** The part of vitest's JSON report that is counted. */
const vitestReport = z.object({
  testResults: z.array(
    z.object({ status: z.string(), assertionResults: z.array(z.object({ status: z.string() })) }),
  ),
});

const covered = z.object({ total: z.number(), covered: z.number() });
/** The part of istanbul's `json-summary` report that is shown: file name → counts. */
const coverageSummary = z.record(z.string(), z.object({ lines: covered, branches: covered }));

/**
 * Counts a run of vitest. A file that breaks before its tests begin counts as one failure, and so does a run that
 * left no report, ran no test, or ended with an error that belongs to no test.
 *
 * @param report text of vitest's JSON report; undefined when there is none
 * @param status vitest's exit status
 */
export function countTests(report: string | undefined, status: number): Counts {
  const counts = { passed: 0, failed: 0, skipped: 0 };
  const files = report === undefined ? [] : vitestReport.parse(JSON.parse(report)).testResults;
  for (const file of files) {
    const failedBefore = counts.failed;
    for (const test of file.assertionResults) {
      if (test.status === 'passed') {
        counts.passed += 1;
      } else if (test.status === 'failed') {
        counts.failed += 1;
      } else {
        counts.skipped += 1;
      }
    }
    if (file.status === 'failed' && counts.failed === failedBefore) {
      counts.failed += 1;
    }
  }
  if (counts.failed === 0 && (status !== 0 || counts.passed === 0)) {
    counts.failed = 1;
  }
  return counts;
}

/** The counts that `scripts/check` ended with; without its last line it counts as one failure. */
export function countChecks(output: string): Counts {
  const last = /(?:^|\n)(\d+) of (\d+) checks passed\n?$/.exec(output);
  return last === null
    ? { passed: 0, failed: 1, skipped: 0 }
    : { passed: Number(last[1]), failed: Number(last[2]) - Number(last[1]), skipped: 0 };
}

/** `N passed, N failed`, and `, N skipped` when some were. */
export function formatCounts(counts: Counts): string {
  const skipped = counts.skipped === 0 ? '' : `, ${counts.skipped} skipped`;
  return `${counts.passed} passed, ${counts.failed} failed${skipped}`;
}

/**
 * Coverage of each folder two levels deep (`src/core`), a line each with the percentage of lines and branches.
 *
 * @param report text of istanbul's `json-summary` report
 * @param root the folder that file names are shown relative to
 */
export function coverageByFolder(report: string, root: string): string[] {
  const folders = new Map<string, { lines: number[]; branches: number[] }>();
  for (const [file, { lines, branches }] of Object.entries(
    coverageSummary.parse(JSON.parse(report)),
  )) {
    if (file === 'total') {
      continue;
    }
    const folder = relative(root, file).split('/').slice(0, 2).join('/');
    const sum = folders.get(folder) ?? { lines: [0, 0], branches: [0, 0] };
    folders.set(folder, {
      lines: [(sum.lines[0] ?? 0) + lines.covered, (sum.lines[1] ?? 0) + lines.total],
      branches: [
        (sum.branches[0] ?? 0) + branches.covered,
        (sum.branches[1] ?? 0) + branches.total,
      ],
    });
  }
  return [...folders]
    .toSorted(([left], [right]) => (left < right ? -1 : 1))
    .map(
      ([folder, { lines, branches }]) =>
        `${folder.padEnd(16)} lines ${percentage(lines)}  branches ${percentage(branches)}`,
    );
}

function percentage([done = 0, total = 0]: readonly number[]): string {
  return total === 0 ? '     -' : `${((100 * done) / total).toFixed(1).padStart(5)}%`;
}

function readOrUndefined(file: string | undefined): string | undefined {
  try {
    return file === undefined ? undefined : readFileSync(file, 'utf8');
  } catch {
    return undefined;
  }
}

if (import.meta.main) {
  const { values } = parseArgs({
    options: {
      vitest: { type: 'string' },
      status: { type: 'string', default: '1' },
      check: { type: 'string' },
      coverage: { type: 'string' },
    },
  });
  const tests = countTests(readOrUndefined(values.vitest), Number(values.status));
  const checks =
    values.check === undefined
      ? { passed: 0, failed: 0, skipped: 0 }
      : countChecks(readOrUndefined(values.check) ?? '');
  const coverage = readOrUndefined(values.coverage);
  if (coverage !== undefined) {
    console.log(`\n${coverageByFolder(coverage, process.cwd()).join('\n')}\n`);
  }
  const failed = tests.failed + checks.failed;
  console.log(
    formatCounts({ passed: tests.passed + checks.passed, failed, skipped: tests.skipped }),
  );
  process.exitCode = failed === 0 ? 0 : 1;
}
