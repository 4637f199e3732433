import * as fs from 'node:fs/promises';
import * as path from 'node:path';
import { LockstepError } from '../../src/core/errors.ts';
import { makeDirectoryAtomic } from '../../src/core/files.ts';
import { runProgram } from '../../src/programs/run.ts';
import { testCache } from './cache.ts';
import { removeOldTrees } from './kept-trees.ts';

/** Of each part: more than the tests have at a time. */
const KEPT = 6;
const KEPT_DAYS = 3;

async function entriesOf(folder: string): Promise<string[]> {
  const names = await fs.readdir(folder).catch(() => []);
  return names.filter((name) => /^[0-9a-f]{64}$/.test(name));
}

/** Copies a tree as hard links, whole or not at all; where links can't be made there is none, and a run makes its own. */
async function linkTree(from: string, to: string): Promise<void> {
  try {
    await makeDirectoryAtomic(to, async (temporary) => {
      await runProgram('cp', ['-al', `${from}/.`, temporary]);
    });
  } catch (error) {
    if (!(error instanceof LockstepError) || error.code !== 'PROGRAM_FAILED') {
      throw error;
    }
  }
}

/** Parts of a state's cache with what Lockstep makes of Debian's packages alone. */
const PARTS = ['roots', 'answers'] as const;

/**
 * Gives a state folder the build roots that other test files have made. Lockstep names a root by the packages in it,
 * takes one that is there, and never writes to it; a test of how roots are made does without this.
 */
export async function takeBuildRoots(state: string): Promise<void> {
  const { buildRoots } = await testCache();
  for (const part of PARTS) {
    const shared = path.join(buildRoots, part);
    await removeOldTrees(shared, KEPT_DAYS);
    for (const name of await entriesOf(shared)) {
      await linkTree(path.join(shared, name), path.join(state, 'cache', part, name));
    }
  }
}

/** Shares the build roots of a state folder with later test files. */
export async function giveBuildRoots(state: string): Promise<void> {
  const { buildRoots } = await testCache();
  for (const part of PARTS) {
    const shared = path.join(buildRoots, part);
    const known = new Set(await entriesOf(shared));
    for (const name of await entriesOf(path.join(state, 'cache', part))) {
      if (!known.has(name) && known.size < KEPT) {
        known.add(name);
        await linkTree(path.join(state, 'cache', part, name), path.join(shared, name));
      }
    }
  }
}
