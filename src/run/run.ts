import type { ArchiveGroup } from '../archive/group.ts';
import { LockstepError } from '../core/errors.ts';
import { LocalEngine } from '../engine/local.ts';
import type { Job } from '../engine/engine.ts';
import type { DebRef } from '../model/packages.ts';
import type { Plan, Target } from '../model/plans.ts';
import { VERDICT_MEANINGS } from '../model/verdicts.ts';
import type { BuildRecord } from '../model/records.ts';
import type { Context } from './context.ts';
import { executeTarget, TreesOfArchives } from './execute-target.ts';
import { type IndexProblem, planAll, planSurvey, problemsOf, type SurveyPlan } from './plan.ts';
import { type PublishSummary, publishAll } from './publish.ts';
import { since, type Survey } from './survey.ts';

export interface RunResult extends SurveyPlan {
  /** Indices that could not be read. */
  problems: IndexProblem[];
  built: number;
  published: PublishSummary;
  seconds: number;
}

/** What a module that was never built is expected to take, in seconds a byte of its package. */
const SECONDS_A_BYTE = 1 / 5000;

/** Wall seconds that a target is expected to take: what its module took last, else a guess by its size. */
function expectedSeconds(target: Target, records: readonly BuildRecord[]): number {
  const last = records.findLast(
    (record) => record.module === target.module.name && record.outcome === 'built',
  );
  return last?.seconds ?? target.module.package.size * SECONDS_A_BYTE;
}

/** What a run builds now. */
function queuedOf({ plan }: SurveyPlan): Target[] {
  return plan.targets.filter(
    ({ verdict, key, waitsFor }) =>
      verdict === 'queued' && key !== undefined && waitsFor === undefined,
  );
}

/**
 * Fetches what all queued targets need, in one go for each archive since apt fetches in parallel, and unpacks what
 * several of them share.
 *
 * @returns what went wrong; the targets then get what they need one by one, and those that can't are broken
 * @throws LockstepError INTERRUPTED, DISK_FULL
 */
async function prepare(context: Context, plan: SurveyPlan): Promise<LockstepError | undefined> {
  const { survey } = plan;
  const byArchive = new Map<ArchiveGroup, Target[]>();
  for (const target of queuedOf(plan)) {
    const archive = survey.archiveOf(target.kernel);
    byArchive.set(archive, [...(byArchive.get(archive) ?? []), target]);
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

async function prepareArchive(
  context: Context,
  survey: Survey,
  archive: ArchiveGroup,
  targets: readonly Target[],
): Promise<void> {
  const refs = targets.flatMap(({ module, kernel }): DebRef[] => [
    module.package,
    ...(kernel.headers?.packages ?? []),
    ...survey.rootOf(kernel),
  ]);
  const began = Date.now();
  const store = context.storeOf(archive);
  await archive.fetch(refs);
  const fetched = since(began);
  context.emit({ type: 'phase-done', phase: 'fetch', seconds: fetched, detail: '' });
  const shared = targets.flatMap(({ kernel }): Promise<string>[] => [
    store.root(survey.rootOf(kernel)),
    ...(kernel.headers?.packages ?? []).map((ref) => store.unpacked(ref)),
  ]);
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
): Promise<{ done: BuildRecord[]; failure: Error | undefined }> {
  const done: BuildRecord[] = [];
  const records = context.ledger.all();
  const jobs = new Map<string, Job>();
  const { emit } = context;
  const { survey } = plan;
  const trees = new TreesOfArchives(context);
  for (const target of queuedOf(plan)) {
    const { key, module, kernel } = target;
    if (key === undefined || jobs.has(key)) {
      continue;
    }
    jobs.set(key, {
      id: key,
      weight: expectedSeconds(target, records),
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
 * @throws LockstepError INTERRUPTED, DISK_FULL, and what kept every single build from being made
 */
export async function buildAll(
  context: Context,
  first: SurveyPlan,
): Promise<{ built: BuildRecord[]; failure: Error | undefined; plan: Plan }> {
  const { survey } = first;
  const built: BuildRecord[] = [];
  let failure: Error | undefined;
  let { plan } = first;
  const tried = new Set<string>();
  for (let round = 0; round < MAX_ROUNDS; round += 1) {
    const queued = queuedOf({ survey, plan }).filter(({ key }) => !tried.has(key ?? ''));
    if (queued.length === 0 && round > 0) {
      break;
    }
    const next = { survey, plan: { ...plan, targets: round === 0 ? plan.targets : queued } };
    for (const { key } of queued) {
      tried.add(key ?? '');
    }
    const problem = await prepare(context, next);
    const result = await buildQueued(context, next);
    built.push(...result.done);
    failure ??= result.failure;
    if (problem !== undefined && built.every((record) => record.outcome === 'broken')) {
      throw problem;
    }
    plan = await planSurvey(context, survey);
  }
  return { built, failure, plan };
}

/** The main job: archive → kernels and modules → plan → build and verify → package → publish. */
export async function run(context: Context): Promise<RunResult> {
  const began = Date.now();
  const { emit } = context;
  const first = await planAll(context, { refresh: true });
  const { survey } = first;
  const buildBegan = Date.now();
  const { built, failure, plan } = await buildAll(context, first);
  if (built.length > 0) {
    const seconds = since(buildBegan);
    emit({ type: 'phase-done', phase: 'build', seconds, detail: `${built.length} targets` });
  }
  const publishBegan = Date.now();
  const published = await publishAll(context, { survey, plan });
  if (published.changed) {
    for (const suite of published.suites) {
      emit({ type: 'published', ...suite });
    }
    emit({ type: 'phase-done', phase: 'publish', seconds: since(publishBegan), detail: '' });
  } else if (built.length === 0) {
    emit({ type: 'unchanged' });
  }
  if (failure !== undefined) {
    // What the other builds gave is published by now.
    throw failure;
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

/** Whether nothing is left to do for a target. */
function isDone({ verdict, suites }: Target): boolean {
  // What is built ahead is published when its kernel arrives.
  return (
    (VERDICT_MEANINGS[verdict].final && verdict !== 'failed') ||
    (verdict === 'built' && suites.length === 0)
  );
}

/** 0 when every target has a final verdict other than failed and every index could be read, else 1. */
export function exitCodeOf({ survey, plan }: SurveyPlan): 0 | 1 {
  return plan.targets.every(isDone) && problemsOf(survey).length === 0 ? 0 : 1;
}
