import * as fs from 'node:fs/promises';
import * as path from 'node:path';
import {
  exists,
  makeDirectoryAtomic,
  readFileOrUndefined,
  temporaryName,
  writeFileAtomic,
} from '../core/files.ts';
import type { BuildRecord, InstalledPackage } from '../model/records.ts';
import type { HistoryLine, KernelSighting, SeenKernel, SuiteIndices } from '../model/sightings.ts';
import { KernelHistory } from './history.ts';
import { RecordIndex } from './record-index.ts';
import {
  type Publications,
  publicationsSchema,
  rootSchema,
  seenSchema,
  type SourceNotes,
  sourceNotesSchema,
} from './schema.ts';
import { readState, readText, writeState } from './state.ts';
import { Timeline } from './timeline.ts';

/** What is kept of a build beside its record. */
export interface BuildFiles {
  modules: readonly { name: string; content: Uint8Array }[];
  /** Path of the log; it is moved. */
  log: string;
  /** The source's copyright file. */
  copyright: Uint8Array | undefined;
  /** `Module.symvers` of the build, for modules that are built on it. */
  symvers?: Uint8Array | undefined;
}

/**
 * The records of all builds, one folder each, named by the build key, and what is known of kernels and publications.
 *
 *     builds/<2>/<key>/{record.json, build.log, copyright, Module.symvers, modules/*.ko}
 *     seen.json           when each kernel was first seen, of earlier versions
 *     history.jsonl       how the kernels came and went, one line a run that found a change
 *     kernels.json        what the history adds up to; rebuilt from it
 *     publications.json   what each suite has, since when
 *     roots/<hash>.json   the packages of each build root that a build was made in
 *     sources.json        whose source packages DKMS packages are built from
 *     arrivals.jsonl, outcomes.jsonl   when kernels and modules came and how targets fared: `Timeline`
 *     index.sqlite        rebuilt from the records
 */
export class Ledger {
  readonly directory: string;
  readonly timeline: Timeline;
  readonly #index: RecordIndex;
  readonly #history: KernelHistory;

  private constructor(directory: string, index: RecordIndex) {
    this.directory = directory;
    this.#index = index;
    this.#history = new KernelHistory(directory);
    this.timeline = new Timeline(directory);
  }

  /** Opens a ledger; makes it when there is none. */
  static async open(directory: string): Promise<Ledger> {
    const builds = path.join(directory, 'builds');
    await fs.mkdir(builds, { recursive: true });
    return new Ledger(
      directory,
      await RecordIndex.open(path.join(directory, 'index.sqlite'), builds),
    );
  }

  close(): void {
    this.#index.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }

  /** The folder of a build. */
  folderOf(key: string): string {
    return path.join(this.directory, 'builds', key.slice(0, 2), key);
  }

  /** The path of a kept module file. */
  moduleFile(key: string, file: string): string {
    return path.join(this.folderOf(key), 'modules', file);
  }

  logFile(key: string): string {
    return path.join(this.folderOf(key), 'build.log');
  }

  /** The text of the source's copyright file, when it had one. */
  copyright(key: string): Promise<Buffer | undefined> {
    return readFileOrUndefined(path.join(this.folderOf(key), 'copyright'));
  }

  /** The `Module.symvers` of a build, when it left one. */
  symvers(key: string): Promise<Buffer | undefined> {
    return readFileOrUndefined(path.join(this.folderOf(key), 'Module.symvers'));
  }

  get(key: string): BuildRecord | undefined {
    return this.#index.get(key);
  }

  /** Every record, oldest first. */
  all(): BuildRecord[] {
    return this.#index.all();
  }

  /** Keeps a build, whole or not at all; replaces an earlier record of the same key. */
  async put(record: BuildRecord, files: BuildFiles): Promise<void> {
    const folder = this.folderOf(record.key);
    // First the index forgets the old record: whenever this is killed, no record stands there without its files.
    this.#index.forget(record.key);
    if (await exists(folder)) {
      await fs.rename(folder, temporaryName(folder));
    }
    await removeLeftovers(folder);
    await makeDirectoryAtomic(folder, async (temporary) => {
      await fs.mkdir(path.join(temporary, 'modules'));
      for (const { name, content } of files.modules) {
        await writeFileAtomic(path.join(temporary, 'modules', name), content);
      }
      if (files.copyright !== undefined) {
        await writeFileAtomic(path.join(temporary, 'copyright'), files.copyright);
      }
      if (files.symvers !== undefined) {
        await writeFileAtomic(path.join(temporary, 'Module.symvers'), files.symvers);
      }
      await fs.copyFile(files.log, path.join(temporary, 'build.log')).catch(() => undefined);
      await writeFileAtomic(
        path.join(temporary, 'record.json'),
        `${JSON.stringify(record, undefined, 2)}\n`,
      );
    });
    this.#index.remember(record);
  }

  /** Forgets a build and all that is kept of it. */
  async remove(key: string): Promise<void> {
    this.#index.forget(key);
    const folder = this.folderOf(key);
    if (await exists(folder)) {
      // Half a folder would count as a whole one when the index is made anew.
      const aside = temporaryName(folder);
      await fs.rename(folder, aside);
      await fs.rm(aside, { recursive: true, force: true });
    }
  }

  /** When each of some things was first seen; the ones not seen before are noted with `now`. */
  async firstSeen(names: readonly string[], now: Date): Promise<Map<string, string>> {
    const file = path.join(this.directory, 'seen.json');
    const seen = await this.#seen();
    let changed = false;
    for (const name of names) {
      if (seen[name] === undefined) {
        seen[name] = now.toISOString();
        changed = true;
      }
    }
    if (changed) {
      await writeFileAtomic(file, `${JSON.stringify(seen, undefined, 1)}\n`);
    }
    return new Map(Object.entries(seen));
  }

  /**
   * Tells which kernels there are now. The same again changes no file. One process at a time may note kernels.
   *
   * @param seen kernels of published suites, each with the suites that have it
   * @param complete published suites × architectures whose indices all were read well now: only there a kernel that is
   *   missing has left; elsewhere an earlier sighting stays as it was
   * @returns every kernel that was ever seen, by `release/architecture/version`
   * @throws LockstepError REPOSITORY_INVALID when a file of the ledger is damaged, DISK_FULL
   */
  async noteKernels(
    seen: readonly SeenKernel[],
    complete: readonly SuiteIndices[],
    now: Date,
  ): Promise<ReadonlyMap<string, KernelSighting>> {
    const firstSeen = new Map(Object.entries(await this.#seen()));
    return this.#history.note({ seen, complete, firstSeen, at: now.toISOString() });
  }

  /**
   * Every kernel that was ever noted, by `release/architecture/version`.
   *
   * @throws LockstepError REPOSITORY_INVALID when a file of the ledger is damaged
   */
  sightings(): Promise<ReadonlyMap<string, KernelSighting>> {
    return this.#history.sightings();
  }

  /**
   * How the kernels came and went, oldest first.
   *
   * @param since only what is later than this instant, or than the run with this number; everything without it
   * @throws LockstepError REPOSITORY_INVALID when the history is damaged
   */
  history(options: { since?: Date | number } = {}): Promise<HistoryLine[]> {
    return this.#history.lines(options.since);
  }

  /** Keeps the packages of a build root under its hash. */
  async putRoot(hash: string, packages: readonly InstalledPackage[]): Promise<void> {
    const file = this.#rootFile(hash);
    if (!(await exists(file))) {
      await writeFileAtomic(file, `${JSON.stringify(packages)}\n`);
    }
  }

  /** The packages of a build root; undefined when they were not kept. */
  async root(hash: string): Promise<InstalledPackage[] | undefined> {
    const text = await readText(this.#rootFile(hash));
    try {
      return text === undefined ? undefined : rootSchema.parse(JSON.parse(text));
    } catch {
      return undefined;
    }
  }

  /**
   * The files of build roots that no build names.
   *
   * @param without keys of builds that do not count
   */
  async unnamedRoots(without: ReadonlySet<string> = new Set()): Promise<string[]> {
    const folder = path.join(this.directory, 'roots');
    const named = new Set(this.all().flatMap(({ key, root }) => (without.has(key) ? [] : [root])));
    const names = await fs.readdir(folder).catch((): string[] => []);
    return names
      .filter((name) => name.endsWith('.json') && !named.has(name.slice(0, -'.json'.length)))
      .toSorted()
      .map((name) => path.join(folder, name));
  }

  #rootFile(hash: string): string {
    return path.join(this.directory, 'roots', `${hash}.json`);
  }

  /** Which DKMS packages' sources are the archive's own. */
  async sourceNotes(): Promise<SourceNotes> {
    const file = path.join(this.directory, 'sources.json');
    return readState(file, sourceNotesSchema, 'the next run asks the archives again');
  }

  async setSourceNotes(notes: SourceNotes): Promise<void> {
    await writeState(path.join(this.directory, 'sources.json'), notes);
  }

  async publications(): Promise<Publications> {
    const file = path.join(this.directory, 'publications.json');
    return readState(file, publicationsSchema, 'the next run publishes what the ledger has');
  }

  async setPublications(publications: Publications): Promise<void> {
    await writeState(path.join(this.directory, 'publications.json'), publications);
  }

  #seen(): Promise<Record<string, string>> {
    const file = path.join(this.directory, 'seen.json');
    return readState(file, seenSchema, 'its kernels count as new then');
  }
}

/** Removes what earlier writers of a folder, which were killed, left beside it. */
async function removeLeftovers(folder: string): Promise<void> {
  const beside = path.dirname(folder);
  const names = await fs.readdir(beside).catch((): string[] => []);
  for (const name of names.filter((entry) => entry.startsWith(`.tmp-${path.basename(folder)}`))) {
    await fs.rm(path.join(beside, name), { recursive: true, force: true });
  }
}
