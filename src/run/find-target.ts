import { LockstepError } from '../core/errors.ts';
import type { Target } from '../model/plans.ts';
import { moduleNameOf } from '../modules/find.ts';
import type { SurveyPlan } from './plan.ts';

/**
 * The target a user names; the module's package name is understood as well.
 *
 * @throws LockstepError MODULE_UNKNOWN, RELEASE_UNKNOWN, with what there is
 */
export function findTarget({ plan }: SurveyPlan, module: string, release: string): Target {
  const name = moduleNameOf(module);
  const ofModule = plan.targets.filter((target) => target.module.name === name);
  if (ofModule.length === 0) {
    const known = [...new Set(plan.targets.map((target) => target.module.name))];
    throw new LockstepError('MODULE_UNKNOWN', `the configuration has no module ${module}`, {
      hint: `modules: ${known.join(', ')}`,
      exitCode: 2,
    });
  }
  const found = ofModule.find((target) => target.kernel.release === release);
  if (found === undefined) {
    const known = [...new Set(ofModule.map((target) => target.kernel.release))];
    throw new LockstepError('RELEASE_UNKNOWN', `no kernel ${release} among those that are wanted`, {
      hint: `kernels: ${known.join(', ')}`,
      exitCode: 2,
    });
  }
  return found;
}
