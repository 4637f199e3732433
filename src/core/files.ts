import { randomBytes } from 'node:crypto';
import { constants } from 'node:fs';
import * as fs from 'node:fs/promises';
import * as path from 'node:path';
import { errnoOf, LockstepError } from './errors.ts';

/** Outside programs say in their own words that a disk is full, at the end of a line. */
function isProgramsFullDisk(error: unknown): boolean {
  return (
    error instanceof LockstepError &&
    error.code === 'PROGRAM_FAILED' &&
    /: .*(?:No space left on device|Disk quota exceeded)\)?$/m.test(error.message)
  );
}

/** Turns a full disk into the one error that says so; passes every other error on. */
export function explainDiskError(error: unknown, where: string): unknown {
  const errno = errnoOf(error);
  if (errno === 'ENOSPC' || errno === 'EDQUOT' || isProgramsFullDisk(error)) {
    return new LockstepError('DISK_FULL', `no space left while writing ${where}`, {
      hint: `free some space (df -h ${path.dirname(where)}) and run again: what was finished is kept`,
      cause: error,
    });
  }
  return error;
}

/** Makes the names in a folder durable. A folder that can't be synced (some network file systems) is left as it is. */
export async function syncDirectory(directory: string): Promise<void> {
  const handle = await fs.open(directory, constants.O_RDONLY | constants.O_DIRECTORY);
  try {
    await handle.sync();
  } catch (error) {
    if (errnoOf(error) !== 'EINVAL') {
      throw error;
    }
  } finally {
    await handle.close();
  }
}

/** A name beside `file` that no other writer uses; leftovers are recognised by `.tmp-` and may be removed. */
export function temporaryName(file: string): string {
  return path.join(
    path.dirname(file),
    `.tmp-${path.basename(file).slice(0, 80)}-${randomBytes(6).toString('hex')}`,
  );
}

export interface WriteOptions {
  mode?: number;
  /** Leave the file alone when it has these bytes already (its time stamp stays). */
  onlyIfChanged?: boolean;
  /** Modification time, in seconds since the epoch. */
  mtime?: number;
}

/**
 * Writes a file so that a reader, also after a crash, sees the old content or the new one, never a part:
 * temporary file beside it, fsync, rename, fsync of the folder. Creates the folder when it is missing.
 *
 * @returns whether the file was written
 * @throws LockstepError DISK_FULL
 */
export async function writeFileAtomic(
  file: string,
  content: string | Uint8Array,
  options: WriteOptions = {},
): Promise<boolean> {
  if (options.onlyIfChanged === true) {
    const wanted = Buffer.from(content);
    const present = await readFileOrUndefined(file);
    if (present?.equals(wanted) === true) {
      return false;
    }
  }
  await fs.mkdir(path.dirname(file), { recursive: true });
  const temporary = temporaryName(file);
  try {
    const handle = await fs.open(temporary, 'wx', options.mode ?? 0o644);
    try {
      await handle.writeFile(content);
      if (options.mtime !== undefined) {
        await handle.utimes(options.mtime, options.mtime);
      }
      await handle.sync();
    } finally {
      await handle.close();
    }
    await fs.rename(temporary, file);
    await syncDirectory(path.dirname(file));
    return true;
  } catch (error) {
    await fs.rm(temporary, { force: true });
    throw explainDiskError(error, file);
  }
}

/** The file's bytes, or undefined when there is no such file. */
export async function readFileOrUndefined(file: string): Promise<Buffer | undefined> {
  try {
    return await fs.readFile(file);
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') {
      return undefined;
    }
    throw error;
  }
}

/**
 * Reads a file that untrusted code left behind: only a plain file, never through a link, never more than a size.
 *
 * @returns undefined when it is anything else, or not there
 */
export async function readUntrustedFile(file: string, limit: number): Promise<Buffer | undefined> {
  const flags = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;
  const handle = await fs.open(file, flags).catch(() => undefined);
  if (handle === undefined) {
    return undefined;
  }
  try {
    const stat = await handle.stat();
    return stat.isFile() && stat.size <= limit ? await handle.readFile() : undefined;
  } finally {
    await handle.close();
  }
}

/** `O_TMPFILE` without `O_DIRECTORY`: the same on every architecture of Debian but sparc64, alpha and hppa. */
const TMPFILE = 0o20000000;

/** Opens a file of a folder's file system for reading and writing that has no name, so that it goes with its last user. */
export async function openNameless(folder: string): Promise<fs.FileHandle> {
  try {
    return await fs.open(folder, TMPFILE | constants.O_DIRECTORY | constants.O_RDWR, 0o600);
  } catch {
    // A file system, or a kernel, that can't.
    const file = temporaryName(path.join(folder, 'nameless'));
    const handle = await fs.open(file, 'wx+', 0o600);
    await fs.rm(file);
    return handle;
  }
}

/** Whether something, also a dangling link, has this name. */
export async function exists(file: string): Promise<boolean> {
  try {
    await fs.lstat(file);
    return true;
  } catch (error) {
    const errno = errnoOf(error);
    if (errno === 'ENOENT' || errno === 'ENOTDIR') {
      return false;
    }
    throw error;
  }
}

/**
 * Makes a folder whole or not at all: `fill` writes into a temporary folder beside it, which then takes the name.
 * Does nothing when the folder is there already; two makers at once both end well.
 *
 * @returns whether this call made it
 */
export async function makeDirectoryAtomic(
  directory: string,
  fill: (temporary: string) => Promise<void>,
): Promise<boolean> {
  if (await exists(directory)) {
    return false;
  }
  await fs.mkdir(path.dirname(directory), { recursive: true });
  const temporary = temporaryName(directory);
  await fs.mkdir(temporary);
  try {
    await fill(temporary);
    await fs.rename(temporary, directory);
    return true;
  } catch (error) {
    await fs.rm(temporary, { recursive: true, force: true });
    const errno = errnoOf(error);
    if ((errno === 'ENOTEMPTY' || errno === 'EEXIST') && (await exists(directory))) {
      return false;
    }
    throw explainDiskError(error, directory);
  }
}
