import { parseRelations, type Relation } from '../debian/relation.ts';
import { compareVersions } from '../debian/version.ts';
import type { KernelHeaders } from '../model/kernels.ts';
import type { IndexedPackage } from './scan.ts';
import type { PackageIndex } from './suite-index.ts';

function satisfies(version: string, relation: Relation): boolean {
  if (relation.operator === undefined || relation.version === undefined) {
    return true;
  }
  const order = compareVersions(version, relation.version);
  switch (relation.operator) {
    case '<<':
      return order < 0;
    case '<=':
      return order <= 0;
    case '=':
      return order === 0;
    case '>=':
      return order >= 0;
    case '>>':
      return order > 0;
  }
}

function isImage(name: string): boolean {
  return /^linux-(?:image|binary|modules)-/.test(name);
}

/** A package of these very headers: when it is gone, nothing can be built with what is left. */
function isPartOf(headers: IndexedPackage, relation: Relation): boolean {
  return (
    /^linux-(?:headers|kbuild)-/.test(relation.name) ||
    (relation.operator === '=' && relation.version === headers.ref.version)
  );
}

/**
 * What a headers package takes to build with, read from its own dependencies: packages of the same source are
 * unpacked (common, kbuild, compiler packages), those of other sources are required beside them. The image, which
 * trixie's headers depend on, is not needed to build.
 *
 * @returns undefined when one of the packages it needs is gone
 */
function follow(
  headers: IndexedPackage,
  index: PackageIndex,
): Omit<KernelHeaders, 'suite'> | undefined {
  const unpacked = new Map<string, IndexedPackage>([[headers.ref.name, headers]]);
  const requires = new Set<string>();
  for (const entry of unpacked.values()) {
    for (const group of parseRelations(entry.fields.get('Depends'))) {
      const first = group[0];
      if (first === undefined || group.some((relation) => isImage(relation.name))) {
        continue;
      }
      const own = group.flatMap((relation) =>
        (index.get(relation.name) ?? []).filter(
          (candidate) =>
            candidate.ref.source === headers.ref.source &&
            satisfies(candidate.ref.version, relation),
        ),
      )[0];
      if (own === undefined) {
        if (isPartOf(headers, first)) {
          return undefined;
        }
        requires.add(first.name);
      } else if (!unpacked.has(own.ref.name)) {
        unpacked.set(own.ref.name, own);
      }
    }
  }
  return {
    packages: [...unpacked.values()].map((entry) => entry.ref),
    requires: [...requires].toSorted(),
  };
}

/** A published suite in which headers are looked for. */
export interface HeadersPlace {
  suite: string;
  index: PackageIndex;
}

/**
 * The headers to build for a kernel with: of its very version if any suite has them, else another version of the same
 * release from a suite that has the kernel.
 *
 * @param homes published suites that have the kernel, in order of preference
 * @param others all other published suites, in order of preference
 * @returns undefined when no suite has headers with everything that they need
 */
export function findHeaders(
  kernel: { release: string; version: string },
  homes: readonly HeadersPlace[],
  others: readonly HeadersPlace[],
): KernelHeaders | undefined {
  const name = `linux-headers-${kernel.release}`;
  const among = (
    places: readonly HeadersPlace[],
    isWanted: (version: string) => boolean,
  ): KernelHeaders | undefined => {
    for (const { suite, index } of places) {
      for (const entry of index.get(name) ?? []) {
        const found = isWanted(entry.ref.version) ? follow(entry, index) : undefined;
        if (found !== undefined) {
          return { ...found, suite };
        }
      }
    }
    return undefined;
  };
  return (
    among([...homes, ...others], (version) => version === kernel.version) ??
    among(homes, (version) => version !== kernel.version)
  );
}
