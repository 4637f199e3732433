import * as path from 'node:path';
import { LockstepError } from '../core/errors.ts';
import type { Emit } from '../model/events.ts';
import type { DebRef } from '../model/packages.ts';
import type { Near } from '../programs/apt.ts';
import { ArchRoot } from './arch-root.ts';
import { aptClosure, fetchDebs } from './debs.ts';
import type { IndexFile, StoredIndex } from './indices.ts';
import type { MachineApt } from './machine.ts';
import type { SuiteFacts } from './releases.ts';
import { SourceRoot } from './source-root.ts';
import {
  type IndexRecord,
  type IndexStatus,
  indexId,
  type Problem,
  type RootState,
} from './root-state.ts';
import { type ArchiveEntry, type SuiteSource, suiteId, suiteSources } from './suite-sources.ts';
import { acceptedExpired, warningsOf } from './warnings.ts';

export interface ArchiveGroupOptions {
  /** The published suite, or a name for the group. */
  name: string;
  /** Folder that gets a private root per architecture: `<root>/<architecture>/`. */
  root: string;
  /** Folder shared between archives in which fetched `.deb`s lie by their SHA-256. */
  debs: string;
  /** Used together, as on a machine of this suite. */
  entries: readonly ArchiveEntry[];
  /** What a machine with these uses as well: the solver sees it, {@link ArchiveGroup.indices} leaves it out. */
  base: readonly ArchiveEntry[];
  /** `all`: those that the entries' suites list in their Release files. */
  architectures: 'all' | readonly string[];
  machine: MachineApt;
  emit: Emit;
  signal?: AbortSignal | undefined;
}

/** Everything that one published suite is read from, through apt, in a private root per architecture. */
export class ArchiveGroup {
  readonly options: ArchiveGroupOptions;
  readonly #entries: readonly SuiteSource[];
  /** Those of the base that are not entries too. */
  readonly #base: readonly SuiteSource[];
  readonly #native: ArchRoot;
  #sourceRoot: SourceRoot | undefined;

  private constructor(
    options: ArchiveGroupOptions,
    entries: readonly SuiteSource[],
    base: readonly SuiteSource[],
  ) {
    this.options = options;
    this.#entries = entries;
    this.#base = base;
    this.#native = this.#rootOf(options.machine.architecture);
  }

  /**
   * Makes the native architecture's root. Nothing is fetched and apt is not started.
   *
   * @throws LockstepError MIRROR_UNKNOWN, ENVIRONMENT when a keyring is missing
   */
  static async open(options: ArchiveGroupOptions): Promise<ArchiveGroup> {
    const entries = await suiteSources(options.entries, options.machine);
    const both = await suiteSources([...options.entries, ...options.base], options.machine);
    const own = new Set(entries.map(suiteId));
    const base = both.filter((source) => !own.has(suiteId(source)));
    const group = new ArchiveGroup(options, entries, base);
    await group.#native.write([...entries, ...base]);
    return group;
  }

  get name(): string {
    return this.options.name;
  }

  /** The suites of the entries, as configured, for messages. */
  get suites(): string[] {
    return [...new Set(this.#entries.map(({ suite }) => suite))];
  }

  #rootOf(architecture: string): ArchRoot {
    const { root, machine, signal } = this.options;
    const folder = path.join(root, architecture);
    return new ArchRoot(folder, architecture, machine.transport, signal);
  }

  /**
   * Brings the indices up to date; a bad one costs only itself: its last good copy stays in use. Each problem is also
   * one `warning` event.
   *
   * @returns how things stand with every index, as {@link statuses}
   * @throws LockstepError SUITE_UNKNOWN (exit 2) for a suite or component that is not there and never was; USAGE (exit
   *   2) for an architecture that no suite lists; any ARCHIVE_* when not one index can be used; DISK_FULL; INTERRUPTED
   */
  async refresh(): Promise<IndexStatus[]> {
    const { emit, machine } = this.options;
    const before = await this.#native.state();
    const native = await this.#native.refresh({
      sources: [...this.#entries, ...this.#base],
      excluded: new Map(),
      isSolved: true,
    });
    const facts = this.#factsOf(native.state);
    const architectures = this.#wanted(facts, before);
    const others = architectures.filter((name) => name !== machine.architecture);
    if (native.state.architectures.join() !== architectures.join()) {
      await this.#native.note(architectures);
    }
    const results = await Promise.all(
      others.map((name) => this.#refreshOther(name, facts, native.down)),
    );
    const states = [{ architecture: machine.architecture, state: native.state }, ...results];
    const statuses = await this.#statusesOf(states, architectures);
    this.#requireSome(statuses, native.state);
    for (const message of [...warningsOf(statuses), ...acceptedExpired(facts, this.#entries)]) {
      emit({ type: 'warning', ...message });
    }
    return statuses;
  }

  async #refreshOther(
    architecture: string,
    facts: readonly (SuiteFacts & { base: string })[],
    down: ReadonlyMap<string, Problem>,
  ): Promise<{ architecture: string; state: RootState }> {
    const known = new Map(facts.map((entry) => [suiteId(entry), entry]));
    const sources = this.#entries.filter(
      (source) => known.get(suiteId(source))?.architectures.includes(architecture) ?? true,
    );
    const ids = new Set(sources.map(suiteId));
    const excluded = new Map([...down].filter(([id]) => ids.has(id)));
    const root = this.#rootOf(architecture);
    const { state } = await root.refresh({ sources, excluded, isSolved: false });
    return { architecture, state };
  }

  #factsOf(state: RootState): (SuiteFacts & { base: string })[] {
    const own = new Set(this.#entries.map(suiteId));
    return state.suites.filter((entry) => own.has(suiteId(entry)));
  }

  /** @throws LockstepError USAGE */
  #wanted(facts: readonly SuiteFacts[], before: RootState): string[] {
    const { architectures, machine } = this.options;
    const listed = [...new Set(facts.flatMap((entry) => entry.architectures))].toSorted();
    if (architectures === 'all') {
      if (listed.length > 0) {
        return listed;
      }
      return before.architectures.length > 0 ? before.architectures : [machine.architecture];
    }
    // A suite that could not be read yet may have any architecture.
    if (facts.length === this.#entries.length) {
      const unknown = architectures.filter((name) => !listed.includes(name));
      if (unknown.length > 0) {
        throw new LockstepError(
          'USAGE',
          `${this.suites.join(', ')}: no such architecture: ${unknown.join(', ')}`,
          { hint: `there are ${listed.join(', ')}`, exitCode: 2 },
        );
      }
    }
    return [...architectures];
  }

  /** Throws where there is nothing to work with, or a name that is wrong. */
  #requireSome(statuses: readonly IndexStatus[], native: RootState): void {
    const own = new Set(this.#entries.map(suiteId));
    // The native root also tells of components where no architecture of it is wanted.
    const asked = [...statuses, ...native.indices.filter((index) => own.has(suiteId(index)))];
    const unknown = asked.find(
      ({ state, problem }) => state === 'missing' && problem?.code === 'SUITE_UNKNOWN',
    )?.problem;
    const nothing = statuses.every(({ state }) => state === 'missing')
      ? asked.find(({ problem }) => problem !== undefined)?.problem
      : undefined;
    const problem = unknown ?? nothing;
    if (problem !== undefined) {
      throw new LockstepError(problem.code, problem.message, {
        ...(problem.hint === undefined ? {} : { hint: problem.hint }),
        exitCode: problem.code === 'SUITE_UNKNOWN' ? 2 : 3,
      });
    }
  }

  async #states(): Promise<{ states: ArchState[]; architectures: string[] }> {
    const { architectures: wanted, machine } = this.options;
    const native = await this.#native.state();
    const architectures = native.architectures.filter(
      (name) => wanted === 'all' || wanted.includes(name),
    );
    const others = architectures.filter((name) => name !== machine.architecture);
    const states = await Promise.all(
      others.map(async (architecture) => ({
        architecture,
        state: await this.#rootOf(architecture).state(),
      })),
    );
    return {
      states: [{ architecture: machine.architecture, state: native }, ...states],
      architectures,
    };
  }

  /** The records of the entries' indices; an index for all architectures once, from the root that has it best. */
  async #records(
    states: readonly ArchState[],
    architectures: readonly string[],
  ): Promise<{ record: IndexRecord; root: ArchRoot }[]> {
    const asked = new Set(
      this.#entries.flatMap((source) =>
        source.components.map((component) => `${suiteId(source)} ${component}`),
      ),
    );
    const found = new Map<string, { record: IndexRecord; root: ArchRoot }>();
    for (const { architecture, state } of states) {
      const root =
        architecture === this.#native.architecture ? this.#native : this.#rootOf(architecture);
      for (const index of architectures.includes(architecture) ? state.indices : []) {
        if (!asked.has(`${suiteId(index)} ${index.component}`)) {
          continue;
        }
        const record = await checked(index, root);
        const known = found.get(indexId(record));
        if (known === undefined || RANK[record.state] < RANK[known.record.state]) {
          found.set(indexId(record), { record, root });
        }
      }
    }
    return [...found.values()];
  }

  async #statusesOf(
    states: readonly ArchState[],
    architectures: readonly string[],
  ): Promise<IndexStatus[]> {
    const records = await this.#records(states, architectures);
    return records.map(({ record }) => {
      const { suite, component, architecture, base, state, lastGood, problem } = record;
      return { suite, component, architecture, base, state, lastGood, problem };
    });
  }

  /** How the last refresh left the indices; from disk, without apt. Empty before the first one. */
  async statuses(): Promise<IndexStatus[]> {
    const { states, architectures } = await this.#states();
    return await this.#statusesOf(states, architectures);
  }

  /** What each suite of the entries says of itself, from the Release files that apt last verified; without apt. */
  async facts(): Promise<SuiteFacts[]> {
    return this.#factsOf(await this.#native.state()).map(({ base: _base, ...facts }) => facts);
  }

  /**
   * The indices of the entries that can be read, good and stale ones; an empty index is left out. Those of the
   * machine's own architecture are always among them: what builds comes from there. Without apt. Their files stay until
   * the refresh after the next one.
   */
  async indices(): Promise<StoredIndex[]> {
    const { states, architectures } = await this.#states();
    const native = this.options.machine.architecture;
    const records = await this.#records(states, [...new Set([...architectures, native])]);
    return records.flatMap(({ record, root }) => {
      const { base, suite, codename, component, architecture, copy } = record;
      if (copy?.file === undefined) {
        return [];
      }
      const place = { base, suite, codename, component, architecture };
      return [{ ...place, file: root.copies.fileOf(copy.file), content: copy.content }];
    });
  }

  /** The decompressed bytes of one index, or those of them that `near` asks for. */
  readIndex(index: IndexFile, near?: Near): AsyncGenerator<Uint8Array> {
    return this.#native.apt.cat(index.file, near);
  }

  /**
   * Changes whenever the solver may answer otherwise: names all indices that it sees.
   *
   * @returns undefined before the first refresh
   */
  async solverState(): Promise<string | undefined> {
    return (await this.#native.state()).solver;
  }

  /**
   * What apt would install for some packages on a machine of the native architecture that has nothing, dependencies
   * included.
   *
   * @param names packages, also apt patterns such as `?essential`
   * @returns in apt's order of installation
   * @throws LockstepError PACKAGE_UNKNOWN when a name is unknown or its dependencies can't be met, ARCHIVE_UNREACHABLE
   *   before the first refresh
   */
  async closure(names: readonly string[]): Promise<DebRef[]> {
    const solver = await this.solverState();
    if (solver === undefined) {
      const message = `${this.suites.join(', ')}: the archive has not been read yet`;
      throw new LockstepError('ARCHIVE_UNREACHABLE', message, { hint: 'lockstep plan' });
    }
    const folder = this.#native.copies.solverFolder(solver);
    const options = [
      `Dir::State::lists=${folder}/`,
      `Dir::Cache::pkgcache=${folder}/pkgcache.bin`,
      'Dir::Cache::srcpkgcache=',
    ].flatMap((option) => ['-o', option]);
    return await aptClosure(this.#native.apt, names, this.suites, this.options.signal, options);
  }

  /** Where the suites' source packages are looked for; nothing is made or fetched before it is asked. */
  get sourceRoot(): SourceRoot {
    const { root, machine, signal } = this.options;
    this.#sourceRoot ??= new SourceRoot({
      folder: path.join(root, 'source'),
      sources: [...this.#entries, ...this.#base],
      architecture: machine.architecture,
      transport: machine.transport,
      signal,
    });
    return this.#sourceRoot;
  }

  /**
   * Fetches packages into the shared folder; what is there already is not fetched again.
   *
   * @returns the paths, in the order of the references
   * @throws LockstepError ARCHIVE_UNREACHABLE, ARCHIVE_ALTERED (nothing altered is kept), DISK_FULL
   */
  async fetch(refs: readonly DebRef[]): Promise<string[]> {
    return await fetchDebs(this.#native.apt, refs, this.options);
  }
}

interface ArchState {
  architecture: string;
  state: RootState;
}

const RANK = { good: 0, stale: 1, missing: 2 };

/** The record, or what it is worth when its file is gone from the disk. */
async function checked(record: IndexRecord, root: ArchRoot): Promise<IndexRecord> {
  if (record.copy === undefined || (await root.copies.has(record.copy))) {
    return record;
  }
  const problem: Problem = {
    code: 'ARCHIVE_UNREACHABLE',
    message: `${record.suite} ${record.component} ${record.architecture}: the copy of the index is gone from ${root.folder}`,
    hint: 'lockstep plan',
  };
  return { ...record, state: 'missing', lastGood: undefined, problem, copy: undefined };
}
