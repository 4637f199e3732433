import * as fs from 'node:fs/promises';
import * as path from 'node:path';
import { LockstepError } from '../core/errors.ts';
import type { Emit } from '../model/events.ts';
import type { DebRef } from '../model/packages.ts';
import { type Apt, aptWith } from '../programs/apt.ts';
import { explainAptFailure } from './apt-errors.ts';
import { aptClosure, fetchDebs } from './debs.ts';
import { type IndexFile, indexFilesOf } from './indices.ts';
import { DEBIAN_KEYRING, type MachineApt, requireMirror } from './machine.ts';
import { type ArchiveSource, writePrivateRoot } from './private-root.ts';
import { readReleases, type ReleaseFacts } from './releases.ts';

export { removePartials } from './debs.ts';

/** Some suites of one archive, as the configuration names them. */
export interface ArchiveSettings {
  suites: readonly string[];
  components: readonly string[];
  /** Name of the published suite; the first of `suites` when undefined. */
  publish?: string | undefined;
  /** The machine's own mirror when undefined. */
  mirror?: string | undefined;
  /** Debian's keyring when undefined. */
  keyring?: string | undefined;
  checkValidUntil: boolean;
}

export interface ArchiveOptions {
  /** Folder of the private root; made when missing. */
  root: string;
  /** Folder shared between archives in which fetched `.deb`s lie by their SHA-256. */
  debs: string;
  config: ArchiveSettings;
  architectures: readonly string[];
  machine: MachineApt;
  emit: Emit;
  signal?: AbortSignal | undefined;
}

/** Some suites that are used together, read through apt in a root of their own. */
export class Archive {
  readonly options: ArchiveOptions;
  readonly #apt: Apt;

  private constructor(options: ArchiveOptions, apt: Apt) {
    this.options = options;
    this.#apt = apt;
  }

  /**
   * Makes the private root. Nothing is fetched yet.
   *
   * @throws LockstepError MIRROR_UNKNOWN, ENVIRONMENT when a keyring is missing
   */
  static async open(options: ArchiveOptions): Promise<Archive> {
    const { config, machine, architectures } = options;
    const keyring = config.keyring ?? DEBIAN_KEYRING;
    await fs.access(keyring).catch((cause: unknown) => {
      throw new LockstepError('ENVIRONMENT', `the keyring ${keyring} can't be read`, {
        hint: 'apt-get install debian-archive-keyring, or name another `keyring`',
        cause,
      });
    });
    const byMirror = new Map<string, string[]>();
    for (const suite of config.suites) {
      const mirror = config.mirror ?? requireMirror(suite, machine);
      byMirror.set(mirror, [...(byMirror.get(mirror) ?? []), suite]);
    }
    const sources = [...byMirror].map(
      ([mirror, suites]): ArchiveSource => ({
        mirror,
        suites,
        components: config.components,
        architectures,
        keyring,
        checkValidUntil: config.checkValidUntil,
      }),
    );
    const file = await writePrivateRoot(options.root, sources, architectures, machine.transport);
    return new Archive(options, aptWith(file));
  }

  /** The published suite that these suites make up. */
  get name(): string {
    const { config } = this.options;
    return config.publish ?? config.suites[0] ?? 'unnamed';
  }

  /**
   * Brings the indices up to date; apt fetches only what changed.
   *
   * @throws LockstepError ARCHIVE_UNREACHABLE, ARCHIVE_EXPIRED, ARCHIVE_ALTERED, ARCHIVE_UNSIGNED, SUITE_UNKNOWN
   */
  async refresh(): Promise<ReleaseFacts[]> {
    const { emit, config } = this.options;
    const result = await this.#apt.get(['update', '-q'], this.options.signal);
    if (result.exitCode !== 0 || /^W: .*doesn't have the component/m.test(result.stderr)) {
      throw explainAptFailure(`reading ${config.suites.join(', ')}`, result.stderr + result.stdout);
    }
    const releases = await readReleases(path.join(this.options.root, 'var/lib/apt/lists'));
    for (const release of releases) {
      if (release.validUntil !== undefined && release.validUntil.getTime() < Date.now()) {
        emit({
          type: 'warning',
          code: 'ARCHIVE_EXPIRED',
          message: `the Release file of ${release.codename} is past its Valid-Until (${release.validUntil.toISOString()}); accepted because of checkValidUntil: false`,
        });
      }
    }
    return releases;
  }

  /** The index files on disk, one a suite × component × architecture. */
  async indices(): Promise<IndexFile[]> {
    const result = await this.#apt.get(
      ['indextargets', '--format', INDEX_FORMAT, 'Created-By: Packages'],
      this.options.signal,
    );
    return indexFilesOf(result.stdout);
  }

  /** The decompressed bytes of one index. */
  readIndex(index: IndexFile): AsyncGenerator<Uint8Array> {
    return this.#apt.cat(index.file);
  }

  /**
   * What apt would install for some packages on a machine that has nothing, dependencies included.
   *
   * @param names packages, also apt patterns such as `?essential`
   * @returns in apt's order of installation
   * @throws LockstepError PACKAGE_UNKNOWN when a name is unknown or its dependencies can't be met
   */
  async closure(names: readonly string[]): Promise<DebRef[]> {
    return await aptClosure(this.#apt, names, this.options.config.suites, this.options.signal);
  }

  /**
   * Fetches packages into the shared folder; what is there already is not fetched again.
   *
   * @returns the paths, in the order of the references
   * @throws LockstepError ARCHIVE_UNREACHABLE, ARCHIVE_ALTERED (nothing altered is kept), DISK_FULL
   */
  async fetch(refs: readonly DebRef[]): Promise<string[]> {
    return await fetchDebs(this.#apt, refs, this.options);
  }
}

const INDEX_FORMAT =
  '$(FILENAME)\t$(REPO_URI)\t$(RELEASE)\t$(CODENAME)\t$(COMPONENT)\t$(ARCHITECTURE)';
