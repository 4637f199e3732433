/** Tries the guard: `npm run guard-matrix -- --help`. */
import { runCommand } from '../support/command.ts';
import { runMatrix } from './matrix.ts';
import { parseOptions, USAGE } from './options.ts';
import type { CellResult } from './run-cell.ts';
import { summaryLines, tableLines, writePage } from './table.ts';

function tell({ suite, group, name, outcome, later, problems, seconds }: CellResult): void {
  const mark = problems.length === 0 ? 'ok ' : 'BAD';
  const what = [outcome ?? '?', ...(later === undefined ? [] : [later])].join(', then ');
  process.stderr.write(`${mark} ${suite} ${group}: ${name}: ${what} (${seconds.toFixed(1)} s)\n`);
  for (const problem of problems) {
    process.stderr.write(`      ${problem}\n`);
  }
}

await runCommand(USAGE, parseOptions, async (options) => {
  const { results, isWhole } = await runMatrix(options, tell);
  process.stdout.write(`${[...tableLines(results), ...summaryLines(results)].join('\n')}\n`);
  if (isWhole) {
    await writePage(results, results.length);
  }
  return results.some(({ problems }) => problems.length > 0) ? 1 : 0;
});
