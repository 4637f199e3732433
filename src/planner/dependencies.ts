import { sha256 } from '../core/hash.ts';
import type { Kernel } from '../model/kernels.ts';
import type { BuildRecord } from '../model/records.ts';
import type { History } from './history.ts';

/** The builds that a module is built on (BUILD_DEPENDS of dkms(8)), or those that are missing. */
export type Dependencies = { builtOn: readonly BuildRecord[] } | { missing: readonly string[] };

/**
 * @param needs names of modules as their dkms.conf says them, which others' BUILD_DEPENDS mean
 * @returns the build that counts of each, in the order of the needs
 */
export function findDependencies(
  needs: readonly string[],
  kernel: Kernel,
  history: History,
): Dependencies {
  const found = needs.map((name) => history.builtAs(name, kernel));
  const missing = needs.filter((_name, at) => found[at] === undefined);
  return missing.length > 0
    ? { missing }
    : { builtOn: found.filter((record) => record !== undefined) };
}

/**
 * The key, or the inputs, of a build on top of others. Hex SHA-256.
 *
 * @param own key, or inputs, that it would have without them
 * @param others keys, or inputs, of those
 */
export function hashOnTopOf(own: string, others: readonly string[]): string {
  return others.length === 0 ? own : sha256([own, ...others].join('\n'));
}
