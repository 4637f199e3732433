import * as fs from 'node:fs/promises';
import * as path from 'node:path';
import { errnoOf } from '../../src/core/errors.ts';
import { sha256File } from '../../src/core/hash.ts';
import { runProgram } from '../../src/programs/run.ts';

const KEPT_DAYS = 30;

async function link(from: string, to: string): Promise<void> {
  await fs.link(from, to).catch((error: unknown) => {
    // Another root was first, or packages were removed as they grew old.
    if (errnoOf(error) !== 'EEXIST' && errnoOf(error) !== 'ENOENT') {
      throw error;
    }
  });
}

async function debsIn(directory: string): Promise<string[]> {
  return (await fs.readdir(directory)).filter((name) => name.endsWith('.deb'));
}

/** Gives a root's own folder of downloaded packages everything that other roots have downloaded, as hard links. */
export async function takeDebs(shared: string, own: string): Promise<void> {
  const oldest = Date.now() - KEPT_DAYS * 86_400_000;
  for (const name of await debsIn(shared)) {
    const file = path.join(shared, name);
    const stat = await fs.stat(file).catch(() => undefined);
    if (stat !== undefined && stat.mtimeMs < oldest) {
      await fs.rm(file, { force: true });
    } else {
      await link(file, path.join(own, name));
    }
  }
}

/**
 * Shares what a root has newly downloaded, but only Debian's packages, known by their SHA-256: apt takes a file in its
 * cache for the package it wants when the name and the size fit, and tests make different packages of one name.
 *
 * @param lists folder of apt lists that hold Debian's indices and no others
 */
export async function giveDebs(own: string, shared: string, lists: string): Promise<void> {
  const known = new Set(await debsIn(shared));
  const fresh = new Map<string, string>();
  for (const name of await debsIn(own)) {
    if (!known.has(name)) {
      fresh.set(await sha256File(path.join(own, name)), name);
    }
  }
  const indices = (await fs.readdir(lists)).filter((name) => name.endsWith('_Packages'));
  if (fresh.size === 0 || indices.length === 0) {
    return;
  }
  const patterns = [...fresh.keys()].map((hash) => `SHA256: ${hash}`).join('\n');
  const found = await runProgram(
    'grep',
    ['-hxF', '-f', '-', ...indices.map((name) => path.join(lists, name))],
    { input: patterns, allowFailure: true },
  );
  for (const line of new Set(found.stdout.split('\n'))) {
    const name = fresh.get(line.replace('SHA256: ', ''));
    if (name !== undefined) {
      const now = new Date();
      await fs.utimes(path.join(own, name), now, now);
      await link(path.join(own, name), path.join(shared, name));
    }
  }
}
