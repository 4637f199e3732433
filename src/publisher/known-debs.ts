import * as fs from 'node:fs';
import { sha256File } from '../core/hash.ts';
import { readDebs } from './deb.ts';
import { checkInterrupted } from './interrupted.ts';
import type { Store } from './store.ts';

/** Packages that are read at once: their decompressor is started once for them. */
const BATCH = 250;

/**
 * What a file is known by: device, inode, size and modification time. A hard link has them too, so that a package placed
 * in the pool is known at once. (The change time is no part of it: linking changes it.) Undefined when nothing is there.
 */
export function identityOf(file: string): string | undefined {
  const status = fs.statSync(file, { bigint: true, throwIfNoEntry: false });
  return status === undefined
    ? undefined
    : `${status.dev}:${status.ino}:${status.size}:${status.mtimeNs}`;
}

/** The hash of a file; computed when none with its identity is known. */
export async function hashOf(store: Store, file: string, identity: string): Promise<string> {
  const known =
    store.get('SELECT sha256 FROM path WHERE identity = ?', identity) ??
    store.get('SELECT sha256 FROM pool WHERE file = ? AND identity = ?', file, identity);
  return known === undefined ? await sha256File(file) : String(known['sha256']);
}

/**
 * Makes sure that what each of some packages says is known, and reads those of which it is not.
 *
 * @returns the hash of each that is there
 * @throws LockstepError REPOSITORY_INVALID, INTERRUPTED
 */
export async function learnDebs(
  store: Store,
  files: readonly string[],
  signal: AbortSignal | undefined,
): Promise<Map<string, string>> {
  const hashes = new Map<string, string>();
  const unread: [file: string, identity: string][] = [];
  for (const file of files) {
    const identity = identityOf(file);
    if (identity === undefined) {
      continue;
    }
    const known = store.get(
      'SELECT path.sha256, path.path FROM path JOIN deb USING (sha256) WHERE identity = ?',
      identity,
    );
    if (known === undefined) {
      unread.push([file, identity]);
      continue;
    }
    hashes.set(file, String(known['sha256']));
    if (known['path'] !== file) {
      setPath(store, file, identity, String(known['sha256']));
    }
  }
  for (let from = 0; from < unread.length; from += BATCH) {
    checkInterrupted(signal);
    const batch = unread.slice(from, from + BATCH);
    const debs = await readDebs(batch.map(([file]) => file));
    for (const [at, [file, identity]] of batch.entries()) {
      const deb = debs[at];
      if (deb === undefined) {
        throw new Error('a package that was not read');
      }
      store.run(
        'INSERT OR REPLACE INTO deb VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)',
        ...[deb.sha256, deb.size, deb.name, deb.version, deb.architecture, deb.source],
        ...[deb.qualified, deb.control, deb.files.join('\n')],
      );
      setPath(store, file, identity, deb.sha256);
      hashes.set(file, deb.sha256);
    }
  }
  return hashes;
}

function setPath(store: Store, file: string, identity: string, sha256: string): void {
  store.run('INSERT OR REPLACE INTO path VALUES (?, ?, ?)', file, identity, sha256);
}
