import * as path from 'node:path';
import { findLeftovers } from './clean.ts';
import { explainRepositoryError } from './disk-errors.ts';
import {
  changeSuite,
  compareInput,
  idsOnlyIn,
  type InputChange,
  type SuiteChange,
} from './entries.ts';
import { checkInterrupted } from './interrupted.ts';
import type { SigningKey } from './key.ts';
import { learnDebs } from './known-debs.ts';
import { singleLine } from './names.ts';
import { type FileOperations, fileOperations } from './operations.ts';
import { comparePool, foldersOf, rememberFolders } from './pool.ts';
import { checkSuites, type SuitePublication } from './publication.ts';
import type { ReleaseFields } from './release.ts';
import { resignOthers } from './resign.ts';
import { beginChange, endChange, readState } from './state.ts';
import { isDamaged, Store } from './store.ts';
import { planSuite, type SuitePlan } from './suite.ts';
import { prune, writeAll, writeClientFiles, type Writing } from './write.ts';

/** Changes of the store that are worth a commit of their own. */
const MANY = 500;

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

function fieldsOf(
  { origin, label = origin, description, validDays }: PublisherOptions,
  publication: SuitePublication,
): Omit<ReleaseFields, 'files'> {
  const { suite, codename, component, architectures } = publication;
  return {
    ...{ origin, label, suite, codename, architectures, description, validDays },
    notAutomatic: publication.notAutomatic === true,
    butAutomaticUpgrades: publication.butAutomaticUpgrades === true,
    components: [component],
  };
}

/**
 * Reads packages that were never seen; what was read stays known, whatever becomes of the publication.
 *
 * @returns the hash of each file that came and is there
 */
async function learnAll(
  store: Store,
  inputs: readonly InputChange[],
  signal: AbortSignal | undefined,
): Promise<ReadonlyMap<string, string>> {
  const files = new Set(inputs.flatMap(({ come }) => come));
  const hashes = await learnDebs(store, [...files], signal);
  if (store.changes > MANY) {
    store.commit();
  }
  return hashes;
}

async function publishInto(
  store: Store,
  directory: string,
  options: PublisherOptions,
  suites: readonly SuitePublication[],
  signal: AbortSignal | undefined,
): Promise<PublishResult> {
  const disk = options.disk ?? fileOperations();
  const { key, date } = options;
  const keep = Math.max(1, options.retainedGenerations ?? RETAINED_GENERATIONS) - 1;
  const { suites: published, wasKnown } = await readState(store, directory, keep);
  const inputs = suites.map((publication) => ({
    publication,
    ...compareInput(store, publication),
  }));
  const hashes = await learnAll(store, inputs, signal);
  const changes: SuiteChange[] = [];
  for (const { publication, ...input } of inputs) {
    changes.push(await changeSuite(store, publication, input, hashes));
  }
  const newFiles = changes.flatMap((change) => change.newFiles);
  const places = new Map(changes.flatMap(({ files }) => [...files.places]));
  const pool = await comparePool(store, directory, newFiles, places, date.getTime());
  const plans: SuitePlan[] = [];
  for (const change of changes) {
    checkInterrupted(signal);
    const fields = fieldsOf(options, change.publication);
    const present = published.get(fields.suite);
    plans.push(
      await planSuite({ store, fields, change, published: present, key, date, keep, signal }),
    );
  }
  checkInterrupted(signal);

  const isChange =
    !wasKnown || pool.missing.length > 0 || plans.some((plan) => plan.inRelease !== undefined);
  if (isChange) {
    beginChange(store);
  }
  for (const leftover of [...(await findLeftovers(directory)), ...pool.leftovers]) {
    await disk.removeTree(leftover);
  }
  const writing: Writing = {
    ...{ store, directory, plans, missing: pool.missing },
    isThorough: !wasKnown,
  };
  await writeAll(writing, disk);
  const { origin, url } = options;
  await writeClientFiles(directory, { origin, url, publicKey: key.publicKey }, suites, disk);
  const given = new Set(suites.map(({ suite }) => suite));
  await resignOthers(directory, published.values(), given, key, disk, signal);
  const pruned = await prune(writing, published, pool, disk);
  if (isChange || store.changes > 0) {
    const placed = pool.missing.flatMap(({ filename }) => foldersOf(filename));
    rememberFolders(store, directory, [...pool.changedFolders, ...placed, ...pruned]);
    endChange(store, directory);
  }
  return {
    changed: disk.written > 0,
    suites: changes.map(({ publication: { suite }, packages, added, removed }) => ({
      suite,
      packages,
      added: idsOnlyIn(added, removed),
      removed: idsOnlyIn(removed, added),
    })),
  };
}

/** Publishes; with a store that turns out to be damaged once more, without it. */
async function publishWithStore(
  directory: string,
  options: PublisherOptions,
  suites: readonly SuitePublication[],
  signal: AbortSignal | undefined,
): Promise<PublishResult> {
  for (let isFirst = true; ; isFirst = false) {
    const store = await Store.open(options.stateDirectory);
    try {
      return await publishInto(store, directory, options, suites, signal);
    } catch (error) {
      if (!isFirst || !isDamaged(error)) {
        throw error;
      }
    } finally {
      store.close();
    }
    await Store.remove(options.stateDirectory);
  }
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
    return await publishWithStore(directory, options, suites, signal);
  } catch (error) {
    throw explainRepositoryError(error, directory);
  }
}
