import type { Publications } from '../ledger/schema.ts';
import type { Plan } from '../model/plans.ts';
import { modulePackageName } from '../packager/versions.ts';
import { withheldModules } from '../planner/retire.ts';
import { publicationId } from './suite-update.ts';
import type { SurveySuite } from './survey-suites.ts';

/**
 * The packages of a suite that its next publication leaves out: those that are past retention, and all of modules that
 * are kept out of the repository.
 *
 * @param entries what the suite has
 * @returns `name:architecture` → why
 */
export function retiredPackages(
  suite: Pick<SurveySuite, 'suite' | 'modules'>,
  plan: Pick<Plan, 'kept' | 'targets'>,
  entries: Publications[string],
): Map<string, string> {
  const retired = new Map<string, string>();
  const retire = (id: string, why: string): void => {
    if (entries[id] !== undefined) {
      retired.set(id, why);
    }
  };
  for (const { suite: name, id, verdict, reason } of plan.kept) {
    if (name === suite.suite && verdict === 'retired') {
      retire(id, reason);
    }
  }
  const withheld = withheldModules(suite, plan.targets);
  for (const [id, { module }] of Object.entries(entries)) {
    const why = module === undefined ? undefined : withheld.get(module);
    if (why !== undefined) {
      retire(id, `not published any more: ${why}`);
    }
  }
  for (const { module, kernel, suites, withheld: why } of plan.targets) {
    if (why !== undefined && suites.includes(suite.suite)) {
      const name = modulePackageName(module.name, kernel.release);
      retire(publicationId(name, kernel.architecture), `not published any more: ${why}`);
    }
  }
  return retired;
}
