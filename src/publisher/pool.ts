import * as fs from 'node:fs/promises';
import * as path from 'node:path';
import { compareText } from '../core/compare.ts';
import { errnoOf, LockstepError } from '../core/errors.ts';
import { hashOf, identityOf } from './known-debs.ts';
import { namedHashes } from './named.ts';
import type { FileOperations, Placement } from './operations.ts';
import { POOL_FILE } from './source-index.ts';
import type { Row, Store } from './store.ts';

/** A package that the pool lacks. */
export interface MissingDeb {
  /** Path below the repository's root. */
  filename: string;
  sha256: string;
  /** Absolute path of a file with these bytes. */
  source: string;
}

/** The pool beside what the store says. */
export interface PoolComparison {
  missing: MissingDeb[];
  /** Absolute paths of what killed writers left. */
  leftovers: string[];
  /** Paths, below the root, of packages that no kept state names. */
  unnamed: string[];
  /** Folders with nothing in them, below the root. */
  emptyFolders: string[];
  /** Folders that are not as they were when they were last read, below the root. */
  changedFolders: string[];
}

/** Files that are looked at with each publication beside those of changed folders. */
const SAMPLE = 2000;

function folderIdentity(directory: string, folder: string): string | undefined {
  return identityOf(path.join(directory, folder));
}

class Comparison implements PoolComparison {
  readonly missing: MissingDeb[] = [];
  readonly leftovers: string[] = [];
  readonly unnamed: string[] = [];
  readonly emptyFolders: string[] = [];
  readonly changedFolders: string[] = [];
  readonly #store: Store;
  readonly #directory: string;
  readonly #new: ReadonlySet<string>;
  readonly #places: ReadonlyMap<string, string>;
  readonly #seen = new Set<string>();

  constructor(
    store: Store,
    directory: string,
    newFiles: ReadonlySet<string>,
    places: ReadonlyMap<string, string>,
  ) {
    this.#store = store;
    this.#directory = directory;
    this.#new = newFiles;
    this.#places = places;
  }

  /** Reads the folders that changed since they were last read; whoever adds, removes or replaces a file changes its folder. */
  async readChanged(): Promise<void> {
    const known = new Map(
      this.#store
        .all('SELECT path, identity FROM folder')
        .map((row) => [String(row['path']), String(row['identity'])]),
    );
    const folders = new Set(['pool', ...known.keys()]);
    for (const folder of folders) {
      const identity = folderIdentity(this.#directory, folder);
      if (identity === undefined || identity !== known.get(folder)) {
        this.changedFolders.push(folder);
        for (const name of await this.#readFolder(folder)) {
          folders.add(name);
        }
      }
    }
  }

  /** @returns the folders in it */
  async #readFolder(folder: string): Promise<string[]> {
    const folders: string[] = [];
    const files = new Set<string>();
    const place = path.join(this.#directory, folder);
    const entries = await fs.readdir(place, { withFileTypes: true }).catch((error: unknown) => {
      if (errnoOf(error) === 'ENOENT') {
        return [];
      }
      throw error;
    });
    for (const entry of entries) {
      if (entry.name.startsWith('.tmp-')) {
        this.leftovers.push(path.join(place, entry.name));
      } else if (entry.isDirectory()) {
        folders.push(`${folder}/${entry.name}`);
      } else {
        files.add(entry.name);
      }
    }
    if (entries.length === 0 && folder !== 'pool') {
      this.emptyFolders.push(folder);
    }
    const named = this.#store.all(
      'SELECT DISTINCT file, sha256 FROM named WHERE folder = ?',
      folder,
    );
    for (const row of named) {
      const file = String(row['file']);
      files.delete(file);
      await this.look(`${folder}/${file}`, String(row['sha256']));
    }
    for (const file of files) {
      if (POOL_FILE.test(file)) {
        this.unnamed.push(`${folder}/${file}`);
      }
    }
    return folders;
  }

  /**
   * Compares a file with what it should be.
   *
   * @throws LockstepError REPOSITORY_INVALID when a published file was altered
   */
  async look(filename: string, sha256: string): Promise<void> {
    if (this.#seen.has(filename)) {
      return;
    }
    this.#seen.add(filename);
    const target = path.join(this.#directory, filename);
    const identity = identityOf(target);
    if (identity !== undefined) {
      const known = this.#store.get('SELECT identity FROM pool WHERE file = ?', filename);
      if (known?.['identity'] === identity) {
        return;
      }
      if ((await hashOf(this.#store, target, identity)) === sha256) {
        setPooled(this.#store, filename, identity, sha256);
        return;
      }
      if (!this.#new.has(filename)) {
        throw new LockstepError(
          'REPOSITORY_INVALID',
          `${target} was altered after it was published`,
          { hint: `rm '${target}', then publish again: it is put back as it was` },
        );
      }
      // Left by a publisher that was killed: no state named it, and nobody saw it.
    }
    const source =
      this.#places.get(sha256) ??
      this.#store.get('SELECT path FROM member WHERE sha256 = ? LIMIT 1', sha256)?.['path'];
    if (source !== undefined) {
      this.missing.push({ filename, sha256, source: String(source) });
    }
  }

  /** Looks at some files of unchanged folders, other ones each time: bytes can change without the folder. */
  async sample(seed: number): Promise<void> {
    const last = Number(this.#store.get('SELECT max(id) AS last FROM pool')?.['last'] ?? 0);
    const start = seed % (last + 1);
    const pick = (sql: string, limit: number): Row[] =>
      this.#store.all(
        `SELECT file, sha256 FROM pool WHERE id ${sql} ? ORDER BY id LIMIT ?`,
        start,
        limit,
      );
    const rows = pick('>=', SAMPLE);
    rows.push(...pick('<', SAMPLE - rows.length));
    for (const row of rows) {
      await this.look(String(row['file']), String(row['sha256']));
    }
  }
}

function setPooled(store: Store, filename: string, identity: string, sha256: string): void {
  store.run(
    'INSERT OR REPLACE INTO pool (file, identity, sha256) VALUES (?, ?, ?)',
    filename,
    identity,
    sha256,
  );
}

/**
 * Compares the pool with the packages that the store names: files that are new, those of every folder that changed, and a
 * sample of the others, so that what is altered in place is noticed too. `verify` reads all of it.
 *
 * @param newFiles paths that no state named so far; a file there that is another one may be replaced
 * @param places SHA-256 → a file with these bytes, of those that are no packages
 * @param seed chooses the sample
 * @throws LockstepError REPOSITORY_INVALID when a published file was altered
 */
export async function comparePool(
  store: Store,
  directory: string,
  newFiles: readonly string[],
  places: ReadonlyMap<string, string>,
  seed: number,
): Promise<PoolComparison> {
  const comparison = new Comparison(store, directory, new Set(newFiles), places);
  await comparison.readChanged();
  for (const filename of newFiles) {
    for (const sha256 of namedHashes(store, filename)) {
      await comparison.look(filename, sha256);
    }
  }
  await comparison.sample(seed);
  comparison.missing.sort((left, right) => compareText(left.filename, right.filename));
  return comparison;
}

/**
 * Puts files into the pool. Nothing names them yet.
 *
 * @throws LockstepError REPOSITORY_INVALID when a source is gone, or no longer what it was
 */
export async function placeInPool(
  store: Store,
  directory: string,
  missing: readonly MissingDeb[],
  disk: FileOperations,
): Promise<void> {
  const files: Placement[] = [];
  for (const { filename, sha256, source } of missing) {
    const identity = identityOf(source);
    if (identity === undefined) {
      throw new LockstepError('REPOSITORY_INVALID', `${source} is to be published and not there`, {
        hint: 'run again: what is missing is built and packaged anew',
      });
    }
    if ((await hashOf(store, source, identity)) !== sha256) {
      throw new LockstepError('REPOSITORY_INVALID', `${source} changed after it was given`, {
        hint: 'give a changed package a file of its own',
      });
    }
    files.push({ source, target: path.join(directory, filename) });
  }
  await disk.place(files);
  for (const { filename, sha256 } of missing) {
    setPooled(store, filename, identityOf(path.join(directory, filename)) ?? '', sha256);
  }
}

/** Notes the folders of the pool as they are now. */
export function rememberFolders(store: Store, directory: string, folders: Iterable<string>): void {
  for (const folder of new Set(folders)) {
    const identity = folderIdentity(directory, folder);
    if (identity === undefined) {
      store.run('DELETE FROM folder WHERE path = ?', folder);
    } else {
      store.run('INSERT OR REPLACE INTO folder VALUES (?, ?)', folder, identity);
    }
  }
}

/** A folder of the pool and those above it, up to `pool`. */
export function foldersOf(filename: string): string[] {
  const folders: string[] = [];
  for (
    let folder = path.posix.dirname(filename);
    folder !== '.';
    folder = path.posix.dirname(folder)
  ) {
    folders.push(folder);
  }
  return folders;
}

/**
 * Removes packages that no kept state names, and folders that are empty then.
 *
 * @param unnamed paths of packages that are in the pool and in no state
 * @param emptyFolders folders that were empty before
 * @returns the folders that changed
 */
export async function prunePool(
  store: Store,
  directory: string,
  unnamed: readonly string[],
  emptyFolders: readonly string[],
  disk: FileOperations,
): Promise<string[]> {
  const folders = new Set(emptyFolders.flatMap((folder) => [folder, ...foldersOf(folder)]));
  for (const filename of unnamed) {
    await disk.remove(path.join(directory, filename));
    store.run('DELETE FROM pool WHERE file = ?', filename);
    for (const folder of foldersOf(filename)) {
      folders.add(folder);
    }
  }
  const deepest = [...folders].sort((left, right) => right.length - left.length);
  for (const folder of deepest.filter((name) => name !== 'pool')) {
    const below = store.get(
      'SELECT 1 FROM named WHERE folder = ?1 OR (folder > ?2 AND folder < ?3) LIMIT 1',
      ...[folder, `${folder}/`, `${folder}0`],
    );
    if (below === undefined) {
      await disk.removeEmpty(path.join(directory, folder));
    }
  }
  return deepest;
}
