import { LockstepError } from '../core/errors.ts';
import { LocalEngine } from '../engine/local.ts';
import type { Plan, Target } from '../model/plans.ts';
import type { BuildRecord } from '../model/records.ts';
import { buildJob, Expectations } from './build-jobs.ts';
import { isSuspect } from './build-target.ts';
import type { Context } from './context.ts';
import { TreesOfArchives } from './kernel-trees.ts';
import { planSurvey, type SurveyPlan } from './plan.ts';
import { prepareAll } from './prepare-all.ts';
import type { Survey } from './survey.ts';

/** What could be built now. */
export function queuedOf({ targets }: Plan): Target[] {
  return targets.filter(
    ({ verdict, key, waitsFor }) =>
      verdict === 'queued' && key !== undefined && waitsFor === undefined,
  );
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
  { survey, plan }: SurveyPlan,
): Promise<{ done: BuildRecord[]; failure: Error | undefined }> {
  const queued = new Map<string, Target>();
  for (const target of queuedOf(plan)) {
    if (target.key !== undefined && !queued.has(target.key)) {
      queued.set(target.key, target);
    }
  }
  context.emit({ type: 'plan', total: plan.targets.length, queued: queued.size });
  const first = await buildTargets(context, survey, queued);
  const suspects = new Map([...queued].filter(([, target]) => isSuspect(context, survey, target)));
  const again = await buildTargets(context, survey, suspects);
  const done = new Map([...first.done, ...again.done].map((record) => [record.key, record]));
  return { done: [...done.values()], failure: first.failure ?? again.failure };
}

/** @param targets by their keys */
async function buildTargets(
  context: Context,
  survey: Survey,
  targets: ReadonlyMap<string, Target>,
): Promise<{ done: BuildRecord[]; failure: Error | undefined }> {
  const done: BuildRecord[] = [];
  const options = {
    trees: new TreesOfArchives(context),
    expectations: new Expectations(context.ledger.all()),
    onBuilt: (record: BuildRecord) => void done.push(record),
  };
  const jobs = [...targets].map((entry) => buildJob(context, survey, entry, options));
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
): Promise<{ built: BuildRecord[]; failure: Error | undefined; plan: Plan }> {
  const { survey } = first;
  const built: BuildRecord[] = [];
  let failure: Error | undefined;
  let { plan } = first;
  const tried = new Set<string>();
  for (let round = 0; round < MAX_ROUNDS; round += 1) {
    const queued = queuedOf(plan).filter(({ key }) => !tried.has(key ?? ''));
    if (queued.length === 0 && round > 0) {
      break;
    }
    const next = { survey, plan: { ...plan, targets: round === 0 ? plan.targets : queued } };
    for (const { key } of queued) {
      tried.add(key ?? '');
    }
    const problem = await prepareAll(context, survey, queued);
    const result = await buildQueued(context, next);
    built.push(...result.done);
    failure ??= result.failure;
    if (built.every((record) => record.outcome === 'broken')) {
      failure ??= problem;
    }
    plan = await planSurvey(context, survey);
  }
  return { built, failure, plan };
}
