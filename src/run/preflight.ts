import { LockstepError } from '../core/errors.ts';
import type { SuiteKernel } from '../model/kernels.ts';
import type { Target } from '../model/plans.ts';
import type { Context } from './context.ts';
import { planAll, planSurvey, type SurveyPlan } from './plan.ts';
import { buildAll } from './build-all.ts';
import { type Survey, surveyOf } from './survey.ts';
import type { SurveySuite } from './survey-suites.ts';

export interface PreflightOptions {
  /** The published suite whose modules are asked; by default those that expect the kernel. */
  for: string | undefined;
  /** Whether what is not known yet is built. */
  build: boolean;
  refresh: boolean;
}

export interface PreflightResult extends SurveyPlan {
  /** Modules that work with the kernels, that don't, and of which it is not known. */
  ready: Target[];
  failing: Target[];
  unknown: Target[];
}

/** The suites that a name means: an archive's own, or those with this suite of Debian. */
function suitesNamed(survey: Survey, name: string): SurveySuite[] {
  const named = survey.suites.filter(({ suite }) => suite === name);
  return named.length > 0
    ? named
    : survey.suites.filter(({ facts }) => facts.some((fact) => fact.suite === name));
}

/**
 * The kernels that are meant: what a suite's metapackages point to, or a release wherever it is.
 *
 * @throws LockstepError RELEASE_UNKNOWN with the suites and the newest releases
 */
function kernelsNamed(survey: Survey, what: string): { suite: string; kernels: SuiteKernel[] }[] {
  const inSuites = suitesNamed(survey, what).map(({ suite, all }) => ({
    suite,
    kernels: all.filter(({ tracks }) => tracks.length > 0),
  }));
  if (inSuites.length > 0) {
    return inSuites;
  }
  const found = survey.suites
    .map(({ suite, all }) => ({
      suite,
      kernels: all.filter(({ kernel }) => kernel.release === what),
    }))
    .filter(({ kernels }) => kernels.length > 0);
  if (found.length === 0) {
    const newest = survey.suites.flatMap(({ all }) =>
      all.filter(({ tracks }) => tracks.length > 0).map(({ kernel }) => kernel.release),
    );
    throw new LockstepError('RELEASE_UNKNOWN', `no archive has a suite or a kernel ${what}`, {
      hint: `suites: ${survey.suites.map(({ suite }) => suite).join(', ')}; newest kernels: ${[...new Set(newest)].join(', ')}`,
      exitCode: 2,
    });
  }
  return found;
}

/** @throws LockstepError SUITE_UNKNOWN */
function destinations(
  context: Context,
  survey: Survey,
  source: string,
  wanted: string | undefined,
): SurveySuite[] {
  const names =
    wanted === undefined
      ? context.archives
          .filter(({ group }) => group.ahead.includes(source))
          .map(({ group }) => group.name)
      : [wanted];
  const found = survey.suites.filter(({ suite }) => names.includes(suite));
  if (found.length === 0 && wanted !== undefined) {
    throw new LockstepError('SUITE_UNKNOWN', `the configuration publishes no suite ${wanted}`, {
      hint: `suites: ${survey.suites.map(({ suite }) => suite).join(', ')}`,
      exitCode: 2,
    });
  }
  return found.length > 0 ? found : survey.suites.filter(({ suite }) => suite === source);
}

/**
 * Tells which modules are ready for kernels before these reach a suite: builds what is not known yet, with the module
 * versions of the suite that expects them. Publishes nothing; the builds are there when the kernels arrive.
 *
 * @param what a kernel release, or a suite, whose newest kernels are meant
 * @throws LockstepError RELEASE_UNKNOWN, SUITE_UNKNOWN, INTERRUPTED
 */
export async function preflight(
  context: Context,
  what: string,
  options: PreflightOptions,
): Promise<PreflightResult> {
  const { survey: whole } = await planAll(context, { refresh: options.refresh });
  const suites = new Map<string, SurveySuite>();
  for (const { suite: source, kernels } of kernelsNamed(whole, what)) {
    for (const destination of destinations(context, whole, source, options.for)) {
      const known = suites.get(destination.suite)?.kernels ?? [];
      const there = new Set(known.map(({ kernel }) => kernel));
      const ahead = destination.suite === source ? undefined : source;
      suites.set(destination.suite, {
        ...destination,
        kernels: [
          ...known,
          ...kernels
            .filter(({ kernel }) => !there.has(kernel))
            .map(({ kernel, tracks }) => ({ kernel, tracks, ahead })),
        ],
      });
    }
  }
  const survey = await surveyOf(context, [...suites.values()], whole.sourceProblems);
  const first = { survey, plan: await planSurvey(context, survey) };
  let { plan } = first;
  if (options.build) {
    // What could not be built is not known; the log and the record say why.
    ({ plan } = await buildAll(context, first));
  }
  const ready: Target[] = [];
  const failing: Target[] = [];
  const unknown: Target[] = [];
  for (const target of plan.targets) {
    listFor(target, { ready, failing, unknown }).push(target);
  }
  return { survey, plan: { ...plan, kept: [] }, ready, failing, unknown };
}

function listFor(
  { verdict }: Target,
  lists: Pick<PreflightResult, 'ready' | 'failing' | 'unknown'>,
): Target[] {
  switch (verdict) {
    case 'published':
    case 'built':
    case 'in-tree':
    case 'excluded':
      return lists.ready;
    case 'failed':
    case 'blocked':
    case 'headers-gone':
    case 'retired':
      return lists.failing;
    case 'queued':
    case 'building':
    case 'broken':
      return lists.unknown;
  }
}
