import { runProgram } from './run.ts';

/**
 * Packs a folder as `.tar.xz`: sorted, owned by root, modes 0644 and 0755, links as links. Equal trees with equal dates
 * give equal bytes, on one thread of one version of xz.
 *
 * @param parent folder that has the tree
 * @param name the tree's name in it, and in the archive
 */
export async function packTree(parent: string, name: string, file: string): Promise<void> {
  await runProgram(
    'tar',
    [
      ...['--create', '--file', file, '--use-compress-program', 'xz --threads=1 -6'],
      ...['--format=gnu', '--sort=name', '--numeric-owner', '--owner=0', '--group=0'],
      ...['--mode=u+rwX,go=rX,a-st', '--hard-dereference', '-C', parent, '--', `./${name}`],
    ],
    { env: { TAR_OPTIONS: '', XZ_OPT: '', XZ_DEFAULTS: '' } },
  );
}

/** Copies a tree, links as links, into a folder that is there. */
export async function copyTree(from: string, to: string): Promise<void> {
  await runProgram('cp', ['--archive', '--no-preserve=ownership', '--', `${from}/.`, to]);
}

/**
 * Gives all folders and links of a tree one date: theirs say when they were unpacked.
 *
 * @param epoch seconds since 1970
 */
export async function stampFolders(tree: string, epoch: number): Promise<void> {
  const what = ['(', '-type', 'd', '-o', '-type', 'l', ')'];
  await runProgram('find', [
    ...[tree, '-depth', ...what],
    ...['-exec', 'touch', '-h', '-d', `@${epoch}`, '--', '{}', '+'],
  ]);
}
