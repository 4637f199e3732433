import type { Target } from './plans.ts';
import { VERDICT_MEANINGS } from './verdicts.ts';

/** Who must act on a target, as a sentence for people. */
export function actionOf({
  verdict,
  module,
}: Pick<Target, 'verdict'> & { module: Pick<Target['module'], 'withheld'> }): string {
  return verdict === 'built' && module.withheld !== undefined
    ? 'no action required: the configuration keeps it out of the repository'
    : VERDICT_MEANINGS[verdict].action;
}
