import * as fs from 'node:fs/promises';
import * as path from 'node:path';
import { exists, readUntrustedFile } from '../core/files.ts';

/** A name that `cc` gives to a compilation. */
export const ENTRY = /^\d+(?:-\d+)*_\d+(?:-\d+)*$/;
const POOL = /^p_[0-9_-]+$/;
const SUFFIXES = ['args', 'd', 'local', 'err', 'o', 'fail'] as const;
const KEPT_NAME = /^(?:hits|again|p_[0-9_-]+|[0-9_-]+\.(?:args|d|local|err|o|fail))$/;

/** A build that leaves more than this is not worth keeping. */
const MOST_FILES = 60_000;
const MOST_BYTES = 4 * 1024 ** 3;

/**
 * The names in a folder that a build has left.
 *
 * @returns undefined unless it is a folder of plain files with the names that `cc` gives, not too many and not too large
 */
export async function namesOf(folder: string): Promise<string[] | undefined> {
  const stat = await fs.lstat(folder).catch(() => undefined);
  if (stat?.isDirectory() !== true) {
    return undefined;
  }
  const names: string[] = [];
  let bytes = 0;
  for await (const entry of await fs.opendir(folder)) {
    const file = await fs.lstat(path.join(folder, entry.name));
    bytes += file.size;
    names.push(entry.name);
    const isPlain = file.isFile() && file.nlink === 1 && KEPT_NAME.test(entry.name);
    if (!isPlain || names.length > MOST_FILES || bytes > MOST_BYTES) {
      return undefined;
    }
  }
  return names;
}

/** The compilations that a build has taken from its neighbour. */
export async function readHits(folder: string): Promise<string[]> {
  const text = await readUntrustedFile(path.join(folder, 'hits'), 16 * 1024 * 1024);
  const names = text?.toString('utf8').split('\n') ?? [];
  return [...new Set(names.filter((name) => ENTRY.test(name)))];
}

async function isPlainFile(file: string): Promise<boolean> {
  return (await fs.lstat(file).catch(() => undefined))?.isFile() === true;
}

/** Adds what was taken to what was made: as links, so that it takes no further room. Whole compilations only. */
export async function linkTaken(from: string, to: string, hits: readonly string[]): Promise<void> {
  for (const entry of hits) {
    const local = await readUntrustedFile(path.join(from, `${entry}.local`), 1024 * 1024);
    if (local === undefined || (await exists(path.join(to, `${entry}.args`)))) {
      continue;
    }
    const lines = local.toString('utf8').split('\n');
    const pools = lines.map((line) => line.split('\t')[0] ?? '').filter((name) => POOL.test(name));
    // The arguments last: without them nothing is looked for.
    const names = SUFFIXES.toReversed().map((suffix) => `${entry}.${suffix}`);
    for (const name of [...pools, ...names]) {
      if ((await isPlainFile(path.join(from, name))) && !(await exists(path.join(to, name)))) {
        await fs.link(path.join(from, name), path.join(to, name));
      }
    }
  }
}
