import * as fs from 'node:fs/promises';
import * as path from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import type { BuildRecord } from '../model/records.ts';
import { parseRecord } from './schema.ts';
import { readText } from './state.ts';

const INDEX_VERSION = 1;

/**
 * An SQLite index over the records in a folder `builds/<2>/<key>/record.json`: it answers look-ups, and is made anew
 * from the records whenever it is missing, damaged or of another version.
 */
export class RecordIndex {
  readonly #database: DatabaseSync;

  private constructor(database: DatabaseSync) {
    this.#database = database;
  }

  /** Opens the index in a file; makes it when there is none that can be used. */
  static async open(file: string, builds: string): Promise<RecordIndex> {
    let database = tryOpenIndex(file);
    if (database === undefined) {
      for (const suffix of ['', '-wal', '-shm', '-journal']) {
        await fs.rm(file + suffix, { force: true });
      }
      database = openIndex(file);
    }
    const index = new RecordIndex(database);
    if (versionOf(database) !== INDEX_VERSION) {
      await index.#rebuild(builds);
    }
    return index;
  }

  close(): void {
    this.#database.close();
  }

  get(key: string): BuildRecord | undefined {
    const row = this.#database.prepare('SELECT json FROM records WHERE key = ?').get(key);
    return row === undefined ? undefined : parseRecord(row['json']);
  }

  /** Every record, oldest first. */
  all(): BuildRecord[] {
    return this.#database
      .prepare('SELECT json FROM records ORDER BY finished, key')
      .all()
      .flatMap((row) => parseRecord(row['json']) ?? []);
  }

  /** Replaces an earlier record of the same key. */
  remember(record: BuildRecord): void {
    this.#database
      .prepare(
        'INSERT OR REPLACE INTO records (key, module, release, outcome, finished, json) VALUES (?, ?, ?, ?, ?, ?)',
      )
      .run(
        record.key,
        record.module,
        record.release,
        record.outcome,
        record.finished,
        JSON.stringify(record),
      );
  }

  forget(key: string): void {
    this.#database.prepare('DELETE FROM records WHERE key = ?').run(key);
  }

  async #rebuild(builds: string): Promise<void> {
    this.#database.exec('DROP TABLE IF EXISTS records');
    createTables(this.#database);
    this.#database.exec('BEGIN');
    for (const prefix of await foldersIn(builds)) {
      for (const key of await foldersIn(path.join(builds, prefix))) {
        const text = await readText(path.join(builds, prefix, key, 'record.json'));
        const record = parseRecord(text);
        if (record !== undefined && record.key === key) {
          this.remember(record);
        }
      }
    }
    this.#database.exec(`PRAGMA user_version = ${INDEX_VERSION}; COMMIT`);
  }
}

/** The folders in a folder, sorted; anything else there is nobody's record. */
async function foldersIn(directory: string): Promise<string[]> {
  const entries = await fs.readdir(directory, { withFileTypes: true });
  return entries
    .filter((entry) => entry.isDirectory())
    .map((entry) => entry.name)
    .toSorted();
}

function openIndex(file: string): DatabaseSync {
  const index = new DatabaseSync(file);
  index.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL');
  return index;
}

function versionOf(index: DatabaseSync): number {
  return Number(index.prepare('PRAGMA user_version').get()?.['user_version'] ?? 0);
}

/** The index when it can be read; undefined when the file is damaged. */
function tryOpenIndex(file: string): DatabaseSync | undefined {
  let index: DatabaseSync | undefined;
  try {
    index = openIndex(file);
    if (versionOf(index) === INDEX_VERSION) {
      index.prepare('SELECT count(*) FROM records').get();
    }
    if (index.prepare('PRAGMA quick_check(1)').get()?.['quick_check'] !== 'ok') {
      throw new Error('damaged');
    }
    return index;
  } catch {
    index?.close();
    return undefined;
  }
}

function createTables(index: DatabaseSync): void {
  index.exec(`CREATE TABLE records (
    key TEXT PRIMARY KEY,
    module TEXT NOT NULL,
    release TEXT NOT NULL,
    outcome TEXT NOT NULL,
    finished TEXT NOT NULL,
    json TEXT NOT NULL
  ) STRICT, WITHOUT ROWID`);
}
