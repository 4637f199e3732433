import { canonicalJson, sha256 } from '../core/hash.ts';
import type { Kernel, KernelHeaders } from '../model/kernels.ts';
import type { Module } from '../model/modules.ts';
import type { DebRef } from '../model/packages.ts';
import { recipeHash } from '../programs/recipe.ts';
import { rootHash } from './store.ts';

/** Everything that could change a build's output. */
export interface KeyInputs {
  module: Module;
  kernel: Kernel;
  headers: KernelHeaders;
  /** The packages of the build root: compiler, binutils, make, pahole and all they need. */
  root: readonly DebRef[];
}

/**
 * The build key: same key, same bytes. Hex SHA-256.
 *
 * Sizes, dates, addresses and suites are left out: they don't change what is built, and a kernel that moves from
 * one suite to another must keep its builds.
 */
export function buildKey({ module, kernel, headers, root }: KeyInputs): string {
  return sha256(
    canonicalJson({
      // The scripts that evaluate and build, and what they put into the root.
      recipe: recipeHash(),
      // The module's source, with its dkms.conf and patches.
      source: module.package.sha256,
      // Stands in file names and log lines; a package rebuilt under another name is another module.
      module: [module.name, module.version],
      // Whether the initramfs is refreshed stands in the record and in the package's scripts.
      initramfs: module.initramfs,
      // vermagic and paths carry the release; the architecture decides the compiler's target.
      release: kernel.release,
      architecture: kernel.architecture,
      // Configuration, exported symbols and their CRCs, kbuild's own programs.
      headers: headers.packages.map((ref) => ref.sha256).toSorted(),
      // Compiler, linker, pahole, shell: any of them can change the output.
      root: rootHash(root),
    }),
  );
}

/** Packages that every build root has beside what the headers require; dkms's own dependencies. */
export const BASE_PACKAGES: readonly string[] = [
  '?essential',
  'dpkg-dev',
  'gcc',
  'kmod',
  'libc6-dev',
  'make',
  'mawk',
  'patch',
  'xz-utils',
];
