import type { ArchiveGroup } from '../archive/group.ts';
import { unpackedOf } from '../builder/kernel-tree.ts';
import { rootHash } from '../builder/store.ts';
import { LockstepError } from '../core/errors.ts';
import { LocalEngine } from '../engine/local.ts';
import type { Job } from '../engine/engine.ts';
import type { DebRef } from '../model/packages.ts';
import type { Plan, Target } from '../model/plans.ts';
import type { BuildRecord } from '../model/records.ts';
import { isSuspect } from './build-target.ts';
import type { Context } from './context.ts';
import { executeTarget } from './execute-target.ts';
import { TreesOfArchives } from './kernel-trees.ts';
import { planSurvey, type SurveyPlan } from './plan.ts';
import { since, type Survey } from './survey.ts';

/** What a module that was never built is expected to take, in seconds a byte of its package. */
const SECONDS_A_BYTE = 1 / 5000;

/** Wall seconds that each target is expected to take: what its module took last, else a guess by its size. */
function expectations(records: readonly BuildRecord[]): (target: Target) => number {
  const last = new Map<string, number>();
  for (const record of records) {
    if (record.outcome === 'built') {
      last.set(record.module, record.seconds);
    }
  }
  return ({ module }) => last.get(module.name) ?? module.source.size * SECONDS_A_BYTE;
}

/** How a run goes about its builds; nothing given: all of them, the longest first, published at the end. */
export interface BuildOptions {
  /** Whether a queued target is to be built now. */
  isDue?: ((target: Target) => boolean) | undefined;
  /** Targets of a lower rank begin first. */
  rankOf?: ((target: Target, seconds: number) => number) | undefined;
  /** Called after each build, while others go on. */
  onBuilt?: ((record: BuildRecord) => void) | undefined;
}

/** What a run builds now. */
function queuedOf({ plan }: SurveyPlan, { isDue }: BuildOptions = {}): Target[] {
  return plan.targets.filter(
    (target) =>
      target.verdict === 'queued' &&
      target.key !== undefined &&
      target.waitsFor === undefined &&
      isDue?.(target) !== false,
  );
}

/**
 * Fetches what all queued targets need, in one go for each archive since apt fetches in parallel, and unpacks what
 * several of them share.
 *
 * @returns what went wrong; the targets then get what they need one by one, and those that can't are broken
 * @throws LockstepError INTERRUPTED, DISK_FULL
 */
async function prepare(
  context: Context,
  plan: SurveyPlan,
  options: BuildOptions,
): Promise<LockstepError | undefined> {
  const { survey } = plan;
  const byArchive = new Map<ArchiveGroup, Target[]>();
  for (const target of queuedOf(plan, options)) {
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
      if (!(error instanceof LockstepError) || /INTERRUPTED|DISK_FULL/.test(error.code)) {
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
  for (const ref of [...roots.values()].flat()) {
    refs.set(ref.sha256, ref);
  }
  const began = Date.now();
  const store = context.storeOf(archive);
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

/**
 * Builds everything that is queued; one failure stops nothing else. What took from another kernel's compilations before
 * these turned out to be unreliable is built again, clean.
 *
 * @returns the records of the builds that were run, and the first error of those that left no record
 * @throws LockstepError INTERRUPTED
 */
export async function buildQueued(
  context: Context,
  plan: SurveyPlan,
  options: BuildOptions = {},
): Promise<{ done: BuildRecord[]; failure: Error | undefined }> {
  const queued = new Map<string, Target>();
  for (const target of queuedOf(plan, options)) {
    if (target.key !== undefined && !queued.has(target.key)) {
      queued.set(target.key, target);
    }
  }
  const { survey } = plan;
  context.emit({ type: 'plan', total: plan.plan.targets.length, queued: queued.size });
  const first = await buildTargets(context, survey, queued, options);
  const suspects = new Map([...queued].filter(([, target]) => isSuspect(context, survey, target)));
  const again = await buildTargets(context, survey, suspects, options);
  const done = new Map([...first.done, ...again.done].map((record) => [record.key, record]));
  return { done: [...done.values()], failure: first.failure ?? again.failure };
}

/** @param targets by their keys */
async function buildTargets(
  context: Context,
  survey: Survey,
  targets: ReadonlyMap<string, Target>,
  options: BuildOptions,
): Promise<{ done: BuildRecord[]; failure: Error | undefined }> {
  const done: BuildRecord[] = [];
  const expected = expectations(context.ledger.all());
  const { emit } = context;
  const trees = new TreesOfArchives(context);
  const jobs = [...targets].map(
    ([key, target]): Job => ({
      id: key,
      weight: expected(target),
      rank: options.rankOf?.(target, expected(target)) ?? 0,
      async run() {
        const { module, kernel } = target;
        emit({ type: 'target-started', module: module.name, release: kernel.release });
        const kernelTrees = trees.of(survey.archiveOf(kernel));
        const record = await executeTarget(context, survey, target, key, kernelTrees);
        done.push(record);
        emit({
          type: 'target-done',
          module: module.name,
          release: kernel.release,
          verdict: record.outcome,
          reason: record.reason,
          seconds: record.seconds,
        });
        options.onBuilt?.(record);
      },
    }),
  );
  const failures = await new LocalEngine(context.jobs).run(jobs, context.signal);
  if (context.signal.aborted) {
    throw new LockstepError('INTERRUPTED', 'interrupted; what was finished is kept', {
      hint: 'run again to go on',
      exitCode: 130,
    });
  }
  const [failure] = failures.values();
  return { done, failure };
}

/** How often a run plans again: a version that fails to build makes the next one in a module's preference wanted. */
const MAX_ROUNDS = 16;

/**
 * Builds what a plan wants until nothing is left that it could build now.
 *
 * @returns `failure`: the first error of the builds that left no record, or what kept every single one from being made
 * @throws LockstepError INTERRUPTED, DISK_FULL
 */
export async function buildAll(
  context: Context,
  first: SurveyPlan,
  options: BuildOptions = {},
): Promise<{ built: BuildRecord[]; failure: Error | undefined; plan: Plan }> {
  const { survey } = first;
  const built: BuildRecord[] = [];
  let failure: Error | undefined;
  let { plan } = first;
  const tried = new Set<string>();
  for (let round = 0; round < MAX_ROUNDS; round += 1) {
    const queued = queuedOf({ survey, plan }, options).filter(({ key }) => !tried.has(key ?? ''));
    if (queued.length === 0 && round > 0) {
      break;
    }
    const next = { survey, plan: { ...plan, targets: round === 0 ? plan.targets : queued } };
    for (const { key } of queued) {
      tried.add(key ?? '');
    }
    const problem = await prepare(context, next, options);
    const result = await buildQueued(context, next, options);
    built.push(...result.done);
    failure ??= result.failure;
    if (built.every((record) => record.outcome === 'broken')) {
      failure ??= problem;
    }
    plan = await planSurvey(context, survey);
  }
  return { built, failure, plan };
}
