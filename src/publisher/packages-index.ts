import type { BlockedIndex, IndexEntry } from './blocks.ts';
import { compareDebs, formatPackage, type PooledDeb } from './indices.ts';
import type { Row, Store } from './store.ts';

/** Some 50 KB a block: a new package costs the compression of one; independent blocks cost a seventh of the whole's size. */
const SPACING = 64;

function pooledDeb(row: Row): PooledDeb {
  const text = (name: string): string => String(row[name]);
  return {
    name: text('name'),
    version: text('version'),
    architecture: text('architecture'),
    sha256: text('sha256'),
    control: text('control'),
    size: Number(row['size']),
    filename: `${text('folder')}/${text('file')}`,
  };
}

/** The `Packages` index of one architecture: its packages and those for all, sorted by name. */
export function packagesIndex(
  store: Store,
  { suite, component }: { suite: string; component: string },
  architecture: string,
): BlockedIndex {
  const rows = (of: string, from: string, to: string | undefined): Row[] =>
    store.all(
      `SELECT named.name, named.version, named.architecture, named.sha256, named.folder, named.file, deb.size, deb.control
       FROM named JOIN deb USING (sha256) WHERE named.suite = ?1 AND named.architecture = ?2 AND named.until = 0
         AND named.name >= ?3 AND (?4 IS NULL OR named.name < ?4)`,
      ...[suite, of, from, to ?? null],
    );
  return {
    suite,
    path: `${component}/binary-${architecture}/Packages`,
    spacing: SPACING,
    forms: ['.gz', '.xz'],
    encoding: 'utf8',
    entries: (from, to) =>
      [...rows(architecture, from, to), ...rows('all', from, to)]
        .map(pooledDeb)
        .sort(compareDebs)
        .map((deb): IndexEntry => [deb.name, formatPackage(deb)]),
  };
}
