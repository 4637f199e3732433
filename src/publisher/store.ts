import * as fs from 'node:fs/promises';
import * as path from 'node:path';
import {
  DatabaseSync,
  type SQLInputValue,
  type SQLOutputValue,
  type StatementSync,
} from 'node:sqlite';

export type Row = Record<string, SQLOutputValue>;

const FORMAT = 1;

/*
 * deb    what a package says, by its hash
 * path   which package a file is, by the file's identity
 * member the files that a suite was last given
 * named  packages of the states of a suite that are kept; until: 0 in the live one, else the number of the last one
 * pool   files of the pool as they were last seen
 * folder folders of the pool as they were last seen
 * suite  the state that the rest is true of
 * part   an index: its blocks, in order, each with the first key in it
 * listed an index: its forms as Release has them
 * block  a block of an index, compressed, by the hash of its text
 * repository the folder that all this is in, and whether it is being changed
 */
const SCHEMA = `
CREATE TABLE deb (sha256 TEXT PRIMARY KEY, size INTEGER, name TEXT, version TEXT, architecture TEXT, source TEXT,
  qualified TEXT, control TEXT, files TEXT);
CREATE INDEX deb_name ON deb (name);
CREATE TABLE path (path TEXT PRIMARY KEY, identity TEXT, sha256 TEXT) WITHOUT ROWID;
CREATE INDEX path_identity ON path (identity);
CREATE INDEX path_sha256 ON path (sha256);
CREATE TABLE member (suite TEXT, path TEXT, sha256 TEXT, PRIMARY KEY (suite, path)) WITHOUT ROWID;
CREATE INDEX member_sha256 ON member (sha256, suite);
CREATE TABLE named (suite TEXT, architecture TEXT, name TEXT, version TEXT, sha256 TEXT, folder TEXT, file TEXT,
  until INTEGER, PRIMARY KEY (suite, architecture, name, sha256, until)) WITHOUT ROWID;
CREATE INDEX named_file ON named (folder, file);
CREATE INDEX named_sha256 ON named (sha256, suite);
CREATE INDEX named_until ON named (suite, until) WHERE until > 0;
CREATE TABLE pool (id INTEGER PRIMARY KEY, file TEXT UNIQUE, identity TEXT, sha256 TEXT);
CREATE TABLE folder (path TEXT PRIMARY KEY, identity TEXT) WITHOUT ROWID;
CREATE TABLE suite (suite TEXT PRIMARY KEY, component TEXT, architectures TEXT, release TEXT, former TEXT,
  generation INTEGER, packages INTEGER);
CREATE TABLE part (suite TEXT, path TEXT, first TEXT, block TEXT, PRIMARY KEY (suite, path, first)) WITHOUT ROWID;
CREATE INDEX part_block ON part (block);
CREATE TABLE listed (suite TEXT, path TEXT, form TEXT, sha256 TEXT, size INTEGER, PRIMARY KEY (suite, path, form));
CREATE TABLE block (sha256 TEXT PRIMARY KEY, gz BLOB, xz BLOB);
CREATE TABLE repository (identity TEXT, open INTEGER);
PRAGMA user_version = ${FORMAT};
`;

/** Tables that say what a repository has; the others hold for any. */
const OF_REPOSITORY = [
  'member',
  'named',
  'pool',
  'folder',
  'suite',
  'part',
  'listed',
  'repository',
];

/**
 * What is known of packages and of the repository, so that a publication reads and compresses what is new. It is all made from packages
 * and repository: it may be deleted at any time, and one that is damaged counts as empty.
 */
export class Store {
  /** Where files may be made that are gone afterwards. */
  readonly scratch: string;
  readonly #database: DatabaseSync;
  readonly #statements = new Map<string, StatementSync>();

  private constructor(scratch: string, database: DatabaseSync) {
    this.scratch = scratch;
    this.#database = database;
  }

  static async open(stateDirectory: string): Promise<Store> {
    const file = fileIn(stateDirectory);
    await fs.mkdir(stateDirectory, { recursive: true });
    await removeScratch(stateDirectory);
    let database = tryOpen(file);
    if (database === undefined) {
      await Store.remove(stateDirectory);
      database = new DatabaseSync(file);
      setUp(database);
      database.exec(`BEGIN; ${SCHEMA} COMMIT`);
    }
    database.exec('BEGIN');
    return new Store(stateDirectory, database);
  }

  static async remove(stateDirectory: string): Promise<void> {
    const file = fileIn(stateDirectory);
    await Promise.all(['', '-journal'].map((end) => fs.rm(`${file}${end}`, { force: true })));
  }

  #prepared(sql: string): StatementSync {
    let statement = this.#statements.get(sql);
    if (statement === undefined) {
      statement = this.#database.prepare(sql);
      this.#statements.set(sql, statement);
    }
    return statement;
  }

  get(sql: string, ...values: SQLInputValue[]): Row | undefined {
    return this.#prepared(sql).get(...values);
  }

  all(sql: string, ...values: SQLInputValue[]): Row[] {
    return this.#prepared(sql).all(...values);
  }

  /** The only column of each row, as text. */
  texts(sql: string, ...values: SQLInputValue[]): string[] {
    return this.all(sql, ...values).flatMap((row) => Object.values(row).map(String));
  }

  run(sql: string, ...values: SQLInputValue[]): void {
    this.#prepared(sql).run(...values);
  }

  /** Rows changed since it was opened. */
  get changes(): number {
    return Number(this.get('SELECT total_changes() AS count')?.['count']);
  }

  /** Makes what was changed last. */
  commit(): void {
    this.#database.exec('COMMIT; BEGIN');
  }

  /** Forgets the repository, and keeps what is known of packages. */
  forgetRepository(): void {
    for (const table of OF_REPOSITORY) {
      this.run(`DELETE FROM ${table}`);
    }
  }

  close(): void {
    this.#statements.clear();
    this.#database.close();
  }
}

/** What a publisher that was killed left; one at a time works on a state folder. */
async function removeScratch(stateDirectory: string): Promise<void> {
  for (const name of await fs.readdir(stateDirectory)) {
    if (name.startsWith('.tmp-xz-')) {
      await fs.rm(path.join(stateDirectory, name), { recursive: true, force: true });
    }
  }
}

function fileIn(stateDirectory: string): string {
  return path.join(stateDirectory, 'publisher.sqlite');
}

/** Whether an error says that the store's file is no good database (SQLITE_CORRUPT, SQLITE_NOTADB). */
export function isDamaged(error: unknown): boolean {
  return (
    error instanceof Error &&
    'errcode' in error &&
    typeof error.errcode === 'number' &&
    [11, 26].includes(error.errcode & 0xff)
  );
}

function setUp(database: DatabaseSync): void {
  // Without a write-ahead log a publication that changes nothing leaves the folder as it is. What a killed process wrote
  // is there without fsync, and after a power failure the repository's own files tell what was done.
  database.exec(
    'PRAGMA busy_timeout = 30000; PRAGMA journal_mode = TRUNCATE; PRAGMA synchronous = NORMAL; PRAGMA cache_size = -16000; PRAGMA temp_store = MEMORY',
  );
}

function tryOpen(file: string): DatabaseSync | undefined {
  let database: DatabaseSync | undefined;
  try {
    database = new DatabaseSync(file);
    setUp(database);
    if (Number(database.prepare('PRAGMA user_version').get()?.['user_version']) === FORMAT) {
      return database;
    }
  } catch {
    // Not a database: made anew.
  }
  database?.close();
  return undefined;
}
