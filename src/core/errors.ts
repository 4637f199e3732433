/**
 * Exit status a command ends with when it stops on an error.
 * 1 a target failed, 2 usage or configuration, 3 the environment lacks something, 130 interrupted.
 */
export type ExitCode = 1 | 2 | 3 | 130;

/** Stable codes of the errors a user can meet; `docs/errors.md` lists them with their remedies. */
export type ErrorCode =
  | 'ARCHIVE_ALTERED'
  | 'ARCHIVE_EXPIRED'
  | 'ARCHIVE_UNREACHABLE'
  | 'ARCHIVE_UNSIGNED'
  | 'BUILD_FAILED'
  | 'CONFIG_INVALID'
  | 'CONFIG_MISSING'
  | 'DESTINATION_FAILED'
  | 'DISK_FULL'
  | 'DKMS_CONF_INVALID'
  | 'ENVIRONMENT'
  | 'FLAVOUR_UNKNOWN'
  | 'INTERRUPTED'
  | 'KEY_NEEDED'
  | 'KEY_UNUSABLE'
  | 'LOCKED'
  | 'MIRROR_UNKNOWN'
  | 'MODULE_UNKNOWN'
  | 'PACKAGE_UNKNOWN'
  | 'PORT_IN_USE'
  | 'PROGRAM_FAILED'
  | 'RELEASE_UNKNOWN'
  | 'REPOSITORY_INVALID'
  | 'SANDBOX_FAILED'
  | 'SOURCE_ALTERED'
  | 'SOURCE_INVALID'
  | 'SOURCE_UNAVAILABLE'
  | 'SUITE_UNKNOWN'
  | 'USAGE'
  | 'VERIFY_FAILED';

export interface LockstepErrorOptions {
  /** What the user can do next; where possible a command that can be pasted. */
  hint?: string;
  cause?: unknown;
  exitCode?: ExitCode;
}

/** An error a user can cause and can mend. Bugs are plain `Error`s. */
export class LockstepError extends Error {
  override readonly name = 'LockstepError';
  readonly code: ErrorCode;
  readonly hint: string | undefined;
  readonly exitCode: ExitCode;

  constructor(code: ErrorCode, message: string, options: LockstepErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.hint = options.hint;
    this.exitCode = options.exitCode ?? 3;
  }
}

/** Whether an error concerns all of a run, and not only what it was met with: whatever came next would meet it too. */
export function endsAll(error: unknown): boolean {
  return (
    error instanceof LockstepError && (error.code === 'INTERRUPTED' || error.code === 'DISK_FULL')
  );
}

/** An error of whatever was thrown. */
export function asError(thrown: unknown): Error {
  return thrown instanceof Error ? thrown : new Error('not an error', { cause: thrown });
}

/** The errno code of a system error (`ENOENT`, `ENOSPC`, ...), or undefined for anything else. */
export function errnoOf(error: unknown): string | undefined {
  if (error instanceof Error && 'code' in error && typeof error.code === 'string') {
    return error.code;
  }
  return undefined;
}

/** Compile-time proof that every member of a union was handled. */
export function unreachable(value: never): never {
  throw new Error(`unhandled case: ${JSON.stringify(value)}`);
}
