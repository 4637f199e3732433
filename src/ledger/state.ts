import { z } from 'zod';
import { LockstepError } from '../core/errors.ts';
import { readFileOrUndefined, writeFileAtomic } from '../core/files.ts';

/**
 * Reads a JSON file of the ledger; a file that is not there is read as `{}`.
 *
 * @param afterwards what follows when the user removes the file
 * @throws LockstepError REPOSITORY_INVALID when the file is not what was written
 */
export async function readState<T>(
  file: string,
  schema: z.ZodType<T>,
  afterwards: string,
): Promise<T> {
  try {
    return schema.parse(JSON.parse((await readText(file)) ?? '{}'));
  } catch (cause) {
    throw explainDamage(cause, file, afterwards);
  }
}

/** Writes a file as {@link readState} reads it, whole, if it says something new. */
export async function writeState(file: string, value: object): Promise<void> {
  await writeFileAtomic(file, `${JSON.stringify(value, undefined, 1)}\n`, { onlyIfChanged: true });
}

/** The error for users when a file can't be parsed; every other error as it is. */
export function explainDamage(cause: unknown, file: string, afterwards: string): unknown {
  if (!(cause instanceof SyntaxError || cause instanceof z.ZodError)) {
    return cause;
  }
  return new LockstepError('REPOSITORY_INVALID', `${file} is damaged: ${cause.message}`, {
    hint: `restore it from a backup, or remove it: ${afterwards}`,
    cause,
  });
}

export async function readText(file: string): Promise<string | undefined> {
  return (await readFileOrUndefined(file))?.toString('utf8');
}
