import { parseRelations } from '../debian/relation.ts';
import type { IndexedPackage } from './scan.ts';
import type { PackageIndex } from './suite-index.ts';

const LATEST = 'linux-latest-modules-';
const IMAGE = 'linux-image-';

/** A kernel metapackage: it Provides `linux-latest-modules-<release>`, and so says what it points to. */
export interface Metapackage {
  /** Its name without `linux-image-`: `amd64`, `6.12-amd64`. */
  track: string;
  release: string;
  /** Other names that it provides: `wireguard-modules` ...; none that begins with `linux-`. */
  provides: string[];
}

/** @returns undefined for every package that is not a kernel metapackage */
export function metapackageOf(entry: IndexedPackage): Metapackage | undefined {
  const field = entry.fields.get('Provides');
  if (!entry.ref.name.startsWith(IMAGE) || field?.includes(LATEST) !== true) {
    return undefined;
  }
  const names = parseRelations(field)
    .flat()
    .map(({ name }) => name);
  const latest = names.find((name) => name.startsWith(LATEST));
  if (latest === undefined) {
    return undefined;
  }
  return {
    track: entry.ref.name.slice(IMAGE.length),
    release: latest.slice(LATEST.length),
    provides: names.filter((name) => !name.startsWith('linux-')),
  };
}

/** The metapackages of one published suite on one architecture. */
export interface SuiteMetapackages {
  /** Every version of every one. */
  all: Metapackage[];
  /** Release → tracks whose newest version points to it, sorted: what apt installs, since the suites are of one priority. */
  tracks: Map<string, string[]>;
}

export function findMetapackages(index: PackageIndex): SuiteMetapackages {
  const all: Metapackage[] = [];
  const tracks = new Map<string, string[]>();
  for (const [name, versions] of index) {
    if (!name.startsWith(IMAGE)) {
      continue;
    }
    for (const [at, entry] of versions.entries()) {
      const found = metapackageOf(entry);
      if (found === undefined) {
        continue;
      }
      all.push(found);
      if (at === 0) {
        tracks.set(found.release, [...(tracks.get(found.release) ?? []), found.track]);
      }
    }
  }
  for (const list of tracks.values()) {
    list.sort();
  }
  return { all, tracks };
}
