import { statSync } from 'node:fs';
import * as path from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { identityOf } from '../known-debs.ts';

/**
 * Has a copy of the publisher's store speak of a copy of its repository: files are known by their inodes, and a copy's
 * are others.
 */
export function adoptStore(stateDirectory: string, directory: string): void {
  const store = new DatabaseSync(path.join(stateDirectory, 'publisher.sqlite'));
  const { dev, ino } = statSync(directory, { bigint: true });
  store.exec('BEGIN');
  store.prepare('UPDATE repository SET identity = ?').run(`${dev}:${ino}`);
  for (const [table, column] of [
    ['pool', 'file'],
    ['folder', 'path'],
  ] as const) {
    const update = store.prepare(`UPDATE ${table} SET identity = ? WHERE ${column} = ?`);
    for (const row of store.prepare(`SELECT ${column} AS name FROM ${table}`).all()) {
      const name = String(row['name']);
      const identity = identityOf(path.join(directory, name));
      if (identity !== undefined) {
        update.run(identity, name);
      }
    }
  }
  store.exec('COMMIT');
  store.close();
}
