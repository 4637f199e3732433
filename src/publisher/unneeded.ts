import * as path from 'node:path';
import { removeLeftovers } from './clean.ts';
import type { FileOperations } from './operations.ts';
import { RETAINED_GENERATIONS } from './publish.ts';
import { readPublished } from './published.ts';
import { prune } from './write.ts';

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

/**
 * The files of a repository that no kept state of a suite names, as the next publication will remove them. Changes
 * nothing.
 *
 * @returns paths below `directory`, sorted
 * @throws LockstepError REPOSITORY_INVALID when a suite can't be read
 */
export async function unneededFiles(directory: string): Promise<string[]> {
  const top = path.resolve(directory);
  const files: string[] = [];
  const disk = noting(files);
  const published = await readPublished(top, RETAINED_GENERATIONS - 1);
  await removeLeftovers(top, disk);
  // Where no suite is there, the next publication knows what the pool is for.
  if (published.size > 0) {
    await prune(top, published, disk);
  }
  return files.map((file) => path.relative(top, file)).toSorted();
}
