import * as fs from 'node:fs/promises';
import * as path from 'node:path';
import { temporaryName } from '../core/files.ts';
import { runProgram } from '../programs/run.ts';
import { removeTree } from '../programs/remove-tree.ts';
import type { Context } from './context.ts';

/** Folders of the cache, each with entries that may go one by one. */
const KINDS = [
  ...['debs', 'headers', 'layers', 'module-layers', 'roots', 'objects', 'recipes', 'answers'],
  // Answers of apt's solver and what was read of indices: small, but each refresh may bring new ones.
  ...['closures', 'indices'],
];

export interface CacheEntry {
  path: string;
  bytes: number;
  /** Last use, milliseconds since 1970. */
  used: number;
}

/** Bytes on disk of some files and folders. */
export async function sizesOf(
  directory: string,
  names: readonly string[],
): Promise<Map<string, number>> {
  if (names.length === 0) {
    return new Map();
  }
  const { stdout } = await runProgram('du', ['-s', '--block-size=1', '--files0-from=-'], {
    cwd: directory,
    input: names.map((name) => `${name}\0`).join(''),
    allowFailure: true,
  });
  return new Map(
    stdout.split('\n').map((line) => {
      const [bytes = '0', name = ''] = line.split('\t');
      return [name, Number(bytes)];
    }),
  );
}

async function entriesOf(directory: string): Promise<CacheEntry[]> {
  const names = await fs.readdir(directory).catch((): string[] => []);
  const sizes = await sizesOf(directory, names);
  return Promise.all(
    names.map(async (name) => {
      const stat = await fs.lstat(path.join(directory, name));
      // Reading a download does not touch it; unpacked things are touched whenever they are used.
      return { path: path.join(directory, name), bytes: sizes.get(name) ?? 0, used: stat.mtimeMs };
    }),
  );
}

/**
 * What has to go for the cache to be as small as the configuration wants: the longest unused first, what this run used
 * last.
 *
 * @returns bytes of the whole cache, and what goes
 */
export async function overflowOf({
  config,
}: Pick<Context, 'config'>): Promise<{ bytes: number; going: CacheEntry[] }> {
  const cache = path.join(config.state, 'cache');
  const entries: CacheEntry[] = [];
  for (const kind of KINDS) {
    entries.push(...(await entriesOf(path.join(cache, kind))));
  }
  const all = entries.reduce((sum, { bytes }) => sum + bytes, 0);
  const going: CacheEntry[] = [];
  let left = all;
  for (const entry of entries.toSorted((a, b) => a.used - b.used)) {
    if (left <= config.cache.size) {
      break;
    }
    going.push(entry);
    left -= entry.bytes;
  }
  return { bytes: all, going };
}

/**
 * Makes the cache as small as the configuration wants.
 *
 * @returns bytes before and after, and how many entries went
 */
export async function boundCache(
  context: Context,
): Promise<{ before: number; after: number; removed: number }> {
  const { bytes, going } = await overflowOf(context);
  for (const entry of going) {
    // At once, or not at all: half an entry would count as a whole one. What is left of it is swept at the next start.
    const aside = temporaryName(entry.path);
    await fs.rename(entry.path, aside);
    await removeTree(aside);
  }
  const after = bytes - going.reduce((sum, entry) => sum + entry.bytes, 0);
  return { before: bytes, after, removed: going.length };
}
