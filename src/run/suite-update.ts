import * as path from 'node:path';
import { exists } from '../core/files.ts';
import { sha256File } from '../core/hash.ts';
import { compareVersions } from '../debian/version.ts';
import type { Publication, Publications } from '../ledger/schema.ts';
import type { MadePackage, PackagerOptions } from '../packager/packages.ts';
import { poolPath } from '../publisher/names.ts';
import type { Context } from './context.ts';

const MAX_REBUILDS = 1000;

/** The maintainer of what is built, when the configuration names none. */
export function maintainerOf(context: Context): string {
  const { maintainer, origin } = context.config.repository;
  return maintainer ?? `${origin} <lockstep@localhost.invalid>`;
}

/** `name:architecture`, by which publications are kept. */
export function publicationId(name: string, architecture: string): string {
  return `${name}:${architecture}`;
}

/** Name and architecture of a publication's id. */
export function splitPublicationId(id: string): { name: string; architecture: string } {
  const end = id.lastIndexOf(':');
  return { name: id.slice(0, end), architecture: id.slice(end + 1) };
}

function packageBase(version: string): string {
  return version.replace(/\+b\d+$/, '');
}

/** A version with a rebuild number. */
export function rebuilt(version: string, rebuild: number): string {
  return rebuild === 0 ? version : `${version}+b${rebuild}`;
}

function rebuildNumber(version: string): number {
  return Number(/\+b(?<number>\d+)$/.exec(version)?.groups?.['number'] ?? 0);
}

/** Whether a package can be published after another one of its name, such that machines take it. */
function follows(version: string, sha256: string, previous: Publication | undefined): boolean {
  return (
    previous === undefined ||
    previous.sha256 === sha256 ||
    packageBase(previous.version) !== packageBase(version) ||
    compareVersions(version, previous.version) > 0
  );
}

/** What a package is, for those who judge publications without it. */
export type PublicationFacts = Pick<
  Publication,
  'kind' | 'module' | 'moduleVersion' | 'kernel' | 'line' | 'track' | 'key' | 'sources'
>;

/** One suite's publications while they are brought up to date. */
export class SuiteUpdate {
  readonly #context: Context;
  readonly options: PackagerOptions;
  readonly after: Publications[string];
  readonly #before: Publications[string];
  readonly #all: Publications;
  readonly #now = new Date().toISOString();

  /**
   * @param all what all suites have; those that were brought up to date before as they shall be
   * @param keyring as the packager's option of that name
   */
  constructor(context: Context, suite: string, all: Publications, keyring?: string) {
    this.#context = context;
    this.#all = all;
    this.#before = all[suite] ?? {};
    this.options = {
      directory: path.join(context.config.state, 'packages'),
      maintainer: maintainerOf(context),
      origin: context.config.repository.origin,
      keyring,
    };
    this.after = { ...this.#before };
  }

  /** Leaves a package out of what is published. */
  drop(id: string): void {
    delete this.after[id];
  }

  /** What all suites have of a package. */
  #everywhere(id: string): Publication[] {
    return [this.#before, ...Object.values(this.#all)].flatMap((suite) => suite[id] ?? []);
  }

  /** The source packages that a package of this build is published with. */
  sourcesOf(id: string, key: string): Publication['sources'] {
    return this.#everywhere(id).find((entry) => entry.key === key && entry.sources !== undefined)
      ?.sources;
  }

  /** The `.buildinfo` that these bytes are published with. */
  buildinfoOf(id: string, { sha256 }: Pick<Publication, 'sha256'>): Publication['buildinfo'] {
    return this.#everywhere(id).find(
      (entry) => entry.sha256 === sha256 && entry.buildinfo !== undefined,
    )?.buildinfo;
  }

  /**
   * Publishes a package: as it is when it was made of the same things and its file is there, else made anew under a
   * version that no suite has with other bytes: the rebuild number rises as long as the published one is of the same
   * version but for that number and has other content. Suites that need the same package get the same file.
   *
   * A package that machines follow (tracking, drop-in, guard) never falls: one that would gets the published version and a
   * higher rebuild number, else machines would keep the old one, and the kernel that it holds.
   *
   * @param make makes the package with a rebuild number, of another version than its own where one is given
   * @returns the version that is published
   */
  async put(
    id: string,
    identity: string,
    facts: PublicationFacts,
    make: (rebuild: number, base?: string) => Promise<MadePackage>,
  ): Promise<string> {
    const previous = this.#before[id];
    const published = Object.values(this.#all).flatMap((suite) => suite[id] ?? []);
    const same = [previous, ...published].filter((entry) => entry?.identity === identity);
    for (const entry of same) {
      if (
        entry !== undefined &&
        (entry === previous || follows(entry.version, entry.sha256, previous)) &&
        (await exists(path.join(this.options.directory, entry.file)))
      ) {
        const since = entry === previous ? entry.since : this.#now;
        this.after[id] = { ...entry, ...facts, since };
        return entry.version;
      }
    }
    for (let rebuild = 0; rebuild < MAX_REBUILDS; rebuild += 1) {
      let made = await make(rebuild);
      if (
        previous !== undefined &&
        facts.kind !== 'module' &&
        compareVersions(made.version, previous.version) < 0
      ) {
        const next = rebuildNumber(previous.version) + 1 + rebuild;
        made = await make(next, packageBase(previous.version));
      }
      const sha256 = await sha256File(made.file);
      const isFree = published.every(
        (entry) => entry.version !== made.version || entry.sha256 === sha256,
      );
      if (
        isFree &&
        (await this.#hasRoom(made, sha256)) &&
        follows(made.version, sha256, previous)
      ) {
        this.#set(id, made, sha256, identity, facts);
        return made.version;
      }
    }
    throw new Error(`no free version after ${MAX_REBUILDS} rebuilds`);
  }

  /** Whether the repository has no other bytes under a package's name, not even of an earlier state. */
  async #hasRoom(made: MadePackage, sha256: string): Promise<boolean> {
    const { directory } = this.#context.config.repository;
    const file = poolPath('main', made);
    return (
      !(await exists(path.join(directory, file))) ||
      (await sha256File(path.join(directory, file))) === sha256
    );
  }

  #set(
    id: string,
    made: MadePackage,
    sha256: string,
    identity: string,
    facts: PublicationFacts,
  ): void {
    const previous = this.#before[id];
    if (previous !== undefined && compareVersions(made.version, previous.version) < 0) {
      this.#context.emit({
        type: 'warning',
        code: 'VERSION_FELL',
        message: `${made.name} falls from ${previous.version} to ${made.version}: machines keep what they have`,
      });
    }
    this.after[id] = {
      version: made.version,
      architecture: made.architecture,
      file: path.relative(this.options.directory, made.file),
      sha256,
      identity,
      since: previous?.sha256 === sha256 ? previous.since : this.#now,
      ...facts,
    };
  }
}
