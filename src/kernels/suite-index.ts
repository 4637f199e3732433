import { compareText } from '../core/compare.ts';
import { compareVersions } from '../debian/version.ts';
import type { IndexedPackage } from './scan.ts';

/** All packages of one name that can be installed on one architecture, newest first. */
export type PackageIndex = ReadonlyMap<string, readonly IndexedPackage[]>;

/** Newest version first; what follows only makes the order of entries independent of the order of indices. */
function compareEntries(a: IndexedPackage, b: IndexedPackage): number {
  return (
    (a.ref.version === b.ref.version ? 0 : compareVersions(b.ref.version, a.ref.version)) ||
    compareText(a.ref.sha256, b.ref.sha256) ||
    compareText(a.ref.uri, b.ref.uri) ||
    compareText(a.suite, b.suite) ||
    compareText(a.component, b.component)
  );
}

function addTo(byName: Map<string, IndexedPackage[]>, entry: IndexedPackage): void {
  const list = byName.get(entry.ref.name);
  if (list === undefined) {
    byName.set(entry.ref.name, [entry]);
  } else {
    list.push(entry);
  }
}

/** Sorted, and each entry once: packages for all architectures stand in the index of every architecture. */
function tidy(list: IndexedPackage[]): IndexedPackage[] {
  if (list.length === 1) {
    return list;
  }
  list.sort(compareEntries);
  return list.filter((entry, at) => {
    const previous = list[at - 1];
    return previous === undefined || compareEntries(previous, entry) !== 0;
  });
}

/**
 * Groups the packages of one published suite by architecture and name, in one pass.
 *
 * @returns one index for each of the architectures; packages for all architectures are in every one
 */
export function indexSuite(
  packages: readonly IndexedPackage[],
  architectures: readonly string[],
): Map<string, PackageIndex> {
  const indices = new Map(
    architectures.map((name) => [name, new Map<string, IndexedPackage[]>()] as const),
  );
  const forAll = new Map<string, IndexedPackage[]>();
  for (const entry of packages) {
    const byName = entry.ref.architecture === 'all' ? forAll : indices.get(entry.ref.architecture);
    if (byName !== undefined) {
      addTo(byName, entry);
    }
  }
  for (const index of indices.values()) {
    for (const [name, list] of index) {
      index.set(name, tidy(list));
    }
  }
  for (const [name, list] of forAll) {
    const tidied = tidy(list);
    for (const index of indices.values()) {
      const own = index.get(name);
      index.set(name, own === undefined ? tidied : tidy([...own, ...tidied]));
    }
  }
  return indices;
}
