import type { ArchiveGroup } from '../archive/group.ts';
import { unpackedOf } from '../builder/kernel-tree.ts';
import { rootHash } from '../builder/store.ts';
import { LockstepError } from '../core/errors.ts';
import { LocalEngine } from '../engine/local.ts';
import type { Job } from '../engine/engine.ts';
import type { DebRef } from '../model/packages.ts';
import type { Plan, Target } from '../model/plans.ts';
import { VERDICT_MEANINGS } from '../model/verdicts.ts';
import type { BuildRecord } from '../model/records.ts';
import { boundCache } from './cache.ts';
import type { Context } from './context.ts';
import { executeTarget } from './execute-target.ts';
import { TreesOfArchives } from './kernel-trees.ts';
import {
  type IndexProblem,
  isWholeSurvey,
  planAll,
  planSurvey,
  problemsOf,
  type SurveyPlan,
} from './plan.ts';
import { type PublishSummary, publishAll } from './publish.ts';
import { since, type Survey } from './survey.ts';

export interface RunResult extends SurveyPlan {
  /** Indices that could not be read. */
  problems: IndexProblem[];
  built: number;
  published: Omit<PublishSummary, 'failure'>;
  seconds: number;
}

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
 * Builds everything that is queued; one failure stops nothing else.
 *
 * @returns the records of the builds that were run, and the first error of those that left no record
 * @throws LockstepError INTERRUPTED
 */
export async function buildQueued(
  context: Context,
  plan: SurveyPlan,
  options: BuildOptions = {},
): Promise<{ done: BuildRecord[]; failure: Error | undefined }> {
  const done: BuildRecord[] = [];
  const expected = expectations(context.ledger.all());
  const jobs = new Map<string, Job>();
  const { emit } = context;
  const { survey } = plan;
  const trees = new TreesOfArchives(context);
  for (const target of queuedOf(plan, options)) {
    const { key, module, kernel } = target;
    if (key === undefined || jobs.has(key)) {
      continue;
    }
    jobs.set(key, {
      id: key,
      weight: expected(target),
      rank: options.rankOf?.(target, expected(target)) ?? 0,
      async run() {
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
    });
  }
  emit({ type: 'plan', total: plan.plan.targets.length, queued: jobs.size });
  const failures = await new LocalEngine(context.jobs).run([...jobs.values()], context.signal);
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

/** How a run's builds go, and what is waited for after them, however they end. */
export type RunOptions = BuildOptions & { end?: () => Promise<void> };

async function buildAndEnd(
  context: Context,
  first: SurveyPlan,
  { end, ...options }: RunOptions,
): ReturnType<typeof buildAll> {
  try {
    return await buildAll(context, first, options);
  } finally {
    await end?.();
  }
}

/**
 * The main job: archive → kernels and modules → plan → build and verify → package → publish.
 *
 * @param optionsFor how the builds of a survey go; all at once, published at their end, unless given
 */
export async function run(
  context: Context,
  optionsFor: (survey: Survey) => RunOptions = () => ({}),
): Promise<RunResult> {
  const began = Date.now();
  const { emit } = context;
  const first = await planAll(context, { refresh: true });
  const { survey } = first;
  const buildBegan = Date.now();
  const { built, failure, plan } = await buildAndEnd(context, first, optionsFor(survey));
  if (built.length > 0) {
    const seconds = since(buildBegan);
    emit({ type: 'phase-done', phase: 'build', seconds, detail: `${built.length} targets` });
  }
  if (failure !== undefined && !(await hasSomething(context, built))) {
    throw failure;
  }
  const publishBegan = Date.now();
  const { failure: unpackaged, ...published } = await publishAll(context, { survey, plan });
  if (published.changed) {
    for (const suite of published.suites) {
      emit({ type: 'published', ...suite });
    }
    emit({ type: 'phase-done', phase: 'publish', seconds: since(publishBegan), detail: '' });
  } else if (built.length === 0) {
    emit({ type: 'unchanged' });
  }
  if (built.length > 0) {
    await clearCache(context);
  }
  const problem = failure ?? unpackaged;
  if (problem !== undefined) {
    // What the others gave is published by now.
    throw problem;
  }
  return {
    survey,
    plan: await planSurvey(context, survey),
    problems: problemsOf(survey),
    built: built.length,
    published,
    seconds: since(began),
  };
}

async function clearCache(context: Context): Promise<void> {
  const began = Date.now();
  const { before, after, removed } = await boundCache(context);
  if (removed > 0) {
    const gigabytes = (bytes: number): string => (bytes / 1e9).toFixed(1);
    const detail = `${removed} entries, ${gigabytes(before)} GB → ${gigabytes(after)} GB`;
    context.emit({ type: 'phase-done', phase: 'cache', seconds: since(began), detail });
  }
}

/** Whether there is anything to publish, from now or from before. */
async function hasSomething({ ledger }: Context, built: readonly BuildRecord[]): Promise<boolean> {
  const publications = Object.values(await ledger.publications());
  return (
    built.some((record) => record.outcome !== 'broken') ||
    publications.some((suite) => Object.keys(suite).length > 0)
  );
}

/** Whether nothing is left to do for a target. */
function isDone({ verdict, suites, module }: Target): boolean {
  // What is built ahead is published when its kernel arrives; what is withheld is not published at all.
  return (
    (VERDICT_MEANINGS[verdict].final && verdict !== 'failed') ||
    (verdict === 'built' && (suites.length === 0 || module.withheld !== undefined))
  );
}

/** 0 when every target has a final verdict other than failed and every index and source could be read, else 1. */
export function exitCodeOf(plan: SurveyPlan): 0 | 1 {
  return plan.plan.targets.every(isDone) && isWholeSurvey(plan) ? 0 : 1;
}
