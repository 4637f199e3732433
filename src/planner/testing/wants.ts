import type { Plan, Target } from '../../model/plans.ts';
import { kernelId, moduleId } from '../names.ts';
import type { PlanInputs } from '../plan.ts';

/** Module version × kernel: what a plan has at most one target for. */
export function targetId({ module, kernel }: Target): string {
  return `${moduleId(module)} ${kernelId(kernel)}`;
}

/** One suite × module × kernel, with the ids of the targets that it may use. */
export interface Want {
  suite: string;
  module: string;
  architecture: string;
  place: 'suites' | 'ahead' | 'none';
  ids: string[];
}

export function wantedBy({ suites }: PlanInputs): Want[] {
  return suites.flatMap(({ suite, isPublished, kernels, modules }) =>
    modules.flatMap(({ name, candidates }) =>
      kernels.map(({ kernel, ahead }): Want => {
        const { architecture } = kernel;
        const ids = candidates
          .filter(({ source }) => ['all', architecture].includes(source.architecture))
          .map((module) => `${moduleId(module)} ${kernelId(kernel)}`);
        const place = ahead === undefined ? (isPublished ? 'suites' : 'none') : 'ahead';
        return { suite, module: name, architecture, place, ids };
      }),
    ),
  );
}

/** What a plan does wrong for a want; empty when nothing. */
export function faultOf({ suite, module, architecture, place, ids }: Want, plan: Plan): string {
  const isAbsent = plan.absent.some(
    (entry) =>
      entry.suite === suite &&
      entry.module === module &&
      (entry.architecture ?? architecture) === architecture,
  );
  const possible = plan.targets.filter((target) => ids.includes(targetId(target)));
  const isOne = (list: readonly Target[]): boolean => list.length === 1;
  const mine = {
    suites: isOne(possible.filter(({ suites }) => suites.includes(suite))),
    ahead: isOne(possible.filter(({ ahead }) => ahead.includes(suite))),
    none: possible.every(({ suites, ahead }) => ![...suites, ...ahead].includes(suite)),
  };
  if (isAbsent !== (ids.length === 0)) {
    return `${suite} ${module}: absent ${isAbsent}`;
  }
  return ids.length === 0 || (possible.length > 0 && mine[place])
    ? ''
    : `${suite} ${module}: ${ids.join(', ')} is not once in ${place}`;
}
