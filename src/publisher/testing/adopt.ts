import { existsSync, statSync } from 'node:fs';
import * as path from 'node:path';
import { DatabaseSync } from 'node:sqlite';

/**
 * Has a copy of the publisher's store speak of a copy of its repository: files are known by their inodes, and a copy's
 * are others.
 */
export function adoptStore(stateDirectory: string, directory: string): void {
  const store = new DatabaseSync(path.join(stateDirectory, 'publisher.sqlite'));
  const status = (name: string) => statSync(path.join(directory, name), { bigint: true });
  const known = (name: string): string => {
    const { dev, ino, size, mtimeNs } = status(name);
    return `${dev}:${ino}:${size}:${mtimeNs}`;
  };
  const { dev, ino } = status('.');
  store.exec('BEGIN');
  store.prepare('UPDATE repository SET identity = ?').run(`${dev}:${ino}`);
  for (const [table, column] of [
    ['pool', 'file'],
    ['folder', 'path'],
  ] as const) {
    const update = store.prepare(`UPDATE ${table} SET identity = ? WHERE ${column} = ?`);
    for (const row of store.prepare(`SELECT ${column} AS name FROM ${table}`).all()) {
      const name = String(row['name']);
      if (existsSync(path.join(directory, name))) {
        update.run(known(name), name);
      }
    }
  }
  store.exec('COMMIT');
  store.close();
}
