import * as fs from 'node:fs/promises';
import * as path from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { LockstepError } from './errors.ts';
import { readFileOrUndefined, writeFileAtomic } from './files.ts';

export interface Lock {
  /** Whether another process waits for the lock. */
  isWanted(): boolean;
  release(): Promise<void>;
}

const POLL_MILLISECONDS = 500;

function tryLock(file: string): DatabaseSync | undefined {
  const database = new DatabaseSync(file);
  try {
    // An exclusive transaction is a lock of the operating system: it goes with the process, however that ends.
    database.exec('PRAGMA busy_timeout = 0; PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE');
    return database;
  } catch (error) {
    database.close();
    if (error instanceof Error && error.message.includes('locked')) {
      return undefined;
    }
    throw error;
  }
}

/** A process that waits for the lock holds this one meanwhile. */
const WAITING = 'waiting.sqlite';

function unlock(database: DatabaseSync | undefined): void {
  database?.exec('ROLLBACK');
  database?.close();
}

async function holderOf(file: string): Promise<string> {
  const text = (await readFileOrUndefined(`${file}.holder`))?.toString('utf8') ?? '';
  return text.trim() || 'another process';
}

/**
 * Takes the lock of a state folder.
 *
 * @param wait seconds to wait for it before giving up
 * @throws LockstepError LOCKED naming the holder
 */
export async function acquireLock(
  directory: string,
  command: string,
  wait: number,
  signal?: AbortSignal,
): Promise<Lock> {
  await fs.mkdir(directory, { recursive: true, mode: 0o755 });
  const file = path.join(directory, 'lock.sqlite');
  const queue = path.join(directory, WAITING);
  const deadline = Date.now() + wait * 1000;
  let waiting: DatabaseSync | undefined;
  try {
    for (;;) {
      signal?.throwIfAborted();
      const database = tryLock(file);
      if (database !== undefined) {
        const since = new Date().toISOString();
        await writeFileAtomic(
          `${file}.holder`,
          `process ${process.pid} (lockstep ${command}), since ${since}\n`,
        );
        return {
          isWanted() {
            const other = tryLock(queue);
            unlock(other);
            return other === undefined;
          },
          async release(): Promise<void> {
            await fs.rm(`${file}.holder`, { force: true });
            unlock(database);
          },
        };
      }
      if (Date.now() >= deadline) {
        throw new LockstepError('LOCKED', `the state folder is in use by ${await holderOf(file)}`, {
          hint: 'wait for it to end, or call again with --wait SECONDS',
        });
      }
      waiting ??= tryLock(queue);
      await new Promise((resolve) => {
        setTimeout(resolve, POLL_MILLISECONDS);
      });
    }
  } finally {
    unlock(waiting);
  }
}
