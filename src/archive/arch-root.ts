import * as fs from 'node:fs/promises';
import * as path from 'node:path';
import PQueue from 'p-queue';
import { sha256 } from '../core/hash.ts';
import { type Apt, aptWith } from '../programs/apt.ts';
import { explainAptFailure } from './apt-errors.ts';
import { AptLists, type ListContents } from './apt-lists.ts';
import { readUpdateFailures } from './failures.ts';
import { GoodCopies } from './good-copies.ts';
import type { IndexTarget } from './indices.ts';
import { formatSources, writePrivateRoot } from './private-root.ts';
import {
  type IndexRecord,
  indexId,
  type Problem,
  problemOf,
  readState,
  type RootState,
  writeState,
} from './root-state.ts';
import { archiveSourceOf, type SuiteSource, suiteId } from './suite-sources.ts';

/** apt-get at once, of all archives together. */
const updates = new PQueue({ concurrency: 4 });

/** A bad index shows itself one at a time; nobody uses more components than this. */
const MAX_ROUNDS = 8;

export interface RefreshOptions {
  sources: readonly SuiteSource[];
  /** Suites that are known to be out of reach now: {@link suiteId} → why. */
  excluded: ReadonlyMap<string, Problem>;
  /** Whether the solver is asked about this root. */
  isSolved: boolean;
}

export interface RefreshResult {
  state: RootState;
  /** Suites of which nothing at all could be read now: {@link suiteId} → why. */
  down: Map<string, Problem>;
}

type Releases = ListContents['releases'];

/** What apt could not bring up to date. */
interface Troubles {
  suites: Map<string, Problem>;
  indices: Map<string, Problem>;
}

/** The private root of one architecture. */
export class ArchRoot {
  readonly architecture: string;
  readonly folder: string;
  readonly copies: GoodCopies;
  readonly apt: Apt;
  readonly #lists: AptLists;
  readonly #transport: readonly string[];

  constructor(
    folder: string,
    architecture: string,
    transport: readonly string[],
    signal: AbortSignal | undefined,
  ) {
    this.folder = folder;
    this.architecture = architecture;
    this.copies = new GoodCopies(folder);
    this.apt = aptWith(path.join(folder, 'apt.conf'));
    this.#lists = new AptLists(folder, this.apt, architecture, signal);
    this.#transport = transport;
  }

  get #indexArchitectures(): string[] {
    return [this.architecture, 'all'];
  }

  /** Makes the root, or brings its configuration up to date. */
  async write(sources: readonly SuiteSource[]): Promise<void> {
    const own = sources.map((source) => archiveSourceOf(source, this.architecture));
    await writePrivateRoot(this.folder, own, [this.architecture], this.#transport);
  }

  async state(): Promise<RootState> {
    return await readState(this.folder);
  }

  /** Notes for which architectures the archive is read. */
  async note(architectures: readonly string[]): Promise<void> {
    await writeState(this.folder, { ...(await this.state()), architectures: [...architectures] });
  }

  /**
   * Brings all indices up to date that can be, and keeps the last good copy of the others.
   *
   * @throws LockstepError INTERRUPTED, DISK_FULL; never for a part of the indices
   */
  async refresh(options: RefreshOptions): Promise<RefreshResult> {
    const { sources, excluded } = options;
    const old = await this.state();
    await this.write(sources);
    const troubles: Troubles = { suites: new Map(excluded), indices: new Map() };
    await this.#update(sources, old, troubles);
    const now = new Date().toISOString();
    const signature = await this.#signature(sources);
    const isQuiet = troubles.suites.size === 0 && troubles.indices.size === 0;
    let state: RootState;
    if (isQuiet && signature === old.signature && (await this.#isWhole(old, options.isSolved))) {
      const indices = old.indices.map((index) => ({ ...index, lastGood: now }));
      state = { ...old, indices };
    } else {
      state = await this.#collect(options, old, troubles, now);
      state.signature = isQuiet ? signature : '';
    }
    await writeState(this.folder, state);
    await this.copies.sweep([old, state]);
    return { state, down: troubles.suites };
  }

  async #signature(sources: readonly SuiteSource[]): Promise<string> {
    const own = sources.map((source) => archiveSourceOf(source, this.architecture));
    return sha256(`${await this.#lists.signature()}\n${formatSources(own)}`);
  }

  /** Whether all that a state names is there. */
  async #isWhole(state: RootState, isSolved: boolean): Promise<boolean> {
    const there = await Promise.all(
      state.indices.map(async ({ copy }) => copy === undefined || (await this.copies.has(copy))),
    );
    return there.every(Boolean) && (!isSolved || state.solver !== undefined);
  }

  /**
   * Updates suites until each is up to date but for its bad indices. A suite is one transaction of apt's: where an
   * index is bad, the suite is asked for again without it.
   */
  async #update(all: readonly SuiteSource[], old: RootState, troubles: Troubles): Promise<void> {
    const isWhole = troubles.suites.size === 0;
    let round = all.filter((source) => !troubles.suites.has(suiteId(source)));
    for (let count = 1; round.length > 0; count += 1) {
      const current = round;
      const sources = isWhole && count === 1 ? undefined : current;
      const result = await updates.add(() => this.#lists.update(sources));
      const failures = readUpdateFailures(result.stderr, current);
      if (result.exitCode === 0 && failures.suites.length === 0) {
        return;
      }
      const fail = (source: SuiteSource, text: string): void => {
        const error = explainAptFailure(`reading ${source.suite} ${this.architecture}`, text);
        troubles.suites.set(suiteId(source), problemOf(error));
      };
      if (failures.suites.length === 0 || count === MAX_ROUNDS) {
        for (const source of current) {
          fail(source, failures.other || result.stderr);
        }
        return;
      }
      const next: SuiteSource[] = [];
      for (const { source, whole, components } of failures.suites) {
        if (whole !== undefined) {
          fail(source, whole);
          continue;
        }
        for (const [component, text] of components) {
          const what = `reading ${source.suite} ${component} ${this.architecture}`;
          const problem = problemOf(explainAptFailure(what, text));
          // A component is left out with all its indices.
          for (const architecture of this.#indexArchitectures) {
            troubles.indices.set(indexId({ ...source, component, architecture }), problem);
          }
        }
        const good = source.components.filter((component) => !components.has(component));
        if (good.length > 0) {
          next.push({ ...source, components: good });
        }
      }
      if (next.length > 0) {
        await this.#setAside(all, old, troubles, next);
      }
      round = next;
    }
  }

  /**
   * Keeps the old indices of suites that are asked for again without some of their components, and takes those out
   * of apt's lists: beside the new Release file apt would take them for good.
   */
  async #setAside(
    sources: readonly SuiteSource[],
    old: RootState,
    troubles: Troubles,
    next: readonly SuiteSource[],
  ): Promise<void> {
    const again = new Set(next.map(suiteId));
    const known = new Map(old.indices.map((index) => [indexId(index), index]));
    const { targets, releases } = await this.#lists.contents(sources);
    const kept = new Set<string>();
    let isNew = false;
    for (const target of targets) {
      if (!again.has(suiteId(target)) || !troubles.indices.has(indexId(target))) {
        kept.add(target.file);
        continue;
      }
      const before = known.get(indexId(target));
      const record = await this.#lastGood(before, target, releases);
      if (record !== undefined && record !== before) {
        known.set(indexId(record), record);
        isNew = true;
      }
    }
    if (isNew) {
      old.indices = [...known.values()];
      await writeState(this.folder, old);
    }
    await this.#lists.removeOthers(kept);
  }

  /**
   * The last good copy of an index that is bad now. apt's lists may have a newer one than the state: left by a
   * refresh that was killed before it could note what it had.
   */
  async #lastGood(
    before: IndexRecord | undefined,
    target: IndexTarget | undefined,
    releases: Releases,
  ): Promise<IndexRecord | undefined> {
    const known =
      before?.copy !== undefined && (await this.copies.has(before.copy)) ? before : undefined;
    const content =
      target === undefined
        ? undefined
        : releases.get(suiteId(target))?.release.contentOf(target.key)?.id;
    if (target === undefined || content === undefined || content === known?.copy?.content) {
      return known;
    }
    return await this.#recordOf(target, releases);
  }

  /** An index of apt's lists, kept; undefined when the Release file does not name it. */
  async #recordOf(target: IndexTarget, releases: Releases): Promise<IndexRecord | undefined> {
    const content = releases.get(suiteId(target))?.release.contentOf(target.key);
    if (content === undefined) {
      return undefined;
    }
    const { base, suite, codename, component, architecture } = target;
    const { ctime } = await fs.stat(target.file);
    return {
      ...{ base, suite, codename, component, architecture },
      state: 'good',
      lastGood: ctime.toISOString(),
      problem: undefined,
      copy: await this.copies.adopt(target.file, content.id),
    };
  }

  /** What there is after an update: new, old, and what is missing. */
  async #collect(
    { sources, isSolved }: RefreshOptions,
    old: RootState,
    troubles: Troubles,
    now: string,
  ): Promise<RootState> {
    const contents = await this.#lists.contents(sources);
    const { releases } = contents;
    const targets = new Map(contents.targets.map((entry) => [indexId(entry), entry]));
    const known = new Map(old.indices.map((index) => [indexId(index), index]));
    const suites: RootState['suites'] = [];
    const indices: IndexRecord[] = [];
    for (const source of sources) {
      const found = releases.get(suiteId(source));
      const facts = found?.release.facts;
      if (facts !== undefined) {
        suites.push({ base: source.base, ...facts });
      }
      for (const component of source.components) {
        for (const architecture of this.#indexArchitectures) {
          const key = `${component}/binary-${architecture}/Packages`;
          const content = found?.release.contentOf(key);
          const place = { base: source.base, suite: source.suite, component, architecture };
          const id = indexId(place);
          const target = targets.get(id);
          const codename = facts?.codename ?? '';
          const problem = troubles.suites.get(suiteId(source)) ?? troubles.indices.get(id);
          const before = known.get(id);
          if (problem === undefined) {
            const record =
              target === undefined ? undefined : await this.#recordOf(target, releases);
            if (record !== undefined) {
              indices.push({ ...record, lastGood: now });
            } else if (content?.isEmpty === true && architecture !== 'all') {
              const copy = { content: content.id, file: undefined, size: 0, list: '' };
              const state = 'good';
              indices.push({ ...place, codename, state, lastGood: now, problem, copy });
            }
            continue;
          }
          // What is still in the lists was good: an index that is bad in a committed suite was set aside.
          const kept = await this.#lastGood(before, target, releases);
          if (kept !== undefined) {
            indices.push({ ...kept, state: 'stale', problem });
          } else if (architecture !== 'all') {
            const [state, lastGood, copy] = ['missing' as const, undefined, undefined];
            indices.push({ ...place, codename, state, lastGood, problem, copy });
          }
        }
      }
    }
    const solver = isSolved
      ? await this.copies.makeSolverFolder(
          [...releases.values()].map(({ name }) => path.join(this.#lists.folder, name)),
          indices.flatMap(({ copy }) => copy ?? []),
        )
      : undefined;
    return { signature: '', architectures: old.architectures, suites, indices, solver };
  }
}
