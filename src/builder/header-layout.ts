import * as fs from 'node:fs/promises';
import * as path from 'node:path';

/**
 * Where builds find a kernel's headers, whatever the kernel: compile commands name these folders, and are the same for
 * all kernels of a flavour then. Debian's own names are links to them.
 */
export const COMMON_HEADERS = 'usr/src/linux-headers-common';
export const FLAVOUR_HEADERS = 'usr/src/linux-headers';

const COMMON = /^linux-headers-.+-common(?:-[a-z0-9]+)?$/;
const COMMON_PATH = /\/usr\/src\/linux-headers-\S+?-common(?:-[a-z0-9]+)?(?=[/\s])/g;
const FLAVOUR_PATH = (folder: string): string => `/usr/src/${folder}`;

async function textOf(file: string): Promise<string | undefined> {
  return fs.readFile(file, 'utf8').catch(() => undefined);
}

/**
 * Gives an unpacked headers package its constant folders. Other packages stay as they are.
 *
 * @param directory an unpacked package of Debian's linux sources
 */
export async function layOutHeaders(directory: string): Promise<void> {
  const sources = path.join(directory, 'usr/src');
  for (const name of await fs.readdir(sources).catch((): string[] => [])) {
    const folder = path.join(sources, name);
    if (!name.startsWith('linux-headers-') || !(await fs.lstat(folder)).isDirectory()) {
      continue;
    }
    const constant = path.join(directory, COMMON.test(name) ? COMMON_HEADERS : FLAVOUR_HEADERS);
    if (!COMMON.test(name)) {
      const makefile = path.join(folder, 'Makefile');
      const text = await textOf(makefile);
      if (text === undefined) {
        continue;
      }
      await fs.writeFile(
        makefile,
        text
          .replaceAll(COMMON_PATH, `/${COMMON_HEADERS}`)
          .replaceAll(FLAVOUR_PATH(name), `/${FLAVOUR_HEADERS}`),
      );
    }
    await fs.rename(folder, constant);
    await fs.symlink(path.basename(constant), folder);
  }
}
