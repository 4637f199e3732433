import * as path from 'node:path';
import { pruneIndices, prunePool } from './clean.ts';
import { slugOf } from './names.ts';
import type { FileOperations } from './operations.ts';
import { placeInPool, type PoolEntry } from './pool.ts';
import type { SuitePublication } from './publication.ts';
import { generationOf, type PublishedSuite } from './published.ts';
import { formatSourcesFile } from './sources.ts';
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
  for (const { suite, component, architectures } of suites) {
    const text = formatSourcesFile({
      url,
      suite,
      component,
      architectures,
      publicKey,
    });
    await disk.write(path.join(directory, `${suite}.sources`), text);
  }
  await disk.flush();
}

/** The folders from a file's up to the repository's root. */
function foldersOf(directory: string, file: string): string[] {
  const folders: string[] = [];
  let current = path.dirname(file);
  while (current.startsWith(`${directory}${path.sep}`)) {
    folders.push(current);
    current = path.dirname(current);
  }
  return [...folders, directory];
}

/** Writes the plans out, in the order that keeps every InRelease true at every instant. */
export async function writeAll(
  directory: string,
  pool: { all: Iterable<string>; missing: readonly PoolEntry[] },
  plans: readonly SuitePlan[],
  disk: FileOperations,
): Promise<void> {
  await placeInPool(directory, pool.missing, disk);
  const changed = plans.filter((plan) => plan.inRelease !== undefined);
  if (changed.length > 0) {
    // A publisher that was killed may have placed files without making their names durable.
    for (const filename of pool.all) {
      for (const folder of foldersOf(directory, path.join(directory, filename))) {
        disk.touch(folder);
      }
    }
  }
  await disk.flush();
  for (const plan of plans) {
    if (plan.inRelease !== undefined) {
      for (const { path: name } of plan.live.files) {
        const file = path.join(directory, 'dists', plan.suite, name);
        for (const folder of foldersOf(directory, file)) {
          disk.touch(folder);
        }
      }
    }
    await writeSuite(directory, plan, disk);
  }
}

/** Removes what no kept state names; done last, for readers that began before. */
export async function prune(
  directory: string,
  state: ReadonlyMap<string, PublishedSuite>,
  disk: FileOperations,
): Promise<void> {
  const wanted = new Set<string>();
  let isKnown = true;
  for (const { suite, live, former, debs, formerDebs } of state.values()) {
    if (live === undefined) {
      // Not published to its end, or not by Lockstep: what it needs is not known.
      isKnown = false;
      continue;
    }
    await pruneIndices(directory, { suite, live: generationOf(live), former }, disk);
    for (const deb of [...debs, ...formerDebs]) {
      wanted.add(deb.filename);
    }
  }
  if (isKnown) {
    await prunePool(directory, wanted, disk);
  }
  await disk.flush();
}
