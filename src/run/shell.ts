import { buildModule } from '../builder/build.ts';
import { LockstepError } from '../core/errors.ts';
import type { Target } from '../model/plans.ts';
import type { Context } from './context.ts';
import { KernelTrees } from './kernel-trees.ts';
import { buildRequestOf, evaluateTarget, prepareTarget } from './prepare-target.ts';
import type { Survey } from './survey.ts';

/**
 * Builds a target and then opens a shell in the very root of that build, as the build left it.
 *
 * @param announce told how the build went, just before the shell begins
 * @throws LockstepError USAGE for a kernel without headers, DKMS_CONF_INVALID
 */
export async function openBuildShell(
  context: Context,
  survey: Survey,
  target: Target,
  announce: (text: string) => void,
): Promise<void> {
  if (target.kernel.headers === undefined) {
    throw new LockstepError(
      'USAGE',
      `${target.kernel.release} has no headers: nothing can be built`,
      { exitCode: 2 },
    );
  }
  const trees = new KernelTrees(context.storeOf(survey.archiveOf(target.kernel)));
  const prepared = await prepareTarget(context, survey, target, trees);
  const conf = await evaluateTarget(context, prepared);
  const request = buildRequestOf(context, prepared, conf);
  const result = await buildModule(request);
  const said =
    result.outcome === 'built' ? 'the build went well' : `the build failed: ${result.reason}`;
  announce(`${said}; a shell in its root: /usr/lib/lockstep/build.bash /out builds again`);
  await buildModule({ ...request, interactive: true });
}
