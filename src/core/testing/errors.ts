import { LockstepError } from '../errors.ts';

/** The error a call ends with; a plain `Error` that says so when it is none that a user is meant to see. */
export async function lockstepErrorOf(body: () => unknown): Promise<LockstepError> {
  try {
    await body();
  } catch (error) {
    if (error instanceof LockstepError) {
      return error;
    }
    throw new Error('not a LockstepError', { cause: error });
  }
  throw new Error('nothing was thrown');
}

/** What a call gives, or the error for users that it ends with; any other error goes on. */
export function attempt<T>(body: () => T): T | LockstepError {
  try {
    return body();
  } catch (error) {
    if (error instanceof LockstepError) {
      return error;
    }
    throw error;
  }
}
