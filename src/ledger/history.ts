import { compareText } from '../core/compare.ts';
import * as path from 'node:path';
import { writeFileAtomic } from '../core/files.ts';
import type { HistoryLine, KernelSighting } from '../model/sightings.ts';
import { appendAt, parseLines, readFrom, sizeOf, wholeLines } from './lines.ts';
import { type Look, sightingId, type Sightings } from './look.ts';
import { historyLineSchema, sightingsSchema } from './schema.ts';
import { applyLine, note } from './sightings.ts';
import { readState } from './state.ts';

/** What lies on disk. */
interface Loaded {
  sightings: Sightings;
  /** Bytes of the history that are whole lines. */
  whole: number;
  /** Whether `kernels.json` has all of it. */
  isCurrent: boolean;
}

/**
 * The kernels' comings and goings on disk. `history.jsonl` is the truth, and only grows; `kernels.json` is what it adds
 * up to. A line is written first, the state after it: a reader adds the lines that the state does not have yet, so a
 * writer may be killed at any point and nothing is lost or there twice. A line that was not ended was not written.
 */
export class KernelHistory {
  readonly #historyFile: string;
  readonly #stateFile: string;

  constructor(directory: string) {
    this.#historyFile = path.join(directory, 'history.jsonl');
    this.#stateFile = path.join(directory, 'kernels.json');
  }

  async sightings(): Promise<ReadonlyMap<string, KernelSighting>> {
    return (await this.#load()).sightings.kernels;
  }

  /** @param since only later instants, or later runs */
  async lines(since: Date | number | undefined): Promise<HistoryLine[]> {
    const lines = this.#parse(await readFrom(this.#historyFile, 0));
    return lines.filter(({ run, at }) => {
      if (since === undefined) {
        return true;
      }
      return typeof since === 'number' ? run > since : Date.parse(at) > since.getTime();
    });
  }

  async note(look: Look): Promise<ReadonlyMap<string, KernelSighting>> {
    const { sightings: before, whole, isCurrent } = await this.#load();
    const { sightings, line } = note(before, look);
    const bytes = line === undefined ? whole : await this.#append(line, whole);
    if (sightings !== before || !isCurrent) {
      await this.#save(sightings, bytes);
    }
    return sightings.kernels;
  }

  async #load(): Promise<Loaded> {
    const state = await readState(
      this.#stateFile,
      sightingsSchema,
      `it is made anew from ${path.basename(this.#historyFile)}`,
    );
    let sightings: Sightings = {
      run: state.run,
      kernels: new Map(state.kernels.map((kernel) => [sightingId(kernel), kernel])),
    };
    const size = await sizeOf(this.#historyFile);
    // A history that is shorter than it was is another one; runs that the state knows are passed over below.
    const begin = size < state.bytes ? 0 : state.bytes;
    const bytes = size === begin ? Buffer.alloc(0) : await readFrom(this.#historyFile, begin);
    for (const line of this.#parse(bytes)) {
      if (line.run > sightings.run) {
        sightings = applyLine(sightings, line);
      }
    }
    const whole = begin + wholeLines(bytes);
    return { sightings, whole, isCurrent: whole === state.bytes };
  }

  /** @throws LockstepError REPOSITORY_INVALID when a whole line is none of a history */
  #parse(bytes: Buffer): HistoryLine[] {
    const afterwards = 'what changed until now is forgotten, which kernels there are is not';
    return parseLines(bytes, historyLineSchema, this.#historyFile, afterwards);
  }

  /**
   * @param whole where the last whole line ends; anything after it goes
   * @returns bytes of the history afterwards
   */
  async #append(line: HistoryLine, whole: number): Promise<number> {
    const bytes = Buffer.from(`${JSON.stringify(line)}\n`);
    await appendAt(this.#historyFile, bytes, whole);
    return whole + bytes.length;
  }

  async #save({ run, kernels }: Sightings, bytes: number): Promise<void> {
    const sorted = [...kernels]
      .toSorted(([a], [b]) => compareText(a, b))
      .map(([, kernel]) => kernel);
    await writeFileAtomic(
      this.#stateFile,
      `${JSON.stringify({ format: 1, run, bytes, kernels: sorted }, undefined, 1)}\n`,
    );
  }
}
