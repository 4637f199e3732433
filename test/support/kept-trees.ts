import * as fs from 'node:fs/promises';
import * as path from 'node:path';
import { runProgram } from '../../src/programs/run.ts';
import type { ClientRoot } from './client-root.ts';

/** Copies a root's tree, with owners and modes as they are. */
export async function copyTree(
  root: ClientRoot,
  target: string,
  options: {
    /** Parts of it that are left out: `./var/cache`. */
    exclude?: readonly string[];
    /** Milliseconds that it may take. */
    timeout?: number;
  } = {},
): Promise<void> {
  const { exclude = [], ...limits } = options;
  const copy =
    'set -o pipefail; from=$1; to=$2; shift 2; tar -C "$from" --one-file-system "$@" -c . | tar -C "$to" -x';
  const excluded = exclude.map((name) => `--exclude=${name}`);
  await runProgram('bash', ['-c', copy, 'bash', root.path, target, ...excluded], limits);
}

/** Removes trees of indices that are gone: those of a folder that are older than some days. */
export async function removeOldTrees(folder: string, days: number): Promise<void> {
  await fs.mkdir(folder, { recursive: true });
  for (const name of await fs.readdir(folder)) {
    const tree = path.join(folder, name);
    const { birthtimeMs } = await fs.stat(tree);
    if (birthtimeMs < Date.now() - days * 86_400_000) {
      await fs.rm(tree, { recursive: true, force: true });
    }
  }
}
