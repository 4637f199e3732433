import { endsAll } from '../core/errors.ts';
import { explainDiskError } from '../core/files.ts';
import type { Publications } from '../ledger/schema.ts';
import type { Target } from '../model/plans.ts';
import { GUARD_PACKAGE } from '../packager/guard.ts';
import { kernelId } from '../planner/names.ts';
import type { Context } from './context.ts';
import type { SurveyPlan } from './plan.ts';
import {
  putGuardPackage,
  putKeyringPackage,
  putModulePackage,
  putPrebuiltPackage,
  putTrackingPackage,
  type Tracked,
} from './put-packages.ts';
import { retiredPackages } from './retired.ts';
import { keyringInputs, keyringRelation, type Signing } from './signing.ts';
import type { SourcePackages } from './source-packages.ts';
import { publicationId, splitPublicationId, SuiteUpdate } from './suite-update.ts';
import type { SurveySuite } from './survey-suites.ts';

/**
 * The publications of a suite after a plan's builds: new packages in, retired ones out, everything else as it was.
 *
 * @param all what all suites have now
 * @param signing what the repository is signed with
 * @returns what the suite shall have, and the first error of a package that could not be made: one failure is one cell
 */
export async function publicationsOf(
  context: Context,
  suite: SurveySuite,
  { plan, survey }: SurveyPlan,
  all: Publications,
  { signing, sources }: { signing: Signing; sources: SourcePackages },
): Promise<{ after: Publications[string]; failure: Error | undefined }> {
  const { config } = context;
  const update = new SuiteUpdate(context, suite.suite, all, keyringRelation(config, signing));
  const making = { context, survey, update, sources };
  for (const id of retiredPackages(suite, plan, update.after).keys()) {
    update.drop(id);
  }
  const tracksOf = new Map(suite.kernels.map(({ kernel, tracks }) => [kernel, tracks]));
  const tracked = new Map<string, Tracked[]>();
  let failure: Error | undefined;
  const attempt = async (what: string, put: () => Promise<void>): Promise<void> => {
    try {
      await put();
    } catch (error) {
      const explained = explainDiskError(error, context.config.state);
      if (context.signal.aborted || !isOneCells(explained)) {
        throw explained;
      }
      context.emit({
        type: 'warning',
        code: 'PACKAGE_FAILED',
        message: `${what}: ${explained.message}`,
      });
      failure ??= explained;
    }
  };
  const targets = plan.targets.filter(({ suites }) => suites.includes(suite.suite));
  for (const target of dependedFirst(targets)) {
    const { module, kernel, record } = target;
    if (target.withheld !== undefined) {
      continue;
    }
    await attempt(`${suite.suite}: ${module.name} for ${kernel.release}`, async () => {
      const modulePackage =
        record?.outcome === 'built' ? await putModulePackage(making, target, record) : undefined;
      if (modulePackage === undefined && target.verdict !== 'in-tree') {
        return;
      }
      const id = publicationId(module.name, kernel.architecture);
      const list = tracked.get(id) ?? [];
      tracked.set(id, list);
      for (const track of tracksOf.get(kernel) ?? []) {
        const { archive } = suite;
        list.push(await putTrackingPackage(making, archive, target, track, modulePackage));
      }
    });
  }
  for (const [id, list] of tracked) {
    await attempt(`${suite.suite}: drop-in for ${id}`, () =>
      putPrebuiltPackage(update, splitPublicationId(id).architecture, list),
    );
  }
  await attempt(`${suite.suite}: ${GUARD_PACKAGE}`, () => putGuardPackage(making));
  const keyring = keyringInputs(config, signing);
  await attempt(`${suite.suite}: ${keyring.name}`, () => putKeyringPackage(making, keyring));
  return { after: update.after, failure };
}

/** Whether an error concerns one package only. */
function isOneCells(error: unknown): error is Error {
  return error instanceof Error && !endsAll(error);
}

/** What is built on others after these: a package is published with what it depends on, or not at all. */
function dependedFirst(targets: readonly Target[]): Target[] {
  const sorted: Target[] = [];
  let left = targets;
  while (left.length > 0) {
    const waiting = new Set(left.map(({ module, kernel }) => `${module.name} ${kernelId(kernel)}`));
    const isReady = ({ builtOn, kernel }: Target): boolean =>
      builtOn.every(({ module }) => !waiting.has(`${module} ${kernelId(kernel)}`));
    const ready = left.filter(isReady);
    sorted.push(...(ready.length > 0 ? ready : left));
    left = ready.length > 0 ? left.filter((target) => !isReady(target)) : [];
  }
  return sorted;
}
