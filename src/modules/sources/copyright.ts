import * as fs from 'node:fs/promises';
import * as path from 'node:path';
import { compareText } from '../../core/compare.ts';
import { readUntrustedFile } from '../../core/files.ts';

const MAX_BYTES = 1024 * 1024;

/** A file of an untrusted tree, unless a link on the way leads elsewhere. */
async function readInside(base: string, file: string): Promise<Buffer | undefined> {
  const folder = await fs.realpath(path.dirname(file)).catch(() => '');
  return folder === base || folder.startsWith(`${base}${path.sep}`)
    ? readUntrustedFile(path.join(folder, path.basename(file)), MAX_BYTES)
    : undefined;
}

/**
 * The copyright file of a source: debian/copyright, COPYING or LICENSE*, in this order, of its folder, else of the
 * folders above it in the same source.
 *
 * @param root the whole source, a real path; untrusted, no link in it is followed out of it
 * @param folder path below it; empty for itself
 */
export async function findCopyright(root: string, folder: string): Promise<Buffer | undefined> {
  for (let at = folder; ; at = path.dirname(at)) {
    const here = path.join(root, at);
    const names = await fs.readdir(here).catch(() => []);
    const licences = names.filter((name) => /^LICEN[SC]E/i.test(name)).toSorted(compareText);
    for (const name of ['debian/copyright', 'COPYING', ...licences]) {
      const found = await readInside(root, path.join(here, name));
      if (found !== undefined && found.length > 0) {
        return found;
      }
    }
    if (at === '' || at === '.') {
      return undefined;
    }
  }
}
