import PQueue from 'p-queue';
import type { Cell } from './cell.ts';
import { CELLS } from './cells/all.ts';
import { type CellResult, runCell } from './run-cell.ts';
import { Stage } from './stage.ts';
import type { SuiteName } from './suites.ts';

/** The cells of a suite whose name or group has one of some texts in it; all when there are none. */
export function cellsOf(suite: SuiteName, texts: readonly string[]): Cell[] {
  return CELLS.filter(
    ({ suites, name, group }) =>
      suites?.includes(suite) !== false &&
      (texts.length === 0 || texts.some((text) => `${group}: ${name}`.includes(text))),
  );
}

/** Runs cells of suites, some at once. @param told is called with each result as it comes */
export async function runMatrix(
  suites: readonly SuiteName[],
  texts: readonly string[],
  jobs: number,
  told: (result: CellResult) => void,
): Promise<CellResult[]> {
  const queue = new PQueue({ concurrency: jobs });
  const results: CellResult[] = [];
  for (const suite of suites) {
    const stage = new Stage(suite);
    const found = await Promise.all(
      cellsOf(suite, texts).map((cell) =>
        queue.add(async () => {
          const result = await runCell(stage, cell);
          told(result);
          return result;
        }),
      ),
    );
    results.push(...found);
  }
  return results;
}
