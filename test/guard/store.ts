import * as fs from 'node:fs/promises';
import * as path from 'node:path';
import { z } from 'zod';
import { readFileOrUndefined, writeFileAtomic } from '../../src/core/files.ts';
import { sha256 } from '../../src/core/hash.ts';
import type { Cell } from './cell.ts';
import { OUTCOMES } from './judge.ts';
import type { CellResult } from './run-cell.ts';
import { OUT, type Stage } from './stage.ts';
import { SUITES } from './suites.ts';

const resultSchema = z.object({
  suite: z.enum(SUITES),
  group: z.string(),
  name: z.string(),
  outcome: z.enum(OUTCOMES).optional(),
  expected: z.enum(OUTCOMES),
  later: z.string().optional(),
  problems: z.array(z.string()),
  seconds: z.number(),
});

/** Results of earlier calls, which count as long as neither the guard nor their cell changes. */
export class Store {
  readonly #folder: string;
  readonly #guard: string;

  private constructor(folder: string, guard: string) {
    this.#folder = folder;
    this.#guard = guard;
  }

  static async of(stage: Stage): Promise<Store> {
    const packages = await stage.packages('guarded');
    const folder = path.join(OUT, 'results', stage.suite);
    await fs.mkdir(folder, { recursive: true });
    return new Store(folder, sha256(packages.join('')));
  }

  #file(cell: Cell): string {
    const text = JSON.stringify(cell, (_key, value: unknown) =>
      typeof value === 'function' ? String(value) : value,
    );
    return path.join(this.#folder, `${sha256(`${this.#guard} ${text}`).slice(0, 24)}.json`);
  }

  async get(cell: Cell): Promise<CellResult | undefined> {
    const content = await readFileOrUndefined(this.#file(cell));
    if (content === undefined) {
      return undefined;
    }
    const { outcome, later, ...rest } = resultSchema.parse(JSON.parse(content.toString()));
    return { ...rest, outcome, later };
  }

  async put(cell: Cell, result: CellResult): Promise<void> {
    await writeFileAtomic(this.#file(cell), JSON.stringify(result));
  }
}
