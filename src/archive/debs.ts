import { randomBytes } from 'node:crypto';
import * as fs from 'node:fs/promises';
import * as path from 'node:path';
import { LockstepError } from '../core/errors.ts';
import type { Emit } from '../model/events.ts';
import type { DebRef } from '../model/packages.ts';
import type { Apt } from '../programs/apt.ts';
import { explainAptFailure } from './apt-errors.ts';

/**
 * Fetches packages into a folder, each named by its SHA-256; what is there already is not fetched again.
 *
 * @returns the paths, in the order of the references
 * @throws LockstepError ARCHIVE_UNREACHABLE, ARCHIVE_ALTERED (nothing altered is kept), DISK_FULL
 */
export async function fetchDebs(
  apt: Apt,
  refs: readonly DebRef[],
  options: { debs: string; emit: Emit; signal?: AbortSignal | undefined },
): Promise<string[]> {
  const { debs, emit, signal } = options;
  await fs.mkdir(debs, { recursive: true });
  const fileOf = (ref: DebRef): string => path.join(debs, `${ref.sha256}.deb`);
  const missing: DebRef[] = [];
  for (const ref of new Map(refs.map((entry) => [entry.sha256, entry])).values()) {
    const present = await fs.stat(fileOf(ref)).catch(() => undefined);
    if (present?.size !== ref.size) {
      missing.push(ref);
    }
  }
  if (missing.length > 0) {
    const bytes = missing.reduce((sum, ref) => sum + ref.size, 0);
    emit({ type: 'fetch', what: `${missing.length} packages`, bytes });
    const suffix = `${randomBytes(6).toString('hex')}.partial`;
    const partial = (ref: DebRef): string => path.join(debs, `${ref.sha256}.${suffix}`);
    const result = await apt.helper(
      [
        'download-file',
        ...missing.flatMap((ref) => [ref.uri, partial(ref), `SHA256:${ref.sha256}`]),
      ],
      Math.max(...missing.map((ref) => ref.size)),
      signal,
    );
    if (result.exitCode !== 0) {
      await removePartials(debs, suffix);
      throw explainAptFailure('fetching packages', result.stderr + result.stdout);
    }
    await Promise.all(missing.map((ref) => fs.rename(partial(ref), fileOf(ref))));
  }
  return refs.map(fileOf);
}

/** Removes what downloads that did not end well have left; apt adds endings of its own (`.FAILED`). */
export async function removePartials(debs: string, suffix = '.partial'): Promise<void> {
  for (const name of await fs.readdir(debs).catch(() => [])) {
    if (name.includes(suffix)) {
      await fs.rm(path.join(debs, name), { force: true });
    }
  }
}

/**
 * What apt would install for some packages on a machine that has nothing, dependencies included.
 *
 * @param names packages, also apt patterns such as `?essential`
 * @param suites for the error's text
 * @param options further options of apt-get
 * @returns in apt's order of installation
 * @throws LockstepError PACKAGE_UNKNOWN when a name is unknown or its dependencies can't be met
 */
export async function aptClosure(
  apt: Apt,
  names: readonly string[],
  suites: readonly string[],
  signal?: AbortSignal,
  options: readonly string[] = [],
): Promise<DebRef[]> {
  const simulate = ['-qq', '--yes', '--print-uris', '--no-install-recommends'];
  const result = await apt.get([...options, 'install', ...simulate, ...names], signal);
  if (result.exitCode !== 0) {
    const said = result.stderr.split('\n').find((line) => line.startsWith('E:')) ?? result.stderr;
    throw new LockstepError(
      'PACKAGE_UNKNOWN',
      `apt can't put together what a build needs from ${suites.join(', ')}: ${said.trim()}`,
      { hint: 'check `suites` and `components` of the archive' },
    );
  }
  return parsePrintedUris(result.stdout);
}

const PRINTED = /^'(?<uri>[^']+)' (?<file>\S+) (?<size>\d+) SHA256:(?<sha256>[0-9a-f]{64})$/;

/** Reads `--print-uris` with `Acquire::ForceHash SHA256`: `'URI' name_version_arch.deb size SHA256:…` a line. */
export function parsePrintedUris(text: string): DebRef[] {
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => {
      const groups = PRINTED.exec(line)?.groups;
      const [name, version, architecture] = (groups?.['file'] ?? '')
        .replace(/\.deb$/, '')
        .split('_');
      const { uri, size, sha256 } = groups ?? {};
      if (!name || !version || !architecture || uri === undefined || sha256 === undefined) {
        throw new LockstepError(
          'ARCHIVE_UNSIGNED',
          `apt named a package without a SHA-256: ${line}`,
        );
      }
      return {
        name,
        version: decodeURIComponent(version),
        architecture,
        sha256,
        size: Number(size),
        uri,
      };
    });
}
