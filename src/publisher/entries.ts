import PQueue from 'p-queue';
import { errnoOf, LockstepError } from '../core/errors.ts';
import type { DebCache } from './deb-cache.ts';
import { debId } from './indices.ts';
import { poolPath } from './names.ts';
import type { PoolEntry } from './pool.ts';
import type { SuitePublication } from './publication.ts';

const READERS = 4;

/**
 * Reads the packages of a suite; one that is given twice counts once.
 *
 * @throws LockstepError REPOSITORY_INVALID when one is missing, not whole, for another architecture, or differs
 *   from a package of the same name, version and architecture
 */
export async function readEntries(
  publication: SuitePublication,
  cache: DebCache,
  signal: AbortSignal | undefined,
): Promise<PoolEntry[]> {
  const queue = new PQueue({ concurrency: READERS });
  const entries = await queue.addAll(
    publication.debs.map((file) => async (): Promise<PoolEntry> => {
      try {
        const deb = await cache.read(file, signal);
        return { ...deb, file, filename: poolPath(publication.component, deb) };
      } catch (error) {
        if (errnoOf(error) === 'ENOENT') {
          throw new LockstepError(
            'REPOSITORY_INVALID',
            `${file} is to be published and not there`,
            {
              hint: 'run again: what is missing is built and packaged anew',
              cause: error,
            },
          );
        }
        throw error;
      }
    }),
  );
  const unique = new Map<string, PoolEntry>();
  for (const entry of entries) {
    const id = debId(entry);
    const same = unique.get(id);
    if (same !== undefined && same.sha256 !== entry.sha256) {
      throw new LockstepError(
        'REPOSITORY_INVALID',
        `${same.file} and ${entry.file} are both ${id}`,
        {
          hint: 'give one of them another version, or leave one out',
        },
      );
    }
    if (entry.architecture !== 'all' && !publication.architectures.includes(entry.architecture)) {
      throw new LockstepError(
        'REPOSITORY_INVALID',
        `${entry.file} is for ${entry.architecture}, which the suite ${publication.suite} does not have`,
        { hint: `add ${entry.architecture} to the architectures of ${publication.suite}` },
      );
    }
    unique.set(id, entry);
  }
  return [...unique.values()];
}
