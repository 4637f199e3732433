import type { Kernel } from '../../model/kernels.ts';
import type { Target } from '../../model/plans.ts';
import { makePlan, type ModuleChoice, type PlanInputs } from '../plan.ts';
import { type Generation, makeInputs, makeSuite } from './inputs.ts';

/** The one target of one module of trixie for one kernel. @throws Error when the plan has another number of targets */
export function targetOf(
  kernel: Kernel,
  choice: ModuleChoice,
  more: Partial<PlanInputs> & Generation = {},
): Target {
  const { targets } = makePlan(makeInputs([makeSuite('trixie', [kernel], [choice])], more));
  const [target] = targets;
  if (target === undefined || targets.length > 1) {
    throw new Error(`${targets.length} targets`);
  }
  return target;
}
