import { LockstepError } from '../core/errors.ts';
import { LocalEngine } from '../engine/local.ts';
import type { Job } from '../engine/engine.ts';
import type { DebRef } from '../model/packages.ts';
import type { Target } from '../model/plans.ts';
import { VERDICT_MEANINGS } from '../model/verdicts.ts';
import type { BuildRecord } from '../model/records.ts';
import type { Context } from './context.ts';
import { executeTarget, KernelTrees } from './execute-target.ts';
import { planAll, planSurvey, type SurveyPlan } from './plan.ts';
import { type PublishSummary, publishAll } from './publish.ts';
import { since } from './survey.ts';

export interface RunResult {
  plans: SurveyPlan[];
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

/**
 * Fetches what all queued targets of an archive need, in one go since apt fetches in parallel, and unpacks what
 * several of them share.
 *
 * @returns what went wrong; the targets then get what they need one by one, and those that can't are broken
 * @throws LockstepError INTERRUPTED, DISK_FULL
 */
async function prepareArchive(
  context: Context,
  { survey, plan }: SurveyPlan,
): Promise<LockstepError | undefined> {
  const queued = plan.targets.filter(
    (target) => target.verdict === 'queued' && target.key !== undefined,
  );
  const refs: DebRef[] = [];
  for (const { module, kernel } of queued) {
    refs.push(module.package, ...(kernel.headers?.packages ?? []), ...survey.rootOf(kernel));
  }
  if (refs.length === 0) {
    return undefined;
  }
  const began = Date.now();
  const store = context.storeOf(survey.archive);
  try {
    await survey.archive.fetch(refs);
    const fetched = since(began);
    context.emit({ type: 'phase-done', phase: 'fetch', seconds: fetched, detail: '' });
    const shared: Promise<string>[] = [];
    for (const { kernel } of queued) {
      shared.push(store.root(survey.rootOf(kernel)));
      shared.push(...(kernel.headers?.packages ?? []).map((ref) => store.unpacked(ref)));
    }
    // All of them end before anything is said of the first that fails.
    await Promise.allSettled(shared);
    await Promise.all(shared);
    const seconds = since(began) - fetched;
    context.emit({
      type: 'phase-done',
      phase: 'setup',
      seconds,
      detail: 'headers and build roots',
    });
    return undefined;
  } catch (error) {
    if (!(error instanceof LockstepError) || /INTERRUPTED|DISK_FULL/.test(error.code)) {
      throw error;
    }
    context.emit({ type: 'warning', code: error.code, message: error.message });
    return error;
  }
}

/**
 * Builds everything that is queued; one failure stops nothing else.
 *
 * @returns the records of the builds that were run, and the first error of those that left no record
 * @throws LockstepError INTERRUPTED
 */
async function buildQueued(
  context: Context,
  plans: readonly SurveyPlan[],
): Promise<{ done: BuildRecord[]; failure: Error | undefined }> {
  const done: BuildRecord[] = [];
  const records = context.ledger.all();
  const jobs = new Map<string, Job>();
  const { emit } = context;
  for (const { survey, plan } of plans) {
    const trees = new KernelTrees(context.storeOf(survey.archive));
    for (const target of plan.targets) {
      const { key } = target;
      if (target.verdict !== 'queued' || key === undefined || jobs.has(key)) {
        continue;
      }
      const { module, kernel } = target;
      jobs.set(key, {
        id: key,
        weight: expectedSeconds(target, records),
        async run() {
          emit({ type: 'target-started', module: module.name, release: kernel.release });
          const record = await executeTarget(context, survey, target, key, trees);
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
  }
  emit({
    type: 'plan',
    total: plans.reduce((sum, { plan }) => sum + plan.targets.length, 0),
    queued: jobs.size,
  });
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

/** The main job: archive → kernels and modules → plan → build and verify → package → publish. */
export async function run(context: Context): Promise<RunResult> {
  const began = Date.now();
  const { emit } = context;
  const plans = await planAll(context, { refresh: true });
  let problem: LockstepError | undefined;
  for (const plan of plans) {
    const found = await prepareArchive(context, plan);
    problem ??= found;
  }
  const buildBegan = Date.now();
  const { done: built, failure } = await buildQueued(context, plans);
  if (problem !== undefined && built.every((record) => record.outcome === 'broken')) {
    throw problem;
  }
  if (built.length > 0) {
    emit({
      type: 'phase-done',
      phase: 'build',
      seconds: since(buildBegan),
      detail: `${built.length} targets`,
    });
  }
  const replanned: SurveyPlan[] = [];
  for (const { survey } of plans) {
    replanned.push({ survey, plan: await planSurvey(context, survey) });
  }
  const publishBegan = Date.now();
  const published = await publishAll(context, replanned);
  if (published.changed) {
    for (const suite of published.suites) {
      emit({ type: 'published', ...suite });
    }
    emit({ type: 'phase-done', phase: 'publish', seconds: since(publishBegan), detail: '' });
  } else if (built.length === 0) {
    emit({ type: 'unchanged' });
  }
  const final: SurveyPlan[] = [];
  for (const { survey } of plans) {
    final.push({ survey, plan: await planSurvey(context, survey) });
  }
  if (failure !== undefined) {
    // What the other builds gave is published by now.
    throw failure;
  }
  return { plans: final, built: built.length, published, seconds: since(began) };
}

/** 0 when every target has a final verdict other than failed, else 1. */
export function exitCodeOf(plans: readonly SurveyPlan[]): 0 | 1 {
  const targets = plans.flatMap(({ plan }) => plan.targets);
  return targets.every(({ verdict }) => VERDICT_MEANINGS[verdict].final && verdict !== 'failed')
    ? 0
    : 1;
}
