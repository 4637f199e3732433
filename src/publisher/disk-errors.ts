import { errnoOf, LockstepError } from '../core/errors.ts';
import { explainDiskError } from '../core/files.ts';

/** Says what a user can do about errors of the file system. */
export function explainRepositoryError(error: unknown, directory: string): unknown {
  const known = explainDiskError(error, directory);
  const errno = errnoOf(error);
  if (known !== error || errno === undefined || !(error instanceof Error)) {
    return known;
  }
  if (['EROFS', 'EACCES', 'EPERM'].includes(errno)) {
    return new LockstepError('ENVIRONMENT', `can't write to ${directory}: ${error.message}`, {
      hint: `ls -ld '${directory}': it has to be writable for the user who runs lockstep`,
      cause: error,
    });
  }
  if (['ENOTDIR', 'EISDIR', 'EEXIST', 'ELOOP'].includes(errno)) {
    return new LockstepError(
      'REPOSITORY_INVALID',
      `${directory} is no repository: ${error.message}`,
      {
        hint: 'publish into an empty folder',
        cause: error,
      },
    );
  }
  return error;
}
