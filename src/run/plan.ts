import type { Plan, Target, TargetView } from '../model/plans.ts';
import { kernelId, makePlan } from '../planner/plan.ts';
import type { Context } from './context.ts';
import { type Survey, surveyArchive } from './survey.ts';

/** An archive's survey and what follows from it. */
export interface SurveyPlan {
  survey: Survey;
  plan: Plan;
}

/** Surveys every archive of the configuration and plans; reads but builds nothing. */
export async function planAll(
  context: Context,
  options: { refresh: boolean },
): Promise<SurveyPlan[]> {
  const plans: SurveyPlan[] = [];
  for (const archive of context.archives) {
    const survey = await surveyArchive(context, archive, options);
    plans.push({ survey, plan: await planSurvey(context, survey) });
  }
  return plans;
}

/** The plan of one survey, by what the ledger knows now. */
export async function planSurvey(context: Context, survey: Survey): Promise<Plan> {
  const { ledger } = context;
  const publications = (await ledger.publications())[survey.suite] ?? {};
  const published = new Map(
    Object.values(publications).flatMap(({ key, since }): [string, string][] =>
      key === undefined ? [] : [[key, since]],
    ),
  );
  const firstSeen = await ledger.firstSeen(survey.allKernels.map(kernelId), new Date());
  return makePlan({
    kernels: survey.kernels,
    modules: survey.modules,
    keyOf: (module, kernel) => survey.keyOf(module, kernel),
    records: ledger.all(),
    published,
    building: await context.building(),
    firstSeen,
  });
}

/** A target as JSON shows it. */
export function viewTarget(target: Target): TargetView {
  const { module, kernel, verdict, reason, since } = target;
  return {
    module: module.name,
    moduleVersion: module.version,
    release: kernel.release,
    architecture: kernel.architecture,
    verdict,
    reason,
    since,
  };
}
