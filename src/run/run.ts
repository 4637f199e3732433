import { LockstepError } from '../core/errors.ts';
import type { BuildRecord } from '../model/records.ts';
import type { Target } from '../model/plans.ts';
import { VERDICT_MEANINGS } from '../model/verdicts.ts';
import { buildAll } from './build-all.ts';
import { boundCache } from './cache.ts';
import type { Context } from './context.ts';
import {
  type IndexProblem,
  isWholeSurvey,
  planAll,
  planSurvey,
  problemsOf,
  type SurveyPlan,
} from './plan.ts';
import { type PublishSummary, publishAll, tellPublished } from './publish.ts';
import { type PushResult, pushAfterRun } from './push.ts';
import { since } from './survey.ts';
import { writeSiteAfterRun } from './write-site.ts';

export interface RunResult extends SurveyPlan {
  /** Indices that could not be read. */
  problems: IndexProblem[];
  built: number;
  published: Omit<PublishSummary, 'failure'>;
  /** How the repository was brought to its destinations. */
  pushes: PushResult[];
  seconds: number;
}

/**
 * The main job: archive → kernels and modules → plan → build and verify → package → publish → status site.
 */
export async function run(context: Context): Promise<RunResult> {
  const began = Date.now();
  const first = await planAll(context, { refresh: true });
  const { survey } = first;
  try {
    const { built, published } = await buildAndPublish(context, first);
    const plan = await planSurvey(context, survey);
    await writeSiteAfterRun(context, survey, plan);
    const pushes = await pushAfterRun(context);
    const problems = problemsOf(survey);
    return { survey, plan, problems, built, published, pushes, seconds: since(began) };
  } catch (error) {
    // Where nothing can be written, another failure to write would only hide the first.
    if (!(error instanceof LockstepError && error.code === 'DISK_FULL')) {
      await writeSiteAfterRun(context, survey);
      await pushAfterRun(context);
    }
    throw error;
  }
}

/** @throws what kept something from being built or packaged; what the others gave is published by then */
async function buildAndPublish(
  context: Context,
  first: SurveyPlan,
): Promise<Pick<RunResult, 'built' | 'published'>> {
  const { emit } = context;
  const { survey } = first;
  const buildBegan = Date.now();
  const { built, failure, plan } = await buildAll(context, first);
  if (built.length > 0) {
    const seconds = since(buildBegan);
    emit({ type: 'phase-done', phase: 'build', seconds, detail: `${built.length} targets` });
  }
  if (failure !== undefined && !(await hasSomething(context, built))) {
    throw failure;
  }
  const publishBegan = Date.now();
  const { failure: unpackaged, ...published } = await publishAll(context, { survey, plan });
  tellPublished(context, published);
  if (published.changed) {
    emit({ type: 'phase-done', phase: 'publish', seconds: since(publishBegan), detail: '' });
  } else if (built.length === 0) {
    emit({ type: 'unchanged' });
  }
  if (built.length > 0) {
    await clearCache(context);
  }
  const problem = failure ?? unpackaged;
  if (problem !== undefined) {
    throw problem;
  }
  return { built: built.length, published };
}

/** Makes the cache as small as it shall be, and says so when something went. */
export async function clearCache(context: Context): Promise<void> {
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
function isDone({ verdict, suites, withheld }: Target): boolean {
  // What is built ahead is published when its kernel arrives; what is withheld is not published at all.
  return (
    (VERDICT_MEANINGS[verdict].final && verdict !== 'failed') ||
    (verdict === 'built' && (suites.length === 0 || withheld !== undefined))
  );
}

/**
 * 0 when every target has a final verdict other than failed, every index and source could be read and every destination
 * has the repository, else 1.
 */
export function exitCodeOf(result: RunResult): 0 | 1 {
  const isPushed = result.pushes.every(({ error }) => error === undefined);
  return result.plan.targets.every(isDone) && isWholeSurvey(result) && isPushed ? 0 : 1;
}
