import * as path from 'node:path';
import PQueue from 'p-queue';
import type { IndexStatus } from '../archive/root-state.ts';
import { LockstepError } from '../core/errors.ts';
import type { IndexedPackage } from '../kernels/scan.ts';
import { readExtract } from '../kernels/extract.ts';
import type { Context, ReadArchive } from './context.ts';

/** Archives that are refreshed at once; each runs several apt of its own. */
const REFRESHED_AT_ONCE = 2;
/** Indices that are read at once: reading waits for a decompressor. */
const READ_AT_ONCE = 3;

/** What one archive's indices say. */
export interface ArchiveIndices {
  source: ReadArchive;
  statuses: IndexStatus[];
  /** Packages that have to do with kernels or modules, of all architectures. */
  packages: IndexedPackage[];
}

/** Whether an error leaves nothing of one archive to work from, but others are not concerned. */
function isOneArchives(error: unknown): error is LockstepError {
  return error instanceof LockstepError && error.code.startsWith('ARCHIVE_');
}

/**
 * Brings the indices of all archives up to date.
 *
 * @throws LockstepError SUITE_UNKNOWN, USAGE, INTERRUPTED; ARCHIVE_* when not one index could be read now: then nothing
 *   could be fetched either
 */
export async function refreshArchives(context: Context): Promise<void> {
  const queue = new PQueue({ concurrency: REFRESHED_AT_ONCE });
  const errors: unknown[] = [];
  const statuses: IndexStatus[] = [];
  await Promise.all(
    context.archives.map(({ archive, group }) =>
      queue.add(async () => {
        const suites = group.entries.flatMap((entry) => entry.suites).join(', ');
        context.emit({ type: 'phase', phase: 'archive', detail: `reading ${suites}` });
        const began = Date.now();
        try {
          statuses.push(...(await archive.refresh()));
        } catch (error) {
          errors.push(error);
          return;
        }
        const seconds = (Date.now() - began) / 1000;
        context.emit({ type: 'phase-done', phase: 'archive', seconds, detail: suites });
      }),
    ),
  );
  const fatal = errors.find((error) => !isOneArchives(error));
  if (fatal !== undefined || errors.length === context.archives.length) {
    throw fatal ?? errors[0];
  }
  const [problem] = statuses.flatMap((status) => status.problem ?? []);
  if (problem !== undefined && statuses.every(({ state }) => state !== 'good')) {
    const { code, message, hint } = problem;
    throw new LockstepError(code, message, hint === undefined ? {} : { hint });
  }
  for (const error of errors.filter(isOneArchives)) {
    context.emit({ type: 'warning', code: error.code, message: error.message });
  }
}

/** Reads what the indices of all archives say of kernels and of some packages; unchanged ones come from the cache. */
export async function readArchives(
  context: Context,
  names: ReadonlySet<string>,
): Promise<ArchiveIndices[]> {
  const queue = new PQueue({ concurrency: READ_AT_ONCE });
  const cache = path.join(context.config.state, 'cache/indices');
  return Promise.all(
    context.archives.map(async (source): Promise<ArchiveIndices> => {
      const { archive } = source;
      const [indices, statuses] = await Promise.all([archive.indices(), archive.statuses()]);
      const packages = await Promise.all(
        indices.map((index) =>
          queue.add(() =>
            readExtract(index, { cache, names, bytes: (near) => archive.readIndex(index, near) }),
          ),
        ),
      );
      return { source, statuses, packages: packages.flatMap((found) => found ?? []) };
    }),
  );
}
