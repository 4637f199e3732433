import { errnoOf, LockstepError } from './errors.ts';

const FULL: ReadonlySet<string> = new Set(['ENOSPC', 'EDQUOT']);
const NOT_WRITABLE: ReadonlySet<string> = new Set([
  'EACCES',
  'EEXIST',
  'EIO',
  'EISDIR',
  'ELOOP',
  'ENAMETOOLONG',
  'ENOTDIR',
  'EPERM',
  'EROFS',
]);

/** What SQLite's primary result codes (sqlite.org/rescode.html) mean for the folder of a database. */
const SQLITE: ReadonlyMap<number, 'full' | 'not-writable'> = new Map([
  [8, 'not-writable'],
  [10, 'not-writable'],
  [13, 'full'],
  [14, 'not-writable'],
]);

function kindOf(error: Error): 'full' | 'not-writable' | undefined {
  const errno = errnoOf(error) ?? '';
  if ('errcode' in error && typeof error.errcode === 'number') {
    // The low byte is the primary code.
    return SQLITE.get(error.errcode % 256);
  }
  return FULL.has(errno) ? 'full' : NOT_WRITABLE.has(errno) ? 'not-writable' : undefined;
}

function diskFull(message: string, state: string, cause: Error): LockstepError {
  return new LockstepError('DISK_FULL', message, {
    hint: `free some space (df -h '${state}') and run again: what was finished is kept`,
    cause,
  });
}

/**
 * Says what a user can do about an error of the file system that no part explained; passes everything else on.
 *
 * @param state the state folder
 */
export function explainSystemError(error: unknown, state: string): unknown {
  if (!(error instanceof Error)) {
    return error;
  }
  if (error instanceof LockstepError) {
    // Outside programs say it in their own words.
    const isFull = error.code !== 'DISK_FULL' && /No space left on device/.test(error.message);
    return isFull ? diskFull(error.message, state, error) : error;
  }
  const message = `working in ${state}: ${error.message}`;
  switch (kindOf(error)) {
    case undefined:
      return error;
    case 'full':
      return diskFull(message, state, error);
    case 'not-writable':
      return new LockstepError('ENVIRONMENT', message, {
        hint: `ls -ld '${state}': it has to be a folder that the user who runs lockstep can write to`,
        cause: error,
      });
  }
}
