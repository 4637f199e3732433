import { existsSync } from 'node:fs';
import * as path from 'node:path';
import { type KeptSuite, pruneIndices } from './clean.ts';
import { namedHashes } from './named.ts';
import { slugOf } from './names.ts';
import type { FileOperations } from './operations.ts';
import { foldersOf, type MissingDeb, placeInPool, type PoolComparison, prunePool } from './pool.ts';
import type { SuitePublication } from './publication.ts';
import { generationOf, type SuiteHead } from './published.ts';
import { formatSourcesFile } from './sources.ts';
import { setStates } from './state.ts';
import type { Store } from './store.ts';
import { type SuitePlan, writeSuite } from './suite.ts';

/** The files by which machines get to know the repository. */
export async function writeClientFiles(
  directory: string,
  repository: { origin: string; url: string; publicKey: string },
  suites: readonly SuitePublication[],
  disk: FileOperations,
): Promise<void> {
  const { origin, url, publicKey } = repository;
  const keyring = `${slugOf(origin)}-archive-keyring.asc`;
  await disk.write(path.join(directory, keyring), publicKey);
  for (const { suite, component, architectures, sources } of suites) {
    const text = formatSourcesFile({
      url,
      suite,
      component,
      architectures,
      publicKey,
      hasSources: sources !== undefined,
    });
    await disk.write(path.join(directory, `${suite}.sources`), text);
  }
  await disk.flush();
}

/** Makes all names of the pool durable, whoever gave them: a publisher that was killed may have given some. */
function touchPool(directory: string, store: Store, disk: FileOperations): void {
  const folders = new Set(
    store.texts('SELECT DISTINCT folder FROM named').flatMap((folder) => foldersOf(`${folder}/.`)),
  );
  // The first publication may have nothing in its pool, and no folder yet.
  for (const folder of [...folders, '.']) {
    const place = path.join(directory, folder);
    if (existsSync(place)) {
      disk.touch(place);
    }
  }
}

export interface Writing {
  store: Store;
  directory: string;
  missing: readonly MissingDeb[];
  plans: readonly SuitePlan[];
  /** Whether nothing that is there is taken on trust. */
  isThorough: boolean;
}

/** Writes the plans out, in the order that keeps every InRelease true at every instant. */
export async function writeAll(
  { store, directory, missing, plans, isThorough }: Writing,
  disk: FileOperations,
): Promise<void> {
  await placeInPool(store, directory, missing, disk);
  if (isThorough && plans.some((plan) => plan.inRelease !== undefined)) {
    touchPool(directory, store, disk);
  }
  await disk.flush();
  for (const plan of plans) {
    await writeSuite(directory, plan, disk, isThorough);
  }
}

/** Makes the store's states those that were written. */
function noteStates(store: Store, plans: readonly SuitePlan[]): void {
  for (const { suite, release, inRelease, former } of plans) {
    if (inRelease !== undefined) {
      setStates(store, suite, release, former);
      store.run('UPDATE suite SET generation = generation + 1 WHERE suite = ?', suite);
    }
  }
}

/** Forgets what a package says when nothing names it, and no suite was given it last. */
function forgetUnused(store: Store, hash: string): void {
  const isUsed =
    store.get('SELECT 1 FROM named WHERE sha256 = ?', hash) ??
    store.get('SELECT 1 FROM member WHERE sha256 = ?', hash);
  if (isUsed === undefined) {
    store.run('DELETE FROM deb WHERE sha256 = ?', hash);
    store.run('DELETE FROM path WHERE sha256 = ?', hash);
  }
}

/** Packages of states that are kept no more, which no kept state has. */
function takeUnnamed(store: Store): string[] {
  const expired = store.all(
    `SELECT DISTINCT folder, file, sha256 FROM suite CROSS JOIN named USING (suite)
     WHERE until > 0 AND until < generation - json_array_length(former)`,
  );
  if (expired.length === 0) {
    return [];
  }
  store.run(
    `DELETE FROM named WHERE until > 0 AND until < (SELECT generation - json_array_length(former)
       FROM suite WHERE suite.suite = named.suite)`,
  );
  const unnamed: string[] = [];
  for (const row of expired) {
    const filename = `${String(row['folder'])}/${String(row['file'])}`;
    if (namedHashes(store, filename).length === 0) {
      unnamed.push(filename);
    }
    forgetUnused(store, String(row['sha256']));
  }
  return unnamed;
}

/**
 * Removes what no kept state names; done last, for readers that began before.
 *
 * @param found what was found in the pool and is of no state
 * @returns the folders of the pool that changed
 */
export async function prune(
  { store, directory, plans }: Pick<Writing, 'store' | 'directory' | 'plans'>,
  suites: ReadonlyMap<string, SuiteHead>,
  { unnamed, emptyFolders }: Pick<PoolComparison, 'unnamed' | 'emptyFolders'>,
  disk: FileOperations,
): Promise<string[]> {
  noteStates(store, plans);
  const states = new Map<string, KeptSuite | undefined>();
  for (const { suite, live, former } of suites.values()) {
    states.set(suite, live === undefined ? undefined : { suite, live: generationOf(live), former });
  }
  for (const { suite, live, former } of plans) {
    states.set(suite, { suite, live, former });
  }
  for (const kept of states.values()) {
    if (kept !== undefined) {
      await pruneIndices(directory, kept, disk);
    }
  }
  // A suite without InRelease was not published to its end, or not by Lockstep: what it needs is not known.
  const isAllKnown = [...states.values()].every((kept) => kept !== undefined);
  const gone = isAllKnown ? [...new Set([...unnamed, ...takeUnnamed(store)])] : [];
  const folders = isAllKnown ? await prunePool(store, directory, gone, emptyFolders, disk) : [];
  await disk.flush();
  return folders;
}
