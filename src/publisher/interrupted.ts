import { LockstepError } from '../core/errors.ts';

/** @throws LockstepError INTERRUPTED */
export function checkInterrupted(signal: AbortSignal | undefined): void {
  if (signal?.aborted === true) {
    throw new LockstepError('INTERRUPTED', 'publishing was interrupted', { exitCode: 130 });
  }
}
