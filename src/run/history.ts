import { LockstepError } from '../core/errors.ts';
import { parseSince } from '../ledger/since.ts';

/**
 * What a user means by `--since`.
 *
 * @throws LockstepError USAGE
 */
export function parseSinceFlag(text: string): Date | number {
  const since = parseSince(text, new Date());
  if (since === undefined) {
    throw new LockstepError('USAGE', `--since: ${text} is neither a date, an age nor a run`, {
      hint: 'for example --since 2026-11-01, --since 3d, --since 12',
      exitCode: 2,
    });
  }
  return since;
}
