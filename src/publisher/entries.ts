import { LockstepError } from '../core/errors.ts';
import { debId } from './indices.ts';
import { endFile, nameFile } from './named.ts';
import { poolPath } from './names.ts';
import { changeFiles, type FilesChange } from './pool-files.ts';
import type { SuitePublication } from './publication.ts';
import type { Row, Store } from './store.ts';

/** A package that comes into a suite, or leaves it. */
export interface ChangedDeb {
  name: string;
  version: string;
  architecture: string;
  sha256: string;
  /** `kernel/foo-modules-amd64`, and its files, one a line; empty when it was never read here. */
  qualified: string;
  files: string;
}

/** What is to be changed in a suite. */
export interface SuiteChange {
  publication: SuitePublication;
  added: ChangedDeb[];
  removed: ChangedDeb[];
  /** Whether its indices are not known, or of other packages: all of them are to be made. */
  isWhole: boolean;
  /** How many packages it has then. */
  packages: number;
  /** Paths in the pool that no state had before. */
  newFiles: string[];
  /** What it has beside its packages. */
  files: FilesChange;
}

function invalid(message: string, hint: string): LockstepError {
  return new LockstepError('REPOSITORY_INVALID', message, { hint });
}

/** Files that a suite was not given last, and those that it is given no more. */
export interface InputChange {
  come: string[];
  gone: string[];
}

/** Compares what a suite is given with what it was given last. */
export function compareInput(store: Store, { suite, debs }: SuitePublication): InputChange {
  const row = store.get(
    'SELECT group_concat(path, char(10)) AS paths FROM member WHERE suite = ?',
    suite,
  );
  const before = new Set(row?.['paths'] === null ? [] : String(row?.['paths']).split('\n'));
  const come = new Set<string>();
  for (const file of debs) {
    // One that is given twice is no longer among those before.
    if (!before.delete(file) && !come.has(file)) {
      const known = store.get('SELECT 1 FROM member WHERE suite = ? AND path = ?', suite, file);
      if (known === undefined) {
        come.add(file);
      }
    }
  }
  return { come: [...come], gone: [...before] };
}

function takeInput(
  store: Store,
  { suite }: SuitePublication,
  { come, gone }: InputChange,
  hashes: ReadonlyMap<string, string>,
): void {
  const touch = 'INSERT OR IGNORE INTO touched VALUES (?)';
  for (const file of come) {
    const hash = hashes.get(file);
    if (hash === undefined) {
      throw invalid(
        `${file} is to be published and not there`,
        'run again: what is missing is built and packaged anew',
      );
    }
    store.run('INSERT INTO member VALUES (?, ?, ?)', suite, file, hash);
    store.run(touch, hash);
  }
  for (const file of gone) {
    const row = store.get('SELECT sha256 FROM member WHERE suite = ? AND path = ?', suite, file);
    if (row !== undefined) {
      store.run(touch, String(row['sha256']));
      store.run('DELETE FROM member WHERE suite = ? AND path = ?', suite, file);
    }
  }
}

/** @throws LockstepError REPOSITORY_INVALID when two of a suite's packages are one by their names */
function checkUnique(store: Store, suite: string): void {
  const twice = store.get(
    `SELECT deb.name, deb.version, deb.architecture, mine.path AS first, member.path AS second
     FROM touched CROSS JOIN member AS mine ON mine.sha256 = touched.sha256 AND mine.suite = ?
     CROSS JOIN deb ON deb.sha256 = touched.sha256
     CROSS JOIN deb AS other ON other.name = deb.name AND other.version = deb.version
       AND other.architecture = deb.architecture AND other.sha256 <> deb.sha256
     CROSS JOIN member ON member.sha256 = other.sha256 AND member.suite = ? LIMIT 1`,
    ...[suite, suite],
  );
  if (twice !== undefined) {
    const { first, second, name, version, architecture } = twice;
    throw invalid(
      `${String(first)} and ${String(second)} are both ${String(name)}_${String(version)}_${String(architecture)}`,
      'give one of them another version, or leave one out',
    );
  }
}

/** @throws LockstepError REPOSITORY_INVALID when a package is for an architecture that the suite lacks */
function checkArchitectures(store: Store, publication: SuitePublication, from: string): void {
  const { suite, architectures } = publication;
  const marks = architectures.map(() => '?').join(', ');
  const row = store.get(
    `SELECT member.path, deb.architecture FROM ${from} CROSS JOIN deb USING (sha256)
     WHERE member.suite = ? AND deb.architecture NOT IN ('all', ${marks}) LIMIT 1`,
    ...[suite, ...architectures],
  );
  if (row !== undefined) {
    const architecture = String(row['architecture']);
    throw invalid(
      `${String(row['path'])} is for ${architecture}, which the suite ${suite} does not have`,
      `add ${architecture} to the architectures of ${suite}`,
    );
  }
}

function changedDeb(row: Row): ChangedDeb {
  const text = (name: string): string => String(row[name] ?? '');
  return {
    name: text('name'),
    version: text('version'),
    architecture: text('architecture'),
    sha256: text('sha256'),
    qualified: text('qualified'),
    files: text('files'),
  };
}

/** Notes a package as one of the suite's. @returns its path in the pool when no state had it before */
function addName(store: Store, { suite, component }: SuitePublication, row: Row): string[] {
  const deb = { ...changedDeb(row), source: String(row['source']) };
  const filename = poolPath(component, deb);
  const conflict = (): LockstepError =>
    invalid(
      `${filename} was published with other bytes than ${String(row['path'])} has`,
      'give the changed package a higher version: a published file never changes its bytes',
    );
  return nameFile(store, suite, { ...deb, filename }, conflict) ? [filename] : [];
}

// CROSS JOIN: in this order, from what was touched; SQLite would look at all of the suite.
const COLUMNS = 'deb.name, deb.version, deb.architecture, sha256, qualified, files';

/**
 * Works out what of a suite's packages is new and what is gone, and notes it; looks at no other package.
 *
 * @param hashes of the files that come, as far as they are there
 * @throws LockstepError REPOSITORY_INVALID when one is missing, not whole, for another architecture, or differs
 *   from a package of the same name, version and architecture
 */
export async function changeSuite(
  store: Store,
  publication: SuitePublication,
  input: InputChange,
  hashes: ReadonlyMap<string, string>,
): Promise<SuiteChange> {
  const { suite, component } = publication;
  const architectures = publication.architectures.join(' ');
  const before = store.get('SELECT * FROM suite WHERE suite = ?', suite);
  const generation = Number(before?.['generation'] ?? 0);
  const isWhole = before?.['component'] !== component;
  store.run('CREATE TEMP TABLE IF NOT EXISTS touched (sha256 TEXT PRIMARY KEY)');
  store.run('DELETE FROM touched');
  takeInput(store, publication, input, hashes);
  if (isWhole) {
    store.run('DELETE FROM part WHERE suite = ?', suite);
    store.run('DELETE FROM listed WHERE suite = ?', suite);
    store.run('INSERT OR IGNORE INTO touched SELECT sha256 FROM member WHERE suite = ?', suite);
    store.run(
      "INSERT OR IGNORE INTO touched SELECT sha256 FROM named WHERE suite = ? AND until = 0 AND architecture NOT LIKE '.%'",
      suite,
    );
  }
  checkUnique(store, suite);
  const isOther = isWhole || before['architectures'] !== architectures;
  checkArchitectures(
    store,
    publication,
    isOther ? 'member' : 'touched CROSS JOIN member USING (sha256)',
  );

  const removed = store
    .all(
      `SELECT named.name, named.version, named.architecture, named.sha256, deb.qualified, deb.files, named.folder
       FROM touched CROSS JOIN named INDEXED BY named_sha256 USING (sha256) LEFT JOIN deb USING (sha256)
       WHERE named.suite = ?1 AND named.until = 0 AND named.architecture NOT LIKE '.%' AND (substr(named.folder, 1, length(?2)) <> ?2
         OR NOT EXISTS (SELECT 1 FROM member WHERE member.sha256 = touched.sha256 AND member.suite = ?1))`,
      ...[suite, `pool/${component}/`],
    )
    .map(changedDeb);
  for (const deb of removed) {
    endFile(store, suite, deb, generation);
  }
  const rows = store.all(
    `SELECT ${COLUMNS}, deb.source, min(member.path) AS path
     FROM touched CROSS JOIN member USING (sha256) CROSS JOIN deb USING (sha256)
     WHERE member.suite = ?1 AND NOT EXISTS (SELECT 1 FROM named WHERE named.suite = ?1 AND
       named.architecture = deb.architecture AND named.name = deb.name AND named.sha256 = deb.sha256
       AND until = 0) GROUP BY sha256`,
    suite,
  );
  const newFiles = rows.flatMap((row) => addName(store, publication, row));
  const added = rows.map(changedDeb);
  const packages = Number(before?.['packages'] ?? 0) + added.length - removed.length;
  if (before === undefined) {
    store.run(
      'INSERT INTO suite VALUES (?, ?, ?, ?, ?, 0, ?)',
      suite,
      component,
      architectures,
      '',
      '[]',
      packages,
    );
  } else if (isOther || added.length + removed.length > 0) {
    store.run(
      'UPDATE suite SET component = ?, architectures = ?, packages = ? WHERE suite = ?',
      ...[component, architectures, packages, suite],
    );
  }
  const files = await changeFiles(store, publication);
  newFiles.push(...files.newFiles);
  return { publication, added, removed, isWhole, packages, newFiles, files };
}

/** `name_version_architecture` of those that are in the first list only, sorted. */
export function idsOnlyIn(one: readonly ChangedDeb[], other: readonly ChangedDeb[]): string[] {
  const others = new Set(other.map(debId));
  return [...new Set(one.map(debId))].filter((id) => !others.has(id)).sort();
}
