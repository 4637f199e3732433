import type { ArchiveGroup } from '../archive/group.ts';
import { unpackedOf } from '../builder/kernel-tree.ts';
import { rootHash } from '../builder/store.ts';
import { endsAll, LockstepError } from '../core/errors.ts';
import type { DebRef } from '../model/packages.ts';
import type { Target } from '../model/plans.ts';
import type { Context } from './context.ts';
import { since, type Survey } from './survey.ts';

/**
 * Fetches what some targets need, in one go for each archive since apt fetches in parallel, and unpacks what
 * several of them share.
 *
 * @returns what went wrong; the targets then get what they need one by one, and those that can't are broken
 * @throws LockstepError INTERRUPTED, DISK_FULL
 */
export async function prepareAll(
  context: Context,
  survey: Survey,
  all: Iterable<Target>,
): Promise<LockstepError | undefined> {
  const byArchive = new Map<ArchiveGroup, Target[]>();
  for (const target of all) {
    const archive = survey.archiveOf(target.kernel);
    const targets = byArchive.get(archive) ?? [];
    byArchive.set(archive, targets);
    targets.push(target);
  }
  let problem: LockstepError | undefined;
  for (const [archive, targets] of byArchive) {
    try {
      await prepareArchive(context, survey, archive, targets);
    } catch (error) {
      if (!(error instanceof LockstepError) || endsAll(error)) {
        throw error;
      }
      context.emit({ type: 'warning', code: error.code, message: error.message });
      problem ??= error;
    }
  }
  return problem;
}

/** A target's build root; undefined when apt can't put it together, which the build tells of. */
function solvedRoot(
  survey: Survey,
  { module, kernel }: Target,
): readonly (readonly DebRef[])[] | undefined {
  try {
    return survey.rootOf(module, kernel);
  } catch {
    return undefined;
  }
}

async function prepareArchive(
  context: Context,
  survey: Survey,
  archive: ArchiveGroup,
  targets: readonly Target[],
): Promise<void> {
  const roots = new Map<string, readonly DebRef[]>();
  const refs = new Map<string, DebRef>();
  const solved = targets.filter((target) => {
    const root = solvedRoot(survey, target);
    for (const layer of root ?? []) {
      roots.set(rootHash(layer), layer);
    }
    return root !== undefined;
  });
  for (const { module, kernel } of solved) {
    const own = module.source.kind === 'package' ? [module.source] : [];
    for (const ref of [...own, ...unpackedOf(kernel.headers)]) {
      refs.set(ref.sha256, ref);
    }
  }
  const began = Date.now();
  const store = context.storeOf(archive);
  for (const root of roots.values()) {
    if (!(await store.hasRoot(root))) {
      for (const ref of root) {
        refs.set(ref.sha256, ref);
      }
    }
  }
  await archive.fetch([...refs.values()]);
  const fetched = since(began);
  context.emit({ type: 'phase-done', phase: 'fetch', seconds: fetched, detail: '' });
  const shared = [...roots.values()].map((root) => store.root(root));
  for (const { kernel } of solved) {
    shared.push(...unpackedOf(kernel.headers).map((ref) => store.headers(ref)));
  }
  // All of them end before anything is said of the first that fails.
  await Promise.allSettled(shared);
  await Promise.all(shared);
  const seconds = since(began) - fetched;
  context.emit({ type: 'phase-done', phase: 'setup', seconds, detail: 'headers and build roots' });
}
