import { compareText } from '../core/compare.ts';
import { type BlockedIndex, type IndexEntry, isWithin } from './blocks.ts';
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

/** What changes in a line: the packages that come and those that go. */
interface Edit {
  come: Set<string>;
  go: Set<string>;
}

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
): ReadonlyMap<string, Edit> {
  const edits = new Map<string, Edit>();
  const at = (path: string): Edit => {
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

/** The lines of a text after some edits, both in order. */
function edited(text: string, edits: readonly (readonly [string, Edit])[]): IndexEntry[] {
  const entries: IndexEntry[] = [];
  let next = 0;
  const apply = (path: string, edit: Edit, names: readonly string[]): void => {
    const kept = names.filter((name) => !edit.go.has(name) && !edit.come.has(name));
    const all = [...kept, ...edit.come].sort(compareText);
    if (all.length > 0) {
      entries.push([path, formatLine(path, all)]);
    }
  };
  for (let at = 0; at < text.length; ) {
    const end = text.indexOf('\n', at) + 1;
    const line = text.slice(at, end);
    const blank = line.lastIndexOf(' ');
    const path = line.slice(0, blank).trimEnd();
    let edit = edits[next];
    for (; edit !== undefined && edit[0] < path; edit = edits[next]) {
      apply(...edit, []);
      next += 1;
    }
    if (edit?.[0] === path) {
      apply(...edit, line.slice(blank + 1, -1).split(','));
      next += 1;
    } else {
      entries.push([path, line]);
    }
    at = end;
  }
  for (const edit of edits.slice(next)) {
    apply(...edit, []);
  }
  return entries;
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
  const sortedEdits = [...edits].sort(([left], [right]) => compareText(left, right));
  const index: BlockedIndex = {
    suite,
    path: `${component}/Contents-${architecture}`,
    spacing: SPACING,
    forms: ['.gz'],
    encoding: 'latin1',
    entries: (from, to, present) =>
      present === undefined
        ? sorted(allLines(store, suite, architecture))
        : edited(
            present(),
            sortedEdits.filter(([path]) => isWithin(path, from, to)),
          ),
  };
  return { index, keys: [...edits.keys()] };
}
