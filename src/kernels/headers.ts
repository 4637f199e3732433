import { parseRelations, type Relation } from '../debian/relation.ts';
import { compareVersions } from '../debian/version.ts';
import type { KernelHeaders } from '../model/kernels.ts';
import type { PackageIndex } from './catalogue.ts';
import type { IndexedPackage } from './scan.ts';

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

/**
 * What building for a release takes, read from the headers package's own dependencies: packages of the same source
 * are unpacked (common, kbuild, compiler packages), those of other sources are required beside them. The image,
 * which trixie's headers depend on, is not needed to build.
 *
 * @returns undefined when the headers, or one of the packages they need, are in none of the suites
 */
export function headersOf(
  release: string,
  version: string,
  index: PackageIndex,
): KernelHeaders | undefined {
  const candidates = index.get(`linux-headers-${release}`) ?? [];
  const headers = candidates.find((entry) => entry.ref.version === version) ?? candidates[0];
  if (headers === undefined) {
    return undefined;
  }
  const unpacked = new Map<string, IndexedPackage>([[headers.ref.name, headers]]);
  const requires = new Set<string>();
  const queue = [headers];
  for (let entry = queue.shift(); entry !== undefined; entry = queue.shift()) {
    for (const group of parseRelations(entry.fields.get('Depends'))) {
      if (group.some((relation) => isImage(relation.name))) {
        continue;
      }
      const own = group.flatMap((relation) =>
        (index.get(relation.name) ?? []).filter(
          (candidate) =>
            candidate.ref.source === headers.ref.source &&
            satisfies(candidate.ref.version, relation),
        ),
      )[0];
      if (own !== undefined) {
        if (!unpacked.has(own.ref.name)) {
          unpacked.set(own.ref.name, own);
          queue.push(own);
        }
        continue;
      }
      const first = group[0];
      if (first === undefined) {
        continue;
      }
      // A package of these very headers that is gone: nothing can be built with what is left.
      if (first.name.startsWith('linux-headers-') || first.name.startsWith('linux-kbuild-')) {
        return undefined;
      }
      requires.add(first.name);
    }
  }
  return {
    packages: [...unpacked.values()].map((entry) => entry.ref),
    requires: [...requires].toSorted(),
    suite:
      candidates
        .filter((entry) => entry.ref.sha256 === headers.ref.sha256)
        .map((entry) => entry.suite)
        .toSorted()[0] ?? headers.suite,
  };
}
