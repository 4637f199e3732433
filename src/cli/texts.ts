import { indexTable, planTable } from '../report/tables.ts';
import { problemsOf, type SurveyPlan } from '../run/plan.ts';

/** A plan, and what of the archives could not be read, for people. */
export function planText({ survey, plan }: SurveyPlan): string {
  const indices = indexTable(problemsOf(survey));
  return indices === '' ? planTable(plan) : `${planTable(plan)}\n${indices}`;
}
