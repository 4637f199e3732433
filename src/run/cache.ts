import * as fs from 'node:fs/promises';
import * as path from 'node:path';
import { temporaryName } from '../core/files.ts';
import { runProgram } from '../programs/run.ts';
import { type Context, removeTree } from './context.ts';

/** Folders of the cache, each with entries that may go one by one. */
const KINDS = [
  'debs',
  'headers',
  'layers',
  'module-layers',
  'roots',
  'objects',
  'recipes',
] as const;

interface Entry {
  path: string;
  bytes: number;
  /** Last use, milliseconds since 1970. */
  used: number;
}

/** Bytes on disk of some files and folders. */
async function sizesOf(directory: string, names: readonly string[]): Promise<Map<string, number>> {
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

async function entriesOf(directory: string): Promise<Entry[]> {
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
 * Makes the cache as small as the configuration wants: the longest unused go first, what this run used last.
 *
 * @returns bytes before and after, and how many entries went
 */
export async function boundCache(
  context: Context,
): Promise<{ before: number; after: number; removed: number }> {
  const { config } = context;
  const cache = path.join(config.state, 'cache');
  const entries: Entry[] = [];
  for (const kind of KINDS) {
    entries.push(...(await entriesOf(path.join(cache, kind))));
  }
  const before = entries.reduce((sum, { bytes }) => sum + bytes, 0);
  let after = before;
  let removed = 0;
  for (const entry of entries.toSorted((a, b) => a.used - b.used)) {
    if (after <= config.cache.size) {
      break;
    }
    // At once, or not at all: half an entry would count as a whole one. What is left of it is swept at the next start.
    const aside = temporaryName(entry.path);
    await fs.rename(entry.path, aside);
    await removeTree(aside);
    after -= entry.bytes;
    removed += 1;
  }
  return { before, after, removed };
}
