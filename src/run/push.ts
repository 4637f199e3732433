import type { DestinationConfig } from '../config/destinations.ts';
import { LockstepError } from '../core/errors.ts';
import type { Destination } from '../publisher/destinations/destination.ts';
import { RsyncDestination } from '../publisher/destinations/rsync.ts';
import type { Context } from './context.ts';

/** How a push to one destination went. */
export interface PushResult {
  destination: string;
  /** Files that were written or removed there; undefined when it failed. */
  changed: number | undefined;
  error: LockstepError | undefined;
}

function destinationOf(
  { config: { repository, state } }: Pick<Context, 'config'>,
  { rsync, sshConfig }: DestinationConfig,
): Destination {
  const { directory } = repository;
  return new RsyncDestination({ directory, stateDirectory: state, destination: rsync, sshConfig });
}

/**
 * Brings the repository, which is whole and stays so meanwhile, to all its destinations. One that fails keeps nothing
 * from the others; the next push goes on.
 *
 * @throws LockstepError INTERRUPTED
 */
export async function pushAll(context: Context): Promise<PushResult[]> {
  const results: PushResult[] = [];
  for (const entry of context.config.repository.destinations) {
    const destination = destinationOf(context, entry);
    try {
      const { changed } = await destination.push(context.signal);
      results.push({ destination: destination.name, changed, error: undefined });
    } catch (error) {
      if (!(error instanceof LockstepError) || error.code === 'INTERRUPTED') {
        throw error;
      }
      results.push({ destination: destination.name, changed: undefined, error });
    }
  }
  return results;
}

/** As {@link pushAll}, in a run: what fails is told, and tried again by the next run. */
export async function pushAfterRun(context: Context): Promise<PushResult[]> {
  if (context.signal.aborted) {
    return [];
  }
  const results = await pushAll(context);
  for (const { error } of results) {
    if (error !== undefined) {
      const message = `${error.message} (${error.hint ?? ''})`;
      context.emit({ type: 'warning', code: error.code, message });
    }
  }
  return results;
}

/** Results as JSON shows them. */
export function viewPushes(results: readonly PushResult[]): object[] {
  return results.map(({ destination, changed, error }) => ({
    destination,
    changed: changed ?? null,
    error:
      error === undefined
        ? null
        : { code: error.code, message: error.message, hint: error.hint ?? null },
  }));
}
