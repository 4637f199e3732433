import PQueue from 'p-queue';
import type { Cell } from './cell.ts';
import { CELLS } from './cells/all.ts';
import { type CellResult, runCell } from './run-cell.ts';
import type { MatrixOptions } from './options.ts';
import { Stage } from './stage.ts';
import { Store } from './store.ts';
import { SUITES, type SuiteName } from './suites.ts';

/** The cells of a suite whose name or group has one of some texts in it; all when there are none. */
export function cellsOf(suite: SuiteName, texts: readonly string[]): Cell[] {
  return CELLS.filter(
    ({ suites, name, group }) =>
      suites?.includes(suite) !== false &&
      (texts.length === 0 || texts.some((text) => `${group}: ${name}`.includes(text))),
  );
}

export interface Matrix {
  results: CellResult[];
  /** Whether every cell of every suite has one. */
  isWhole: boolean;
}

/**
 * Runs cells of suites, some at once. What an earlier call has found good is not tried again, unless it is asked for.
 *
 * @param told is called with each result as it comes
 */
export async function runMatrix(
  { suites, cells, jobs, again }: Pick<MatrixOptions, 'suites' | 'cells' | 'jobs' | 'again'>,
  told: (result: CellResult) => void,
): Promise<Matrix> {
  const queue = new PQueue({ concurrency: jobs });
  const results: CellResult[] = [];
  for (const suite of suites) {
    const stage = new Stage(suite);
    const store = await Store.of(stage);
    const found = await Promise.all(
      cellsOf(suite, cells).map((cell) =>
        queue.add(async () => {
          const kept = again ? undefined : await store.get(cell);
          if (kept?.problems.length === 0) {
            return kept;
          }
          const result = await runCell(stage, cell);
          await store.put(cell, result);
          told(result);
          return result;
        }),
      ),
    );
    results.push(...found);
  }
  return { results, isWhole: cells.length === 0 && suites.length === SUITES.length };
}
