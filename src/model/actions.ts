import type { Target } from './plans.ts';
import { VERDICT_MEANINGS } from './verdicts.ts';

/** Who must act on a target, as a sentence for people. */
export function actionOf({ verdict, withheld }: Pick<Target, 'verdict' | 'withheld'>): string {
  return verdict === 'built' && withheld !== undefined
    ? 'no action required: the configuration keeps it out of the repository'
    : VERDICT_MEANINGS[verdict].action;
}
