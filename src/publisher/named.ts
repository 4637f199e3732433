import * as path from 'node:path';
import type { Store } from './store.ts';

/** A file of the pool that a state of a suite names: a package, or one that is none (`FILE_ARCHITECTURES`). */
export interface NamedFile {
  architecture: string;
  name: string;
  version: string;
  sha256: string;
  /** Path below the repository's root. */
  filename: string;
}

function placeOf(filename: string): [folder: string, file: string] {
  return [path.posix.dirname(filename), path.posix.basename(filename)];
}

/** The hashes that kept states of any suite give a file; none when no state names it. */
export function namedHashes(store: Store, filename: string): string[] {
  return store.texts(
    'SELECT DISTINCT sha256 FROM named WHERE folder = ? AND file = ?',
    ...placeOf(filename),
  );
}

function values(suite: string, file: NamedFile): string[] {
  const { architecture, name, version, sha256, filename } = file;
  return [suite, architecture, name, version, sha256, ...placeOf(filename)];
}

/**
 * Notes a file as one of a suite's live state.
 *
 * @param conflict the error where a kept state has other bytes under the name: a published file never changes its bytes
 * @returns whether no state had it before
 */
export function nameFile(
  store: Store,
  suite: string,
  file: NamedFile,
  conflict: () => Error,
): boolean {
  const known = namedHashes(store, file.filename);
  if (known.some((hash) => hash !== file.sha256)) {
    throw conflict();
  }
  store.run('INSERT INTO named VALUES (?, ?, ?, ?, ?, ?, ?, 0)', ...values(suite, file));
  return known.length === 0;
}

/**
 * Notes a file as an index that is read has it; packages for all architectures stand in several.
 *
 * @param until 0 in the live state, else the number of the last one that has it
 */
export function learnFile(store: Store, suite: string, file: NamedFile, until: number): void {
  store.run(
    'INSERT OR IGNORE INTO named VALUES (?, ?, ?, ?, ?, ?, ?, ?)',
    ...values(suite, file),
    until,
  );
}

/** Notes that a file of the live state is in it no more. @param generation number of the state that was live last */
export function endFile(
  store: Store,
  suite: string,
  { architecture, name, sha256 }: Pick<NamedFile, 'architecture' | 'name' | 'sha256'>,
  generation: number,
): void {
  store.run(
    'UPDATE OR REPLACE named SET until = ? WHERE suite = ? AND architecture = ? AND name = ? AND sha256 = ? AND until = 0',
    ...[generation, suite, architecture, name, sha256],
  );
}
