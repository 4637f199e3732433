import { runProgram } from './run.ts';

/** Unpacks a `.deb`'s files into a folder; runs none of its scripts. */
export async function unpackDeb(
  deb: string,
  directory: string,
  signal?: AbortSignal,
): Promise<void> {
  await runProgram(
    'dpkg-deb',
    ['--extract', deb, directory],
    signal === undefined ? {} : { signal },
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
