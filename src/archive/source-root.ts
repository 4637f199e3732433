import * as fs from 'node:fs/promises';
import * as path from 'node:path';
import { LockstepError } from '../core/errors.ts';
import { withoutEpoch } from '../debian/version.ts';
import type { SourcePackageRef } from '../model/packages.ts';
import { type Apt, aptWith } from '../programs/apt.ts';
import { explainAptFailure } from './apt-errors.ts';
import { writePrivateRoot } from './private-root.ts';
import { archiveSourceOf, type SuiteSource } from './suite-sources.ts';

export interface SourceRootOptions {
  /** Folder of the private root. */
  folder: string;
  sources: readonly SuiteSource[];
  architecture: string;
  transport: readonly string[];
  signal: AbortSignal | undefined;
}

/** A file of a source package, as a signed index names it. */
export interface SourceFile {
  name: string;
  uri: string;
  /** Hex SHA-256. */
  sha256: string;
  size: number;
}

const PRINTED =
  /^'(?<uri>[^']+)' (?<name>[A-Za-z0-9][\w.+~-]*) (?<size>\d+) SHA256:(?<sha256>[0-9a-f]{64})$/gm;

/**
 * The private root that source packages are got through, apart from those that plans are made of: an index of sources
 * is 10 MB, and is asked for only when a module is packaged for the first time.
 */
export class SourceRoot {
  readonly #options: SourceRootOptions;
  readonly #apt: Apt;
  #refreshed: Promise<void> | undefined;

  constructor(options: SourceRootOptions) {
    this.#options = options;
    // apt-get passes over files that lie in the folder it runs in.
    this.#apt = aptWith(path.join(options.folder, 'apt.conf'), options.folder);
  }

  /** Brings the indices up to date, once for each object. */
  #refresh(): Promise<void> {
    this.#refreshed ??= this.#update();
    return this.#refreshed;
  }

  async #update(): Promise<void> {
    const { folder, sources, architecture, transport, signal } = this.#options;
    await writePrivateRoot(
      folder,
      sources.map((source) => archiveSourceOf(source, architecture, 'deb-src')),
      [architecture],
      transport,
    );
    // Searched from end to end for each package: not kept compressed.
    const result = await this.#apt.get(['-o', 'Acquire::GzipIndexes=false', 'update'], signal);
    if (result.exitCode !== 0) {
      throw explainAptFailure('reading the sources', result.stderr);
    }
  }

  /**
   * Looks for a source package.
   *
   * @returns its files, the `.dsc` among them; undefined when the archive has it no more, or no sources at all
   * @throws LockstepError ARCHIVE_*: the archive can't be read now; INTERRUPTED
   */
  async find({ name, version }: SourcePackageRef): Promise<SourceFile[] | undefined> {
    await this.#refresh();
    const result = await this.#apt.get(
      [
        ...['-qq', 'source', '--only-source', '--download-only', '--print-uris'],
        `${name}=${version}`,
      ],
      this.#options.signal,
    );
    const files = [...result.stdout.matchAll(PRINTED)].map(({ groups }): SourceFile => {
      const { uri = '', name: file = '', sha256 = '', size } = groups ?? {};
      return { name: file, uri, sha256, size: Number(size) };
    });
    // apt takes another version, with a warning, where it lacks the one that is asked for.
    const isIt = files.some(({ name: file }) => file === dscName(name, version));
    if (
      result.exitCode !== 0 &&
      !/Unable to find a source package|You must put some/.test(result.stderr)
    ) {
      throw explainAptFailure(`looking for the source ${name}`, result.stderr);
    }
    return result.exitCode === 0 && isIt ? files : undefined;
  }

  /**
   * Fetches files into a folder; each has the hash that the index says.
   *
   * @throws LockstepError SOURCE_UNAVAILABLE when the mirror has not got a file that its index names, as mirrors without
   *   sources do; ARCHIVE_UNREACHABLE, ARCHIVE_ALTERED, DISK_FULL, INTERRUPTED
   */
  async fetch(files: readonly SourceFile[], folder: string): Promise<void> {
    const result = await this.#apt.helper(
      [
        'download-file',
        ...files.flatMap(({ uri, name, sha256 }) => [
          ...[uri, path.join(folder, name), `SHA256:${sha256}`],
        ]),
      ],
      Math.max(...files.map(({ size }) => size)),
      this.#options.signal,
    );
    if (result.exitCode !== 0) {
      const said = result.stderr + result.stdout;
      const failure = explainAptFailure('fetching a source package', said);
      throw failure.code === 'ARCHIVE_UNREACHABLE' && /404 +Not Found|File not found/.test(said)
        ? new LockstepError('SOURCE_UNAVAILABLE', failure.message, { cause: failure })
        : failure;
    }
    for (const { name, size } of files) {
      if ((await fs.stat(path.join(folder, name))).size !== size) {
        throw new LockstepError('ARCHIVE_ALTERED', `${name} has not the size that its index says`);
      }
    }
  }
}

function dscName(name: string, version: string): string {
  return `${name}_${withoutEpoch(version)}.dsc`;
}
