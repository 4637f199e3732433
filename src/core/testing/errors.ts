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
