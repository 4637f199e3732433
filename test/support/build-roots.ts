import * as fs from 'node:fs/promises';
import * as path from 'node:path';
import { LockstepError } from '../../src/core/errors.ts';
import { exists, makeDirectoryAtomic } from '../../src/core/files.ts';
import { runProgram } from '../../src/programs/run.ts';
import { testCache } from './cache.ts';
import { removeOldTrees } from './kept-trees.ts';

/** Of each part: more than the tests have at a time. */
const KEPT = 6;
const KEPT_DAYS = 3;

/** Parts of a state's cache with what Lockstep makes of Debian's packages alone. */
const PARTS = ['roots', 'answers'] as const;

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

/** Copies the entries of a folder that another one lacks, while that one has few. */
async function linkEntries(from: string, to: string): Promise<void> {
  const there = new Set(await entriesOf(to));
  const lacking = (await entriesOf(from)).filter((name) => !there.has(name));
  for (const name of lacking.slice(0, Math.max(0, KEPT - there.size))) {
    await linkTree(path.join(from, name), path.join(to, name));
  }
}

/**
 * Gives a state folder the build roots that other test files have made. Lockstep names a root by the packages in it,
 * takes one that is there, and never writes to it; a test of how roots are made does without this.
 */
export async function takeBuildRoots(state: string): Promise<void> {
  const { buildRoots } = await testCache();
  for (const part of PARTS) {
    const shared = path.join(buildRoots, part);
    await removeOldTrees(shared, KEPT_DAYS);
    await linkEntries(shared, path.join(state, 'cache', part));
  }
}

/** Shares the build roots of a state folder with later test files. */
export async function giveBuildRoots(state: string): Promise<void> {
  const { buildRoots } = await testCache();
  for (const part of PARTS) {
    await linkEntries(path.join(state, 'cache', part), path.join(buildRoots, part));
  }
}

/** Gives a state folder without a cache what another one of the same disk has of some parts of it. */
export async function linkCache(
  from: string,
  to: string,
  parts: readonly string[] = ['debs', 'roots', 'headers', 'answers'],
): Promise<void> {
  const cache = path.join(to, 'cache');
  await fs.mkdir(cache, { recursive: true });
  for (const part of parts) {
    const whole = path.join(from, 'cache', part);
    if (await exists(whole)) {
      await runProgram('cp', ['-al', whole, cache]);
    }
  }
}
