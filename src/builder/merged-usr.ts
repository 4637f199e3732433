import * as fs from 'node:fs/promises';
import * as path from 'node:path';

/** The folders of `/` that are links into `/usr` in every build root. */
export const USR_FOLDERS = ['bin', 'sbin', 'lib', 'lib64'] as const;

/** Says in an unpacked package that it has files outside `/usr`, as packages of suites before trixie do. */
const MARKER = '.lockstep-outside-usr';

/** Whether a package that {@link mergeUsr} was given had files in `/bin`, `/sbin` or `/lib`. */
export async function wasOutsideUsr(directory: string): Promise<boolean> {
  const stat = await fs.lstat(path.join(directory, MARKER)).catch(() => undefined);
  return stat !== undefined;
}

async function isFolder(file: string): Promise<boolean | undefined> {
  return (await fs.lstat(file).catch(() => undefined))?.isDirectory();
}

/** Moves what is in a folder into another one. What is there already stays; no link is followed. */
async function moveInto(from: string, to: string): Promise<void> {
  for (const name of await fs.readdir(from)) {
    const [source, target] = [path.join(from, name), path.join(to, name)];
    const isThere = await isFolder(target);
    if (isThere === undefined) {
      await fs.rename(source, target);
    } else if (isThere && (await isFolder(source)) === true) {
      await moveInto(source, target);
    }
  }
}

/**
 * Moves a package's files in `/bin`, `/sbin` and `/lib` below `/usr`: as a layer over a root in which these are links,
 * a folder of that name would hide the whole of it.
 *
 * @param directory an unpacked package; untrusted
 */
export async function mergeUsr(directory: string): Promise<void> {
  for (const name of USR_FOLDERS) {
    const folder = path.join(directory, name);
    if ((await isFolder(folder)) !== true) {
      // A file or a link in this place is no part of any package that is worth anything.
      await fs.rm(folder, { force: true });
      continue;
    }
    const usr = path.join(directory, 'usr');
    if ((await isFolder(usr)) === undefined) {
      await fs.mkdir(usr);
    }
    if ((await isFolder(usr)) === true) {
      const target = path.join(usr, name);
      const isThere = await isFolder(target);
      if (isThere === undefined) {
        await fs.rename(folder, target);
      } else if (isThere) {
        await moveInto(folder, target);
      }
    }
    await fs.rm(folder, { recursive: true, force: true });
    await fs.writeFile(path.join(directory, MARKER), '');
  }
}
