import * as path from 'node:path';
import { LockstepError } from '../core/errors.ts';
import { exists } from '../core/files.ts';
import type { DebCache } from './deb-cache.ts';
import type { PooledDeb } from './indices.ts';
import type { FileOperations } from './operations.ts';
import type { PublishedSuite } from './published.ts';

/** A package and the file its bytes come from. */
export interface PoolEntry extends PooledDeb {
  /** Absolute path. */
  file: string;
}

function conflict(filename: string, why: string): LockstepError {
  return new LockstepError('REPOSITORY_INVALID', `${filename} ${why}`, {
    hint: 'give the changed package a higher version: a published file never changes its bytes',
  });
}

/**
 * The one entry of each file in the pool.
 *
 * @throws LockstepError REPOSITORY_INVALID when a file should have two contents, or other ones than it was
 *   published with
 */
export function planPool(
  wanted: readonly PoolEntry[],
  published: Iterable<PublishedSuite>,
): Map<string, PoolEntry> {
  const hashes = new Map<string, string>();
  for (const suite of published) {
    for (const deb of [...suite.debs, ...suite.formerDebs]) {
      hashes.set(deb.filename, deb.sha256);
    }
  }
  const plan = new Map<string, PoolEntry>();
  for (const entry of wanted) {
    const before = hashes.get(entry.filename);
    if (before !== undefined && before !== entry.sha256) {
      throw conflict(entry.filename, `was published with other bytes than ${entry.file} has`);
    }
    const same = plan.get(entry.filename);
    if (same !== undefined && same.sha256 !== entry.sha256) {
      throw conflict(entry.filename, `would be both ${same.file} and ${entry.file}`);
    }
    plan.set(entry.filename, entry);
  }
  return plan;
}

/**
 * Compares the pool with the plan and returns what has yet to be placed. A file that no published state names was left by a run that was killed; it
 * was never seen and may be replaced.
 *
 * @throws LockstepError REPOSITORY_INVALID when a published file was altered
 */
export async function comparePool(
  directory: string,
  plan: ReadonlyMap<string, PoolEntry>,
  published: Iterable<PublishedSuite>,
  cache: DebCache,
): Promise<PoolEntry[]> {
  const named = new Set<string>();
  for (const suite of published) {
    for (const deb of [...suite.debs, ...suite.formerDebs]) {
      named.add(deb.filename);
    }
  }
  const place: PoolEntry[] = [];
  for (const [filename, entry] of plan) {
    const target = path.join(directory, filename);
    const present = (await exists(target)) ? await cache.identify(target) : undefined;
    if (present?.sha256 === entry.sha256) {
      continue;
    }
    if (present !== undefined && named.has(filename)) {
      throw new LockstepError(
        'REPOSITORY_INVALID',
        `${target} was altered after it was published`,
        {
          hint: `rm '${target}', then publish again: it is put back as it was`,
        },
      );
    }
    place.push(entry);
  }
  return place;
}

/** Puts files into the pool. Nothing names them yet. */
export async function placeInPool(
  directory: string,
  entries: readonly PoolEntry[],
  disk: FileOperations,
): Promise<void> {
  for (const entry of entries) {
    await disk.place(entry.file, path.join(directory, entry.filename));
  }
}
