import { parseArgs } from 'node:util';
import { SUITES, type SuiteName } from './suites.ts';

/** What a call of the matrix asks for. */
export interface MatrixOptions {
  suites: SuiteName[];
  /** Part of the cells' names or groups; all when empty. */
  cells: string[];
  jobs: number;
  /** Tries again what is known to be good. */
  again: boolean;
  help: boolean;
}

export const USAGE = `usage: npm run guard-matrix -- [SUITE...] [--cell NAME]... [--jobs N] [--again]

Tries the guard in real roots with the real apt, aptitude and unattended-upgrades, against an archive of small stand-in
kernels: one cell an operation and situation. A run of all writes docs/guard-matrix.md; what each cell's programs said is in
out/guard-matrix/logs. Cells that were good with this very guard are not run again.

  SUITE        ${SUITES.join(', ')}; all unless given
  --cell NAME  only cells whose name, or whose group, has this in it
  --jobs N     cells at once; 1 unless given
  --again      run all of them again
  --help       print this

Exit status: 0 every cell is as expected, 1 some are not, 2 wrong usage, 3 something else went wrong
`;

/** @throws Error when the arguments make no sense */
export function parseOptions(args: readonly string[]): MatrixOptions {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      cell: { type: 'string', multiple: true, default: [] },
      jobs: { type: 'string', default: '1' },
      again: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  const unknown = positionals.filter((name) => !SUITES.some((suite) => suite === name));
  if (unknown.length > 0) {
    throw new Error(`unknown suites: ${unknown.join(', ')}`);
  }
  const jobs = Number(values.jobs);
  if (!Number.isInteger(jobs) || jobs < 1) {
    throw new Error(`--jobs ${values.jobs} is no number of cells`);
  }
  const suites = SUITES.filter((suite) => positionals.length === 0 || positionals.includes(suite));
  return { suites, cells: values.cell, jobs, again: values.again, help: values.help };
}
