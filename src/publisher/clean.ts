import type { Dirent } from 'node:fs';
import * as fs from 'node:fs/promises';
import * as path from 'node:path';
import { errnoOf } from '../core/errors.ts';
import type { FileOperations } from './operations.ts';
import { byHashPath, type Generation } from './published.ts';

const BY_HASH = /\/by-hash\/SHA256\/[0-9a-f]{64}$/;
const INDEX =
  /\/(?:binary-[a-z0-9-]+\/Packages|Contents-[a-z0-9-]+|source\/Sources|buildinfo\/SHA256SUMS)(?:\.gz|\.xz)?$/;

/** What is in a folder; nothing when it is not there. */
export async function list(directory: string, recursive: boolean): Promise<Dirent[]> {
  try {
    return await fs.readdir(directory, { withFileTypes: true, recursive });
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') {
      return [];
    }
    throw error;
  }
}

/** What killed writers left, `.tmp-*`, at the top of the repository and anywhere in `dists`. */
export async function findLeftovers(directory: string): Promise<string[]> {
  const entries = [
    ...(await list(directory, false)),
    ...(await list(path.join(directory, 'dists'), true)),
  ];
  return entries
    .filter((entry) => entry.name.startsWith('.tmp-'))
    .map((entry) => path.join(entry.parentPath, entry.name));
}

/** Removes unwanted files below `top`, and then the folders there that have no file in them. */
async function removeFiles(
  top: string,
  isUnwanted: (file: string) => boolean,
  disk: FileOperations,
): Promise<void> {
  const folders: string[] = [];
  const full = new Set([top]);
  for (const entry of await list(top, true)) {
    const file = path.join(entry.parentPath, entry.name);
    if (entry.isDirectory()) {
      folders.push(file);
    } else if (entry.isFile() && isUnwanted(file)) {
      await disk.remove(file);
    } else {
      for (let folder = entry.parentPath; !full.has(folder); folder = path.dirname(folder)) {
        full.add(folder);
      }
    }
  }
  const empty = folders.filter((folder) => !full.has(folder));
  for (const folder of empty.sort((left, right) => right.length - left.length)) {
    await disk.removeEmpty(folder);
  }
}

/** What of a suite stays. */
export interface KeptSuite {
  suite: string;
  live: Generation;
  former: readonly Generation[];
}

/** Removes the indices that no kept state of a suite has. Files of other kinds are left alone. */
export async function pruneIndices(
  directory: string,
  kept: KeptSuite,
  disk: FileOperations,
): Promise<void> {
  const folder = path.join(directory, 'dists', kept.suite);
  const wanted = new Set(
    [
      // A plain form is listed and not there: one that is was left by a publisher that wrote it.
      ...kept.live.files.map((file) => file.path).filter((name) => /\.(?:gz|xz)$/.test(name)),
      ...[kept.live, ...kept.former].flatMap((generation) => generation.files.map(byHashPath)),
    ].map((name) => path.join(folder, name)),
  );
  await removeFiles(
    folder,
    (file) => (BY_HASH.test(file) || INDEX.test(file)) && !wanted.has(file),
    disk,
  );
}
