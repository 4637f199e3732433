import { sha256 } from '../core/hash.ts';
import { fulfils, parseConditions } from '../debian/condition.ts';
import { parseVersion } from '../debian/version.ts';
import type { Kernel } from '../model/kernels.ts';
import type { Module, ModulePatch } from '../model/modules.ts';

/**
 * The upstream version of a kernel: that of its image package. The release of kernels before Debian 13 names an ABI
 * (`6.1.0-38-amd64` is 6.1.147), not a version.
 */
export function upstreamOf(kernel: Pick<Kernel, 'version'>): string {
  return parseVersion(kernel.version).upstream;
}

/** The patches of a module that are for a kernel, in their order. */
export function patchesFor(
  { patches }: Pick<Module, 'patches'>,
  kernel: Pick<Kernel, 'version'>,
): ModulePatch[] {
  if (patches.length === 0) {
    return patches;
  }
  const version = upstreamOf(kernel);
  return patches.filter(
    ({ kernels }) => kernels === undefined || fulfils(version, parseConditions(kernels) ?? []),
  );
}

/** Hash of what some patches do to a source, in hex; empty when there are none. */
export function patchesHash(patches: readonly ModulePatch[]): string {
  return patches.length === 0 ? '' : sha256(patches.map((patch) => patch.sha256).join('\n'));
}
