import * as fs from 'node:fs/promises';
import * as path from 'node:path';
import { writeFileAtomic } from '../core/files.ts';
import { sha256 } from '../core/hash.ts';
import type { Apt } from '../programs/apt.ts';
import type { RunResult } from '../programs/run.ts';
import type { IndexTarget } from './indices.ts';
import { formatSources } from './private-root.ts';
import { parseSuiteRelease, type SuiteRelease } from './releases.ts';
import { archiveSourceOf, type SuiteSource, suiteId } from './suite-sources.ts';

/** A Release file that apt has verified. */
export interface ListedRelease {
  /** Its name among the lists. */
  name: string;
  release: SuiteRelease;
}

export interface ListContents {
  /** The indices that are there. */
  targets: IndexTarget[];
  /** By {@link suiteId}. */
  releases: Map<string, ListedRelease>;
}

/** apt's folder of lists in a private root, driven through apt itself. */
export class AptLists {
  readonly root: string;
  readonly folder: string;
  readonly #apt: Apt;
  readonly #architecture: string;
  readonly #signal: AbortSignal | undefined;

  /** @param root a private root as writePrivateRoot makes it */
  constructor(root: string, apt: Apt, architecture: string, signal: AbortSignal | undefined) {
    this.root = root;
    this.folder = path.join(root, 'var/lib/apt/lists');
    this.#apt = apt;
    this.#architecture = architecture;
    this.#signal = signal;
  }

  /** Whether anything in the folder changed: names, sizes and times of all files. */
  async signature(): Promise<string> {
    const names = (await fs.readdir(this.folder)).filter((name) => name.includes('_dists_'));
    const stats = await Promise.all(
      names.toSorted().map(async (name) => {
        const { size, mtimeMs } = await fs.stat(path.join(this.folder, name));
        return `${name} ${size} ${mtimeMs}`;
      }),
    );
    return sha256(stats.join('\n'));
  }

  /**
   * One apt-get update.
   *
   * @param sources all of the root's when undefined; else only these, and lists of others are kept
   */
  async update(sources: readonly SuiteSource[] | undefined): Promise<RunResult> {
    const options = [...NO_CACHE, 'update', '-q'];
    if (sources === undefined) {
      return await this.#apt.get(options, this.#signal);
    }
    const folder = path.join(this.root, 'round');
    await writeFileAtomic(
      path.join(folder, 'lockstep.sources'),
      formatSources(sources.map((source) => archiveSourceOf(source, this.#architecture))),
    );
    const some = ['-o', `Dir::Etc::sourceparts=${folder}`, '-o', 'APT::Get::List-Cleanup=false'];
    return await this.#apt.get([...some, ...options], this.#signal);
  }

  /**
   * What apt has of some sources, which have to be among those of the root. Which names it gives files only apt
   * knows; it prints them without asking the network or opening its cache.
   */
  async contents(sources: readonly SuiteSource[]): Promise<ListContents> {
    const printed = await this.#apt.get(
      [...NO_CACHE, 'update', '--print-uris', '-q'],
      this.#signal,
    );
    const present = await fs.readdir(this.folder);
    const releases = new Map<string, ListedRelease>();
    const targets: IndexTarget[] = [];
    const uris = parseListUris(printed.stdout);
    for (const source of sources) {
      const prefix = `${plainUri(source.base)}dists/${source.suite}/`;
      const own = uris.filter(({ uri }) => uri.startsWith(prefix));
      const inline = own.find(({ uri }) => uri === `${prefix}InRelease`)?.name;
      const release = await this.#readRelease(inline, present, source.suite);
      if (release === undefined) {
        continue;
      }
      releases.set(suiteId(source), release);
      for (const { uri, name } of own) {
        const key = uri.slice(prefix.length).replace(/\.[a-z0-9]+$/, '');
        const { component, architecture } = INDEX_KEY.exec(key)?.groups ?? {};
        const file = present.find((other) => other.replace(/\.[a-z0-9]+$/, '') === name);
        if (file === undefined || component === undefined || architecture === undefined) {
          continue;
        }
        targets.push({
          file: path.join(this.folder, file),
          base: source.base,
          suite: source.suite,
          codename: release.release.facts.codename,
          component,
          architecture,
          key,
        });
      }
    }
    return { targets, releases };
  }

  async #readRelease(
    inline: string | undefined,
    present: readonly string[],
    suite: string,
  ): Promise<ListedRelease | undefined> {
    const name = [inline, inline?.replace(/In(?=Release$)/, '')].find(
      (other) => other !== undefined && present.includes(other),
    );
    if (name === undefined) {
      return undefined;
    }
    const text = await fs.readFile(path.join(this.folder, name), 'utf8');
    return { name, release: parseSuiteRelease(text, suite) };
  }

  /**
   * Removes indices that apt must not take for current later: apt trusts what lies beside an unchanged Release file.
   *
   * @param kept paths of the indices that stay
   */
  async removeOthers(kept: ReadonlySet<string>): Promise<void> {
    for (const name of await fs.readdir(this.folder)) {
      const file = path.join(this.folder, name);
      if (/_Packages(?:\.\w+)?$/.test(name) && !kept.has(file)) {
        await fs.rm(file, { force: true });
      }
    }
  }
}

/** The solver makes its cache when it is asked; making it at every update takes longer than the update. */
const NO_CACHE = ['-o', 'pkgCacheFile::Generate=false'];

const INDEX_KEY = /^(?<component>.+)\/binary-(?<architecture>[^/]+)\/Packages$/;

/** An address as it is compared: without user, encoded signs as they are meant. */
function plainUri(uri: string): string {
  const plain = uri.replace(/^([^:]+:\/\/)[^/@]*@/, '$1');
  try {
    return decodeURI(plain);
  } catch {
    return plain;
  }
}

/** Reads `apt-get update --print-uris`: `'ADDRESS' NAME SIZE HASH` a line. */
function parseListUris(text: string): { uri: string; name: string }[] {
  return text.split('\n').flatMap((line) => {
    const { uri, name } = /^'(?<uri>[^']+)' (?<name>\S+)/.exec(line)?.groups ?? {};
    return uri === undefined || name === undefined ? [] : [{ uri: plainUri(uri), name }];
  });
}
