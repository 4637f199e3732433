import type { BlockedIndex, IndexEntry } from './blocks.ts';
import { compareText } from '../core/compare.ts';
import { compareVersions } from '../debian/version.ts';
import type { Row, Store } from './store.ts';

/** Some 50 KB a block: a new package costs the compression of one; independent blocks cost a seventh of the whole's size. */
const SPACING = 64;

/** The order of packages of one name: version as dpkg orders it, then any that makes it total. */
function compareRows(left: Row, right: Row): number {
  const of = (row: Row, column: string): string => String(row[column]);
  return (
    compareText(of(left, 'name'), of(right, 'name')) ||
    compareVersions(of(left, 'version'), of(right, 'version')) ||
    compareText(of(left, 'version'), of(right, 'version')) ||
    compareText(of(left, 'architecture'), of(right, 'architecture'))
  );
}

/** The `Packages` index of one architecture: its packages and those for all, sorted by name, then by version. */
export function packagesIndex(
  store: Store,
  { suite, component }: { suite: string; component: string },
  architecture: string,
): BlockedIndex {
  const rows = (of: string, from: string, to: string | undefined): Row[] =>
    store.all(
      `SELECT named.name, named.version, named.architecture, deb.control || 'Filename: ' || named.folder || '/' ||
         named.file || char(10) || 'Size: ' || deb.size || char(10) || 'SHA256: ' || deb.sha256 || char(10, 10) AS stanza
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
        .sort(compareRows)
        .map((row): IndexEntry => [String(row['name']), String(row['stanza'])]),
  };
}
