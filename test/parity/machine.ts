import { unpackedOf } from '../../src/builder/kernel-tree.ts';
import * as fs from 'node:fs/promises';
import * as path from 'node:path';
import { BASE_PACKAGES } from '../../src/builder/key.ts';
import { makeDirectoryAtomic } from '../../src/core/files.ts';
import { sha256 } from '../../src/core/hash.ts';
import { baseRoot } from '../support/base-root.ts';
import { testCache } from '../support/cache.ts';
import { type ClientRoot, rootOn } from '../support/client-root.ts';
import { copyTree, removeOldTrees } from '../support/kept-trees.ts';
import { usualSuites } from '../support/mirror.ts';
import { OUT } from './out.ts';
import { type DkmsPackage, readPackages } from './packages.ts';
import type { ParityKernel } from './kernels.ts';

const KEPT_DAYS = 7;
const SCRIPT = path.join(import.meta.dirname, 'prepare-root.sh');
const DKMS_PACKAGES = ['dkms', ...BASE_PACKAGES.filter((name) => !name.startsWith('?'))];

/** The components of a suite that have module packages; non-free-firmware came with bookworm. */
export function componentsOf(suite: string): string[] {
  const old = ['buster', 'bullseye'].includes(suite);
  return ['main', 'contrib', 'non-free', ...(old ? [] : ['non-free-firmware'])];
}

/** A machine of a suite on which DKMS builds for one kernel, but for the kernel's /lib/modules. */
export interface DkmsMachine {
  /** A fresh copy of it. */
  open(): Promise<ClientRoot>;
  /** DKMS's version. */
  dkms: string;
  /** The suite's DKMS packages, light ones first. */
  packages: DkmsPackage[];
}

/**
 * Makes the machine, unless it is there for the same indices and kernel: an ordinary minimal one with the recommended
 * packages of DKMS, the compiler of the kernel, and the headers packages that Lockstep takes, unpacked.
 */
export async function dkmsMachine(suite: string, kernel: ParityKernel): Promise<DkmsMachine> {
  const cache = await testCache();
  const base = await baseRoot(cache, {
    codename: suite,
    suites: usualSuites(suite),
    components: componentsOf(suite),
  });
  const install = [...DKMS_PACKAGES, ...kernel.headers.requires];
  const headers = unpackedOf(kernel.headers).map(({ name, version }) => `${name}=${version}`);
  const id = sha256(JSON.stringify([path.basename(base), install, headers])).slice(0, 12);
  const tree = path.join(OUT, 'roots', `${suite}_${kernel.release}_${id}`);
  await removeOldTrees(path.dirname(tree), KEPT_DAYS);
  await makeDirectoryAtomic(tree, async (temporary) => {
    await using root = await rootOn(cache, base);
    const debs = await root.download(headers);
    await root.writeFile('/srv/parity/prepare-root.sh', await fs.readFile(SCRIPT), 0o755);
    await root.must(
      [
        ...['/srv/parity/prepare-root.sh', install.join(' ')],
        ...debs.map((deb) => path.join('/var/cache/apt/archives', path.basename(deb))),
      ],
      { timeout: 1800 },
    );
    await copyTree(root, temporary);
  });
  await using root = await rootOn(cache, tree);
  const { stdout } = await root.run(['sh', '-c', LIST]);
  return {
    open: () => rootOn(cache, tree),
    dkms: (await root.must(['dpkg-query', '-W', '-f', '${Version}', 'dkms'])).trim(),
    packages: readPackages(stdout),
  };
}

/** Some names are of packages that others only provide or replace: nothing is shown for them. */
const LIST = `apt-cache pkgnames | grep -e '-dkms$' | xargs apt-cache show --no-all-versions`;
