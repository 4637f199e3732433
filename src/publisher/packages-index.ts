import { compareText } from '../core/compare.ts';
import { compareVersions } from '../debian/version.ts';
import { type BlockedIndex, type IndexEntry, isWithin } from './blocks.ts';
import type { Row, Store } from './store.ts';

/** Some 50 KB a block: a new package costs the compression of one, and the index is a fifth larger than of one block. */
const SPACING = 64;

const STANZAS = `
  SELECT named.name, named.version, named.architecture, deb.control || 'Filename: ' || named.folder || '/' ||
    named.file || char(10) || 'Size: ' || deb.size || char(10) || 'SHA256: ' || deb.sha256 || char(10, 10) AS stanza
  FROM named JOIN deb USING (sha256)
  WHERE named.suite = ? AND named.architecture = ? AND named.until = 0 AND named.name >= ?`;

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

/** The stanzas of a text, each with its package's name. */
function* stanzasOf(text: string): Generator<IndexEntry> {
  for (let at = 0; at < text.length; ) {
    const end = text.indexOf('\n\n', at) + 2;
    const stanza = text.slice(at, end);
    yield [/^Package: (?<name>.*)$/m.exec(stanza)?.groups?.['name'] ?? '', stanza];
    at = end;
  }
}

/**
 * The `Packages` index of one architecture: its packages and those for all, sorted by name, then by version.
 *
 * @param changed names of packages that came or went
 */
export function packagesIndex(
  store: Store,
  { suite, component }: { suite: string; component: string },
  architecture: string,
  changed: readonly string[],
): BlockedIndex {
  const rows = (of: string, from: string, to: string | undefined): Row[] =>
    to === undefined
      ? store.all(STANZAS, suite, of, from)
      : store.all(`${STANZAS} AND named.name < ?`, suite, of, from, to);
  const entries = (from: string, to: string | undefined): IndexEntry[] =>
    [...rows(architecture, from, to), ...rows('all', from, to)]
      .sort(compareRows)
      .map((row): IndexEntry => [String(row['name']), String(row['stanza'])]);
  const names = [...new Set(changed)].sort(compareText);
  return {
    suite,
    path: `${component}/binary-${architecture}/Packages`,
    spacing: SPACING,
    forms: ['.gz', '.xz'],
    encoding: 'utf8',
    entries(from, to, present) {
      if (present === undefined) {
        return entries(from, to);
      }
      const result: IndexEntry[] = [];
      const left = names.filter((name) => isWithin(name, from, to));
      const gone = new Set(left);
      let next = 0;
      const addUpTo = (end: string | undefined): void => {
        for (let name = left[next]; name !== undefined; name = left[next]) {
          if (end !== undefined && name > end) {
            return;
          }
          // No name lies between a name and the one with this after it.
          result.push(...entries(name, `${name}\0`));
          next += 1;
        }
      };
      for (const entry of stanzasOf(present())) {
        addUpTo(entry[0]);
        if (!gone.has(entry[0])) {
          result.push(entry);
        }
      }
      addUpTo(undefined);
      return result;
    },
  };
}
