import * as path from 'node:path';
import { findLeftovers, list, pruneIndices } from './clean.ts';
import type { FileOperations } from './operations.ts';
import { RETAINED_GENERATIONS } from './publish.ts';
import { POOL_FILE } from './source-index.ts';
import { generationOf, type PublishedSuite, readHead, readSuite, suitesIn } from './published.ts';

/** Operations that remove nothing and note what they were asked to. */
function noting(files: string[]): FileOperations {
  const refuse = (): never => {
    throw new Error('only removals can be noted');
  };
  const note = (file: string): Promise<void> => {
    files.push(file);
    return Promise.resolve();
  };
  return {
    written: 0,
    write: refuse,
    place: refuse,
    remove: note,
    removeTree: note,
    removeEmpty: () => Promise.resolve(),
    touch: () => undefined,
    flush: () => Promise.resolve(),
  };
}

/** What lies in the pool and no state of a suite names; nothing where it is not known of all suites. */
async function unneededInPool(
  directory: string,
  suites: readonly PublishedSuite[],
): Promise<string[]> {
  // Where no suite is there, the next publication knows what the pool is for.
  const isKnown = suites.length > 0 && suites.every(({ live }) => live !== undefined);
  const named = new Set(
    suites.flatMap(({ debs, former }) =>
      [...debs, ...former.flatMap((state) => state.debs)].map(({ filename }) => filename),
    ),
  );
  const files: string[] = [];
  const entries = await list(path.join(directory, 'pool'), true);
  for (const entry of entries.filter((one) => one.isFile())) {
    const file = path.join(entry.parentPath, entry.name);
    const isOurs = isKnown && POOL_FILE.test(entry.name);
    if (entry.name.startsWith('.tmp-') || (isOurs && !named.has(path.relative(directory, file)))) {
      files.push(file);
    }
  }
  return files;
}

/**
 * The files of a repository that no kept state of a suite names, as the next publication will remove them. Changes
 * nothing.
 *
 * @returns paths below `directory`, sorted
 * @throws LockstepError REPOSITORY_INVALID when a suite can't be read
 */
export async function unneededFiles(directory: string): Promise<string[]> {
  const top = path.resolve(directory);
  const files = await findLeftovers(top);
  const disk = noting(files);
  const suites: PublishedSuite[] = [];
  for (const name of await suitesIn(top)) {
    const suite = await readSuite(top, await readHead(top, name, RETAINED_GENERATIONS - 1));
    suites.push(suite);
    if (suite.live !== undefined) {
      const { live, former } = suite;
      await pruneIndices(top, { suite: name, live: generationOf(live), former }, disk);
    }
  }
  files.push(...(await unneededInPool(top, suites)));
  return [...new Set(files)].map((file) => path.relative(top, file)).toSorted();
}
