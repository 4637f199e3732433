import * as fs from 'node:fs/promises';
import * as path from 'node:path';
import { z } from 'zod';
import { readFileOrUndefined, writeFileAtomic } from '../../core/files.ts';
import { generationOf, readRecord } from '../published.ts';
import { RETAINED_GENERATIONS } from '../publish.ts';
import { parseRelease, signedText } from '../release.ts';

/** The states of a repository's suites. */
export interface SuiteStates {
  /** Suite → SHA-256 of its Release file. */
  live: Map<string, string>;
  /** Those of all states that are kept whole. */
  kept: Set<string>;
}

/** Reads which states a repository has, without its packages. */
export async function readStates(directory: string): Promise<SuiteStates> {
  const dists = path.join(directory, 'dists');
  const live = new Map<string, string>();
  const kept = new Set<string>();
  for (const suite of await fs.readdir(dists).catch((): string[] => [])) {
    const text = await readFileOrUndefined(path.join(dists, suite, 'InRelease'));
    const release = parseRelease(signedText(text?.toString('utf8') ?? '') ?? '');
    if (release !== undefined) {
      const former = (await readRecord(directory, suite)).slice(0, RETAINED_GENERATIONS - 1);
      live.set(suite, generationOf(release).release);
      for (const generation of [generationOf(release), ...former]) {
        kept.add(generation.release);
      }
    }
  }
  return { live, kept };
}

/** Destination → suite → the states that may be live there: one, or two where a push was cut short. */
const notesSchema = z.record(z.string(), z.record(z.string(), z.array(z.string())));

/** What was brought where; a note that is lost costs that nothing old is removed by the next push. */
export class PushNotes {
  readonly #file: string;

  /** @param stateDirectory the state folder */
  constructor(stateDirectory: string) {
    this.#file = path.join(stateDirectory, 'destinations.json');
  }

  async #read(): Promise<z.output<typeof notesSchema>> {
    try {
      const text = (await readFileOrUndefined(this.#file))?.toString('utf8') ?? '';
      return notesSchema.parse(JSON.parse(text));
    } catch {
      return {};
    }
  }

  /** The states that may be live at a destination; undefined when that is not known. */
  async get(destination: string): Promise<ReadonlyMap<string, readonly string[]> | undefined> {
    const note = (await this.#read())[destination];
    return note === undefined ? undefined : new Map(Object.entries(note));
  }

  async set(destination: string, states: ReadonlyMap<string, readonly string[]>): Promise<void> {
    const notes = await this.#read();
    const note = Object.fromEntries([...states].map(([suite, list]) => [suite, [...list]]));
    const text = `${JSON.stringify({ ...notes, [destination]: note }, undefined, 1)}\n`;
    await writeFileAtomic(this.#file, text, { onlyIfChanged: true });
  }
}
