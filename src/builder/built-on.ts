import * as fs from 'node:fs/promises';
import * as path from 'node:path';

/** A build of another module, as a build on top of it gets to see it. */
export interface BuiltOnFiles {
  /** Name and version that its dkms.conf gives. */
  dkms: { name: string; version: string };
  /** Its modules' files on this machine, and their names with `.ko`. */
  modules: readonly { name: string; path: string }[];
  symvers: Uint8Array | undefined;
}

/** Where `build.bash` finds what it links into the DKMS tree. */
const DKMS_TREE = 'usr/lib/lockstep/dkms';

/** A name as a part of a path: what a record of the ledger says came from a dkms.conf. */
const PART = /^[A-Za-z0-9][A-Za-z0-9_.+~-]*$/;

/**
 * Writes the layer that shows builds of other modules where DKMS has them: in its tree, with `Module.symvers`, and
 * installed among the kernel's modules (dkms(8), BUILD_DEPENDS).
 *
 * @param directory gets the layer; it is made
 * @param release what `uname -r` prints
 * @param machine as `uname -m` prints it
 */
export async function writeBuiltOnLayer(
  directory: string,
  builds: readonly BuiltOnFiles[],
  release: string,
  machine: string,
): Promise<void> {
  const installed = path.join(directory, 'usr/lib/modules', release, 'updates/dkms');
  await fs.mkdir(installed, { recursive: true });
  for (const { dkms, modules, symvers } of builds) {
    if (![dkms.name, dkms.version, ...modules.map(({ name }) => name)].every((n) => PART.test(n))) {
      throw new Error(`${JSON.stringify(dkms)} can't be a path`);
    }
    const tree = path.join(directory, DKMS_TREE, dkms.name);
    const kept = path.join(tree, dkms.version, release, machine, 'module');
    await fs.mkdir(kept, { recursive: true });
    await fs.symlink(
      `/usr/src/${dkms.name}-${dkms.version}`,
      path.join(tree, dkms.version, 'source'),
    );
    await fs.symlink(
      path.join(dkms.version, release, machine),
      path.join(tree, `kernel-${release}-${machine}`),
    );
    for (const { name, path: file } of modules) {
      await fs.copyFile(file, path.join(kept, name));
      await fs.copyFile(file, path.join(installed, name));
    }
    if (symvers !== undefined) {
      await fs.writeFile(path.join(kept, 'Module.symvers'), symvers);
    }
  }
}
