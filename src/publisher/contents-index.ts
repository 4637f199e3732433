import { compareText } from '../core/compare.ts';
import type { BlockedIndex, IndexEntry } from './blocks.ts';
import type { ChangedDeb } from './entries.ts';
import type { Store } from './store.ts';

/** Some 60 KB a block. */
const SPACING = 512;
/** Where the packages begin, as in Debian's own, as far as the path leaves room. */
const COLUMN = 55;

/** A line of `Contents`: a path, and the packages that have it; each character is one byte. */
function formatLine(path: string, packages: readonly string[]): string {
  return `${path.padEnd(COLUMN)} ${packages.join(',')}\n`;
}

/** Paths with their packages, as the lines of a `Contents` index say them. */
export function parseContents(text: string): Map<string, string[]> {
  const lines = new Map<string, string[]>();
  for (const line of text.split('\n')) {
    const end = line.lastIndexOf(' ');
    if (end !== -1) {
      lines.set(line.slice(0, end).trimEnd(), line.slice(end + 1).split(','));
    }
  }
  return lines;
}

/** Paths as they can stand in a line: one that ends with a blank has none. */
export function listedPaths(files: string): string[] {
  return files.split('\n').filter((path) => path !== '' && !path.endsWith(' '));
}

/** What changes in the lines: by path, the packages that come and those that go. */
type Edits = ReadonlyMap<string, { come: Set<string>; go: Set<string> }>;

/** Whether another version of a package, which stays, has the same file. */
function staysIn(store: Store, suite: string, architecture: string, deb: ChangedDeb): Set<string> {
  const rows = store.texts(
    `SELECT deb.files FROM named JOIN deb USING (sha256) WHERE named.suite = ? AND named.architecture IN (?, 'all')
       AND named.name = ? AND named.until = 0 AND deb.qualified = ?`,
    ...[suite, architecture, deb.name, deb.qualified],
  );
  return new Set(rows.flatMap(listedPaths));
}

function editsOf(
  store: Store,
  suite: string,
  architecture: string,
  change: { added: readonly ChangedDeb[]; removed: readonly ChangedDeb[] },
): Edits {
  const edits = new Map<string, { come: Set<string>; go: Set<string> }>();
  const at = (path: string): { come: Set<string>; go: Set<string> } => {
    const edit = edits.get(path) ?? { come: new Set(), go: new Set() };
    edits.set(path, edit);
    return edit;
  };
  const isOurs = (deb: ChangedDeb): boolean =>
    deb.architecture === architecture || deb.architecture === 'all';
  for (const deb of change.removed.filter(isOurs)) {
    const stays = staysIn(store, suite, architecture, deb);
    for (const path of listedPaths(deb.files).filter((name) => !stays.has(name))) {
      at(path).go.add(deb.qualified);
    }
  }
  for (const deb of change.added.filter(isOurs)) {
    for (const path of listedPaths(deb.files)) {
      at(path).come.add(deb.qualified);
    }
  }
  return edits;
}

/** The lines of all packages. */
function allLines(store: Store, suite: string, architecture: string): Map<string, string[]> {
  const lines = new Map<string, string[]>();
  const rows = store.all(
    `SELECT deb.qualified, deb.files FROM named JOIN deb USING (sha256)
     WHERE named.suite = ? AND named.architecture IN (?, 'all') AND named.until = 0`,
    ...[suite, architecture],
  );
  for (const row of rows) {
    const name = String(row['qualified']);
    for (const path of listedPaths(String(row['files']))) {
      const list = lines.get(path);
      if (list === undefined) {
        lines.set(path, [name]);
      } else if (!list.includes(name)) {
        list.push(name);
      }
    }
  }
  return lines;
}

/** Lines in the order of their bytes. */
function sorted(lines: ReadonlyMap<string, readonly string[]>): IndexEntry[] {
  return [...lines]
    .sort(([left], [right]) => compareText(left, right))
    .map(([path, packages]) => [path, formatLine(path, packages.toSorted(compareText))]);
}

/**
 * The `Contents` index of one architecture (wiki.debian.org/DebianRepository/Format): which packages have which file.
 *
 * @returns the index, and the keys of the lines that change
 */
export function contentsIndex(
  store: Store,
  { suite, component }: { suite: string; component: string },
  architecture: string,
  change: { added: readonly ChangedDeb[]; removed: readonly ChangedDeb[] },
): { index: BlockedIndex; keys: string[] } {
  const edits = editsOf(store, suite, architecture, change);
  const index: BlockedIndex = {
    suite,
    path: `${component}/Contents-${architecture}`,
    spacing: SPACING,
    forms: ['.gz'],
    encoding: 'latin1',
    entries(from, to, present) {
      if (present === undefined) {
        return sorted(allLines(store, suite, architecture));
      }
      const lines = parseContents(present);
      for (const [path, { come, go }] of edits) {
        if (path >= from && (to === undefined || path < to)) {
          const kept = (lines.get(path) ?? []).filter((name) => !go.has(name) && !come.has(name));
          lines.set(path, [...kept, ...come]);
          if (kept.length + come.size === 0) {
            lines.delete(path);
          }
        }
      }
      return sorted(lines);
    },
  };
  return { index, keys: [...edits.keys()] };
}
