import { LockstepError } from '../core/errors.ts';

/** @param what is going on @throws LockstepError INTERRUPTED */
export function checkInterrupted(signal: AbortSignal | undefined, what = 'publishing'): void {
  if (signal?.aborted === true) {
    throw new LockstepError('INTERRUPTED', `${what} was interrupted`, { exitCode: 130 });
  }
}
