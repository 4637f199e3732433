import * as fs from 'node:fs/promises';
import * as path from 'node:path';
import { readUntrustedFile } from '../core/files.ts';
import type { HeaderDifference } from './header-difference.ts';
import { ENTRY } from './objects-left.ts';

/** Below a layer: where `cc` of the recipe looks for what differs. */
const NEIGHBOUR = 'usr/lib/lockstep/neighbour';

/** Compilations that are looked at to tell whether a neighbour is near enough. */
const SAMPLES = 12;

/** Tells builds what differs, in a layer of the sandbox's root. */
export async function writeDifference(layer: string, difference: HeaderDifference): Promise<void> {
  const folder = path.join(layer, NEIGHBOUR);
  await fs.mkdir(folder, { recursive: true });
  for (const name of ['changed', 'added', 'options'] as const) {
    await fs.writeFile(
      path.join(folder, name),
      difference[name].map((line) => `${line}\n`).join(''),
    );
  }
  if (difference.version !== undefined) {
    await fs.writeFile(path.join(folder, 'version'), `${difference.version.join(' ')}\n`);
  }
}

/** Whether some compilation, of a few that are looked at, has read none of the headers that differ. */
export async function isNear(objects: string, difference: HeaderDifference): Promise<boolean> {
  const changed = new Set(difference.changed);
  const lists = (await fs.readdir(objects).catch((): string[] => []))
    .filter((name) => name.endsWith('.d') && ENTRY.test(name.slice(0, -2)))
    .toSorted();
  const step = Math.max(1, Math.floor(lists.length / SAMPLES));
  for (let at = 0; at < lists.length; at += step) {
    const text = await readUntrustedFile(path.join(objects, lists[at] ?? ''), 1024 * 1024);
    const words = text?.toString('utf8').split(/[\s\\]+/) ?? [];
    const reads = words.some(
      (word) =>
        changed.has(word) || changed.has(`/usr/src/linux-headers/${word.replace(/^\.\//, '')}`),
    );
    if (words.length > 0 && !reads) {
      return true;
    }
  }
  return false;
}
