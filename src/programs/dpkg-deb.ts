import { runProgram } from './run.ts';

/** Unpacks a `.deb`'s files into a folder; runs none of its scripts. */
export async function unpackDeb(
  deb: string,
  directory: string,
  signal?: AbortSignal,
): Promise<void> {
  // All of it goes with Lockstep, however that ends: what is left over would write into what the next run clears away.
  // `dpkg-deb --extract` has children of its own that go on without it; here they meet a broken pipe.
  const script =
    'set -o pipefail; mkdir -p -- "$2"; setpriv --pdeathsig KILL dpkg-deb --fsys-tarfile "$1" | ' +
    'setpriv --pdeathsig KILL tar -xp --warning=no-timestamp -C "$2"';
  await runProgram(
    'setpriv',
    ['--pdeathsig', 'KILL', '--', 'bash', '-c', script, 'unpack', deb, directory],
    signal === undefined ? {} : { signal },
  );
}

/** What no build reads, and what is a good part of all files. */
const UNREAD = ['usr/share/doc', 'usr/share/info', 'usr/share/locale', 'usr/share/man'];

/**
 * Unpacks some `.deb`s, but for their documentation, into a root, through the links to folders that the root has
 * already: packages from before the merged /usr have files in /bin and /lib. Only for packages that are trusted and
 * share no file: their order is not kept.
 *
 * @param parallel how many at once
 */
export async function unpackDebsInRoot(
  debs: readonly string[],
  root: string,
  parallel: number,
): Promise<void> {
  const exclude = UNREAD.map((at) => `--exclude='./${at}/*'`).join(' ');
  const script =
    'set -o pipefail; setpriv --pdeathsig KILL dpkg-deb --fsys-tarfile "$2" | setpriv --pdeathsig KILL ' +
    `tar -xp --numeric-owner --keep-directory-symlink --warning=no-timestamp ${exclude} -C "$1"`;
  const bound = ['--pdeathsig', 'KILL', '--'];
  await runProgram(
    'setpriv',
    [
      ...[...bound, 'xargs', '-0', '-r', '-n', '1', '-P', String(parallel)],
      ...['setpriv', ...bound, 'bash', '-c', script, 'unpack', root],
    ],
    { input: debs.map((deb) => `${deb}\0`).join('') },
  );
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
