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

/** Whether a package holds kbuild's programs, which run on the machine that builds. */
function isTools(name: string): boolean {
  return name.startsWith('linux-kbuild-');
}

/** The packages of the headers' source that meet a dependency, newest first. */
function candidatesFor(
  group: readonly Relation[],
  headers: IndexedPackage,
  index: PackageIndex,
): IndexedPackage[] {
  return group.flatMap((relation) =>
    (index.get(relation.name) ?? []).filter(
      (candidate) =>
        candidate.ref.source === headers.ref.source && satisfies(candidate.ref.version, relation),
    ),
  );
}

/**
 * What a headers package takes to build with, read from its own dependencies: packages of the same source are
 * unpacked (common, kbuild, compiler packages), those of other sources are required beside them. The image, which
 * trixie's headers depend on, is not needed to build. kbuild's programs come from the index of the architecture that
 * builds, where it has them of the version that the kernel's architecture has.
 *
 * @returns undefined when one of the packages it needs is gone
 */
function follow(
  headers: IndexedPackage,
  { index, tools = index }: HeadersPlace,
): Omit<KernelHeaders, 'suite'> | undefined {
  const unpacked = new Map([[headers.ref.name, { entry: headers, from: index }]]);
  const requires = new Set<string>();
  let missing: string | undefined;
  for (const { entry, from } of unpacked.values()) {
    for (const group of parseRelations(entry.fields.get('Depends'))) {
      const first = group[0];
      if (first === undefined || group.some((relation) => isImage(relation.name))) {
        continue;
      }
      const isForeign = isTools(first.name) && tools !== index;
      const [own] = candidatesFor(group, headers, from);
      const replacements = isForeign ? candidatesFor(group, headers, tools) : [];
      const same = replacements.find(({ ref }) => ref.version === own?.ref.version);
      const found = isForeign ? (same ?? replacements[0]) : own;
      if (found !== undefined) {
        if (!unpacked.has(found.ref.name)) {
          unpacked.set(found.ref.name, { entry: found, from: isForeign ? tools : from });
        }
      } else if (isForeign) {
        missing ??= first.name;
      } else if (isPartOf(headers, first)) {
        return undefined;
      } else {
        requires.add(first.name);
      }
    }
  }
  const refs = [...unpacked.values()].map(({ entry }) => entry.ref);
  return {
    packages: refs.filter(({ name }) => !isTools(name)),
    tools: refs.filter(({ name }) => isTools(name)),
    missing,
    requires: [...requires].toSorted(),
  };
}

/** A published suite in which headers are looked for. */
export interface HeadersPlace {
  suite: string;
  index: PackageIndex;
  /** The same suite's index of the architecture that builds, when that is another one than the kernel's. */
  tools?: PackageIndex | undefined;
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
    let waiting: KernelHeaders | undefined;
    for (const place of places) {
      for (const entry of place.index.get(name) ?? []) {
        const found = isWanted(entry.ref.version) ? follow(entry, place) : undefined;
        if (found !== undefined && found.missing === undefined) {
          return { ...found, suite: place.suite };
        }
        waiting ??= found && { ...found, suite: place.suite };
      }
    }
    return waiting;
  };
  return (
    among([...homes, ...others], (version) => version === kernel.version) ??
    among(homes, (version) => version !== kernel.version)
  );
}
