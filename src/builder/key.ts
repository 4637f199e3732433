import { canonicalJson, sha256 } from '../core/hash.ts';
import type { Kernel, KernelHeaders } from '../model/kernels.ts';
import type { Module } from '../model/modules.ts';
import type { DebRef } from '../model/packages.ts';
import { recipeHash } from '../programs/recipe.ts';

/** Hash of what a module brings into its builds. Hex SHA-256. */
export function moduleHash(module: Module): string {
  return sha256(
    canonicalJson({
      // The module's source, with its dkms.conf and patches.
      source: module.source.sha256,
      // Stands in file names and log lines; a package rebuilt under another name is another module.
      module: [module.name, module.version],
      // Whether the initramfs is refreshed stands in the record and in the package's scripts.
      initramfs: module.initramfs,
    }),
  );
}

/** What a kernel brings into the builds for it, each part as hex SHA-256. */
export interface KernelHashes {
  /** Release, configuration, exported symbols and their CRCs. */
  own: string;
  /** kbuild's programs, and packages that several ABIs share (bookworm's `linux-compiler-gcc-12-x86`). */
  tools: string;
}

export function kernelHashes(kernel: Kernel, headers: KernelHeaders): KernelHashes {
  const hashes = (refs: readonly DebRef[]): string[] => refs.map((ref) => ref.sha256).toSorted();
  const own = headers.packages.filter((ref) => ref.name.includes(kernel.abi));
  const shared = headers.packages.filter((ref) => !ref.name.includes(kernel.abi));
  return {
    own: sha256(
      canonicalJson({
        // vermagic and paths carry the release; the architecture decides the compiler's target.
        release: kernel.release,
        architecture: kernel.architecture,
        headers: hashes(own),
      }),
    ),
    tools: sha256(canonicalJson(hashes([...shared, ...headers.tools]))),
  };
}

/**
 * Hash of everything that a build is made from but its tools: good builds of the same inputs stay good when only
 * compiler and tools have changed. Hex SHA-256.
 *
 * Sizes, dates, addresses and suites are left out: they don't change what is built, and a kernel that moves from
 * one suite to another must keep its builds.
 *
 * @param patches hash of the configuration's patches that are for the kernel; empty without any
 */
export function buildInputs(module: string, kernel: KernelHashes, patches = ''): string {
  // The recipe: the scripts that evaluate and build, and what they put into the root.
  const base = `${recipeHash()}\n${module}\n${kernel.own}`;
  // The configuration's patches, as far as they are for this kernel.
  return sha256(patches === '' ? base : `${base}\n${patches}`);
}

/**
 * The build key: same key, same bytes. Hex SHA-256.
 *
 * @param inputs of {@link buildInputs}
 * @param root hash of the build root: compiler, linker, pahole, shell: any of them can change the output
 */
export function buildKey(inputs: string, kernel: KernelHashes, root: string): string {
  return sha256(`${inputs}\n${kernel.tools}\n${root}`);
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
