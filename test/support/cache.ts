import * as fs from 'node:fs/promises';
import * as path from 'node:path';

/** The user this process runs as; 0 is root. */
export const uid = process.getuid?.() ?? 0;

/** Folders that tests of one user share and keep; all on one file system, so that files can be linked. */
export interface TestCache {
  /** Roots as mmdebstrap made them; never written to once they are there. */
  roots: string;
  /** Debian's packages as apt downloaded them. */
  archives: string;
  /** Build roots as Lockstep made them, by their names; see build-roots.ts. */
  buildRoots: string;
  /** One folder for each root in use, named after its process. */
  running: string;
  lock: string;
}

/** `$LOCKSTEP_TEST_CACHE`, or a folder of this user's in /var/tmp; it may be removed whenever no test runs. */
export async function testCache(): Promise<TestCache> {
  const base =
    process.env['LOCKSTEP_TEST_CACHE'] ??
    `/var/tmp/lockstep-test-cache${uid === 0 ? '' : `-${uid}`}`;
  const cache: TestCache = {
    roots: path.join(base, 'roots'),
    archives: path.join(base, 'archives'),
    buildRoots: path.join(base, 'build-roots'),
    running: path.join(base, 'running'),
    lock: path.join(base, 'lock'),
  };
  for (const directory of [cache.roots, cache.archives, cache.buildRoots, cache.running]) {
    await fs.mkdir(directory, { recursive: true });
  }
  return cache;
}

/**
 * Words to put before a command that needs root's powers over files and mounts: none for root, else a user
 * namespace in which this user is root and owns the ids of its /etc/subuid.
 */
export function asRoot(): string[] {
  return uid === 0 ? [] : ['unshare', '--map-root-user', '--map-auto'];
}

/** Removes what roots in use have left behind whose process was killed. */
export async function sweep(
  running: string,
  remove: (directory: string) => Promise<void>,
): Promise<void> {
  for (const name of await fs.readdir(running)) {
    const pid = name.split('-')[0] ?? '';
    const alive = await fs.stat(`/proc/${pid}`).catch(() => undefined);
    if (alive === undefined) {
      await remove(path.join(running, name));
    }
  }
}
