import { runProgram } from './run.ts';

/** Unpacks a `.deb`'s files into a folder; runs none of its scripts. */
export async function unpackDeb(
  deb: string,
  directory: string,
  signal?: AbortSignal,
): Promise<void> {
  // It goes with Lockstep, however that ends: one left over would write into what the next run clears away.
  await runProgram(
    'setpriv',
    ['--pdeathsig', 'KILL', '--', 'dpkg-deb', '--extract', deb, directory],
    signal === undefined ? {} : { signal },
  );
}

/**
 * Unpacks a `.deb`'s files into a root, through the links to folders that the root has already: packages from before
 * the merged /usr have files in /bin and /lib. Only for packages that are trusted.
 */
export async function unpackDebInRoot(deb: string, root: string): Promise<void> {
  const script =
    'set -o pipefail; setpriv --pdeathsig KILL dpkg-deb --fsys-tarfile "$1" | ' +
    'setpriv --pdeathsig KILL tar -xp --numeric-owner --keep-directory-symlink --warning=no-timestamp -C "$2"';
  const args = ['--pdeathsig', 'KILL', 'bash', '-c', script, 'unpack', deb, root];
  await runProgram('setpriv', args);
}

/**
 * Builds a `.deb` from a tree with DEBIAN/ in it; equal trees give equal bytes.
 *
 * @param epoch time stamp of everything in it, seconds since 1970 (SOURCE_DATE_EPOCH)
 */
export async function buildDeb(
  tree: string,
  file: string,
  epoch: number,
  signal?: AbortSignal,
): Promise<void> {
  await runProgram(
    'dpkg-deb',
    ['--root-owner-group', '--threads-max=1', '-Zxz', '-z6', '--build', tree, file],
    { env: { SOURCE_DATE_EPOCH: String(epoch) }, ...(signal === undefined ? {} : { signal }) },
  );
}
