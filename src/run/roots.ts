import * as path from 'node:path';
import PQueue from 'p-queue';
import { z } from 'zod';
import type { ArchiveGroup } from '../archive/group.ts';
import { BASE_PACKAGES } from '../builder/key.ts';
import { rootHash } from '../builder/store.ts';
import { LockstepError } from '../core/errors.ts';
import { readFileOrUndefined, writeFileAtomic } from '../core/files.ts';
import { canonicalJson, sha256 } from '../core/hash.ts';
import type { Kernel } from '../model/kernels.ts';
import type { DebRef } from '../model/packages.ts';
import type { Context } from './context.ts';

/** What a build root is made of, or why it can't be. */
export type Root = { refs: readonly DebRef[]; hash: string } | { problem: LockstepError };

const closureSchema = z.array(
  z.object({
    name: z.string(),
    version: z.string(),
    architecture: z.string(),
    sha256: z.string(),
    size: z.number(),
    uri: z.string(),
  }),
) satisfies z.ZodType<DebRef[]>;

/** Asks apt for a closure once for each state of the indices. */
async function cachedClosure(
  state: string,
  archive: ArchiveGroup,
  names: readonly string[],
): Promise<DebRef[]> {
  const id = sha256(canonicalJson([await archive.solverState(), names]));
  const file = path.join(state, 'cache/closures', `${id}.json`);
  const cached = await readFileOrUndefined(file);
  if (cached !== undefined) {
    return closureSchema.parse(JSON.parse(cached.toString('utf8')));
  }
  const closure = await archive.closure(names);
  await writeFileAtomic(file, JSON.stringify(closure));
  return closure;
}

/** apt's solver takes a core for some tenths of a second. */
const SOLVED_AT_ONCE = 2;

/**
 * The build roots of some kernels; kernels with the same requirements share one.
 *
 * @returns by `suite of the headers, requirements`: {@link rootId}
 */
export async function readRoots(
  context: Context,
  kernels: Iterable<Kernel>,
): Promise<Map<string, Root>> {
  const roots = new Map<string, Root>();
  const queue = new PQueue({ concurrency: SOLVED_AT_ONCE });
  const pending: Promise<void>[] = [];
  const asked = new Set<string>();
  for (const kernel of kernels) {
    const { headers } = kernel;
    const id = rootId(kernel);
    const archive = context.archives.find(({ group }) => group.name === headers?.suite)?.archive;
    if (headers === undefined || archive === undefined || asked.has(id)) {
      continue;
    }
    asked.add(id);
    pending.push(
      queue.add(async () => {
        try {
          const names = [...BASE_PACKAGES, ...headers.requires];
          const refs = await cachedClosure(context.config.state, archive, names);
          roots.set(id, { refs, hash: rootHash(refs) });
        } catch (error) {
          if (!(error instanceof LockstepError) || error.code === 'INTERRUPTED') {
            throw error;
          }
          roots.set(id, { problem: error });
        }
      }),
    );
  }
  await Promise.all(pending);
  return roots;
}

/** Kernels with the same id have the same build root. */
export function rootId({ headers }: Kernel): string {
  return headers === undefined ? '' : [headers.suite, ...headers.requires].join(' ');
}
