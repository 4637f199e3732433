import * as path from 'node:path';
import { LockstepError } from '../core/errors.ts';
import { type BlockedIndex, isWithin } from './blocks.ts';
import type { SuiteChange } from './entries.ts';
import { hashOf, identityOf } from './known-debs.ts';
import { endFile, nameFile } from './named.ts';
import type { SuitePublication } from './publication.ts';
import {
  BUILDINFOS,
  FILE_ARCHITECTURES,
  formatSum,
  type IndexedSource,
  type PoolFile,
  readSource,
  SOURCES,
  sourceEntries,
} from './source-index.ts';
import type { Store } from './store.ts';

type Kind = keyof typeof FILE_ARCHITECTURES;

/** What a suite has beside its packages, and what of it changed. */
export interface FilesChange {
  /** Undefined: the suite has no index of sources. */
  sources: IndexedSource[] | undefined;
  hasBuildinfos: boolean;
  /** Paths in the pool that came, went or changed. */
  changed: string[];
  /** Paths in the pool that no state had before. */
  newFiles: string[];
  /** SHA-256 → a file with these bytes. */
  places: Map<string, string>;
}

function conflict(filename: string, file: string): LockstepError {
  return new LockstepError(
    'REPOSITORY_INVALID',
    `${filename} would have other bytes than another suite or an earlier state has: ${file}`,
    { hint: 'a published file never changes its bytes: publish it under another version' },
  );
}

/** Notes which files of a kind a suite has. @returns what changed */
function noteFiles(
  store: Store,
  suite: string,
  kind: Kind,
  files: readonly PoolFile[],
): Pick<FilesChange, 'changed' | 'newFiles'> {
  const architecture = FILE_ARCHITECTURES[kind];
  const generation = Number(
    store.get('SELECT generation FROM suite WHERE suite = ?', suite)?.['generation'] ?? 0,
  );
  const live = store.all(
    'SELECT name, sha256 FROM named WHERE suite = ? AND architecture = ? AND until = 0',
    ...[suite, architecture],
  );
  const gone = new Map(live.map((row) => [String(row['name']), String(row['sha256'])]));
  const seen = new Map<string, string>();
  const changed: string[] = [];
  const newFiles: string[] = [];
  for (const { filename, sha256, file } of files) {
    const before = gone.get(filename) ?? seen.get(filename);
    if (before !== undefined && before !== sha256) {
      throw conflict(filename, file);
    }
    gone.delete(filename);
    if (before === undefined) {
      const named = { architecture, name: filename, version: '', sha256, filename };
      const isNew = nameFile(store, suite, named, () => conflict(filename, file));
      changed.push(filename);
      newFiles.push(...(isNew ? [filename] : []));
    }
    seen.set(filename, sha256);
  }
  for (const [filename, sha256] of gone) {
    endFile(store, suite, { architecture, name: filename, sha256 }, generation);
    changed.push(filename);
  }
  return { changed, newFiles };
}

/**
 * Reads the source packages of a suite and notes what of them is new and what is gone.
 *
 * @throws LockstepError REPOSITORY_INVALID when one is not whole, or a file should have two contents
 */
export async function changeFiles(
  store: Store,
  { suite, component, sources, buildinfos }: SuitePublication,
): Promise<FilesChange> {
  const read: IndexedSource[] = [];
  for (const dsc of sources ?? []) {
    const hash = async (file: string): Promise<string | undefined> => {
      const identity = identityOf(file);
      return identity === undefined ? undefined : await hashOf(store, file, identity);
    };
    read.push(await readSource(dsc, component, hash));
  }
  const files = read.flatMap((source) => source.files);
  const noted = [
    noteFiles(store, suite, 'source', files),
    noteFiles(store, suite, 'buildinfo', buildinfos ?? []),
  ];
  return {
    sources: sources === undefined ? undefined : read,
    hasBuildinfos: buildinfos !== undefined,
    changed: noted.flatMap(({ changed }) => changed),
    newFiles: noted.flatMap(({ newFiles }) => newFiles),
    places: new Map([...files, ...(buildinfos ?? [])].map(({ sha256, file }) => [sha256, file])),
  };
}

/** Some 5 KB a block. */
const SPACING = 64;

/** The indices of what a suite has beside its packages, each with the keys that changed in it. */
export function fileIndices(
  store: Store,
  { publication, files }: SuiteChange,
): { index: BlockedIndex; keys: string[] }[] {
  const { suite, component } = publication;
  const found: { index: BlockedIndex; keys: string[] }[] = [];
  const common = { suite, spacing: SPACING, encoding: 'utf8' as const };
  const { sources } = files;
  for (const [isThere, name] of [
    [sources !== undefined, SOURCES],
    [files.hasBuildinfos, BUILDINFOS],
  ] as const) {
    if (!isThere) {
      // An index that comes back is made anew.
      store.run('DELETE FROM part WHERE suite = ? AND path = ?', suite, `${component}${name}`);
      store.run('DELETE FROM listed WHERE suite = ? AND path = ?', suite, `${component}${name}`);
    }
  }
  if (sources !== undefined) {
    const entries = sourceEntries(sources);
    found.push({
      index: {
        ...common,
        path: `${component}${SOURCES}`,
        forms: ['.gz', '.xz'],
        entries: (from, to) => entries.filter(([name]) => isWithin(name, from, to)),
      },
      // The name of a source is its folder's.
      keys: files.changed.map((filename) => path.posix.basename(path.posix.dirname(filename))),
    });
  }
  if (files.hasBuildinfos) {
    found.push({
      index: {
        ...common,
        path: `${component}${BUILDINFOS}`,
        forms: ['.gz'],
        entries: (from, to) =>
          store
            .all(
              `SELECT name, sha256 FROM named WHERE suite = ?1 AND architecture = ?2 AND until = 0
               AND name >= ?3 AND (?4 IS NULL OR name < ?4) ORDER BY name`,
              ...[suite, FILE_ARCHITECTURES.buildinfo, from, to ?? null],
            )
            .map((row) => [
              String(row['name']),
              formatSum(String(row['sha256']), String(row['name'])),
            ]),
      },
      keys: files.changed.filter((filename) => filename.endsWith('.buildinfo')),
    });
  }
  return found;
}
