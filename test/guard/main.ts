/** Tries the guard: `npm run guard-matrix -- --help`. */
import { inspect } from 'node:util';
import { runMatrix } from './matrix.ts';
import { type MatrixOptions, parseOptions, USAGE } from './options.ts';
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

async function main(args: readonly string[]): Promise<number> {
  let options: MatrixOptions;
  try {
    options = parseOptions(args);
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n\n${USAGE}`);
    return 2;
  }
  if (options.help) {
    process.stdout.write(USAGE);
    return 0;
  }
  const { results, isWhole } = await runMatrix(options, tell);
  process.stdout.write(`${[...tableLines(results), ...summaryLines(results)].join('\n')}\n`);
  if (isWhole) {
    await writePage(results, results.length);
  }
  return results.some(({ problems }) => problems.length > 0) ? 1 : 0;
}

process.exitCode = await main(process.argv.slice(2)).catch((error: unknown) => {
  process.stderr.write(`${inspect(error)}\n`);
  return 3;
});
