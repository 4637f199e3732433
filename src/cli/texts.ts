import { indexTable, planTable, sourceTable } from '../report/tables.ts';
import { problemsOf, type SurveyPlan } from '../run/plan.ts';

/** A plan, and what of sources and archives could not be read, for people. */
export function planText({ survey, plan }: SurveyPlan): string {
  return [planTable(plan), sourceTable(survey.sourceProblems), indexTable(problemsOf(survey))]
    .filter((text) => text !== '')
    .join('\n');
}
