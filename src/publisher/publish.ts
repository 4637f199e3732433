import * as path from 'node:path';
import { LockstepError } from '../core/errors.ts';
import { removeLeftovers } from './clean.ts';
import { openDebCache } from './deb-cache.ts';
import { explainRepositoryError } from './disk-errors.ts';
import { readEntries } from './entries.ts';
import { debId } from './indices.ts';
import type { SigningKey } from './key.ts';
import { singleLine } from './names.ts';
import { type FileOperations, fileOperations } from './operations.ts';
import { comparePool, planPool, type PoolEntry } from './pool.ts';
import { checkSuites, type SuitePublication } from './publication.ts';
import { type PublishedSuite, readPublished } from './published.ts';
import { planSuite, type SuitePlan } from './suite.ts';
import { prune, writeAll, writeClientFiles } from './write.ts';

/** States of a suite that stay whole, the live one among them, unless told otherwise. */
export const RETAINED_GENERATIONS = 3;

export interface PublisherOptions {
  /** The repository's root; made when it is missing. */
  directory: string;
  /** Where the cache lies; outside of `directory`. */
  stateDirectory: string;
  origin: string;
  /** The origin, when not given. */
  label?: string;
  description?: string;
  key: SigningKey;
  /** Address under which clients reach `directory`. */
  url: string;
  /** The instant that a changed Release file carries; never earlier than the one before it. */
  date: Date;
  /** Days for which a Release file holds; it is signed anew after half of them. For ever unless given. */
  validDays?: number | undefined;
  /** {@link RETAINED_GENERATIONS} when not given. */
  retainedGenerations?: number;
  /** How files are changed; given by tests. */
  disk?: FileOperations;
}

export interface PublishedSuiteSummary {
  suite: string;
  /** How many packages it has now. */
  packages: number;
  /** `name_version_architecture` of each package that it did not have before. */
  added: string[];
  removed: string[];
}

export interface PublishResult {
  /** Whether a file was written. */
  changed: boolean;
  suites: PublishedSuiteSummary[];
}

function summarise(
  suite: string,
  entries: readonly PoolEntry[],
  before: PublishedSuite | undefined,
): PublishedSuiteSummary {
  const had = new Set((before?.debs ?? []).map((deb) => deb.id));
  const has = new Set(entries.map(debId));
  return {
    suite,
    packages: has.size,
    added: [...has].filter((id) => !had.has(id)).sort(),
    removed: [...had].filter((id) => !has.has(id)).sort(),
  };
}

function checkInterrupted(signal: AbortSignal | undefined): void {
  if (signal?.aborted === true) {
    throw new LockstepError('INTERRUPTED', 'publishing was interrupted', { exitCode: 130 });
  }
}

async function publishInto(
  directory: string,
  options: PublisherOptions,
  suites: readonly SuitePublication[],
  signal: AbortSignal | undefined,
): Promise<PublishResult> {
  const disk = options.disk ?? fileOperations();
  const keep = Math.max(1, options.retainedGenerations ?? RETAINED_GENERATIONS) - 1;
  const cache = await openDebCache(options.stateDirectory);
  const published = await readPublished(directory, keep);
  const contents = new Map<SuitePublication, PoolEntry[]>();
  for (const publication of suites) {
    contents.set(publication, await readEntries(publication, cache, signal));
  }
  const pool = planPool([...contents.values()].flat(), published.values());
  const missing = await comparePool(directory, pool, published.values(), cache);
  await cache.save();

  const plans: SuitePlan[] = [];
  for (const [publication, entries] of contents) {
    checkInterrupted(signal);
    const { suite, codename, component, architectures } = publication;
    const { origin, label = origin, description } = options;
    const fields = {
      origin,
      label,
      suite,
      codename,
      notAutomatic: publication.notAutomatic === true,
      butAutomaticUpgrades: publication.butAutomaticUpgrades === true,
      architectures,
      components: [component],
      description,
      validDays: options.validDays,
    };
    plans.push(
      await planSuite({
        directory,
        fields,
        component,
        entries,
        published: published.get(suite),
        key: options.key,
        date: options.date,
        keep,
        signal,
      }),
    );
  }

  checkInterrupted(signal);
  await removeLeftovers(directory, disk);
  await writeAll(directory, { all: pool.keys(), missing }, plans, disk);
  const { origin, url, key } = options;
  await writeClientFiles(directory, { origin, url, publicKey: key.publicKey }, suites, disk);
  const isSigned = plans.some((plan) => plan.inRelease !== undefined);
  await prune(directory, isSigned ? await readPublished(directory, keep) : published, disk);
  return {
    changed: disk.written > 0,
    suites: [...contents].map(([{ suite }, entries]) =>
      summarise(suite, entries, published.get(suite)),
    ),
  };
}

/**
 * Publishes suites: pool, indices under their hashes, indices, Release, and InRelease by one rename, each stage on
 * disk before the next begins. Killed at any instant, each suite is in its old or its new state, and the next call
 * ends what was begun. When nothing is to be changed, nothing is written. Suites in the folder that are not given
 * stay as they are.
 *
 * One publisher at a time may work on a folder; whoever calls sees to that.
 *
 * @throws LockstepError CONFIG_INVALID, REPOSITORY_INVALID (a package or the repository is not as it must be),
 *   KEY_UNUSABLE, DISK_FULL, ENVIRONMENT (not writable), INTERRUPTED; what was published stays as it was
 */
export async function publish(
  options: PublisherOptions,
  suites: readonly SuitePublication[],
  signal?: AbortSignal,
): Promise<PublishResult> {
  singleLine('origin', options.origin);
  singleLine('label', options.label ?? options.origin);
  singleLine('url', options.url);
  if (options.description !== undefined) {
    singleLine('description', options.description);
  }
  checkSuites(suites);
  const directory = path.resolve(options.directory);
  try {
    return await publishInto(directory, options, suites, signal);
  } catch (error) {
    throw explainRepositoryError(error, directory);
  }
}
