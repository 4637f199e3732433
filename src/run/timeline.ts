import { newArrivals } from '../ledger/arrivals.ts';
import { newOutcomes } from '../ledger/outcomes.ts';
import type { Plan } from '../model/plans.ts';
import type { KernelSighting } from '../model/sightings.ts';
import type { Arrival, Outcome } from '../model/timeline.ts';
import { kernelId } from '../planner/names.ts';
import type { Context } from './context.ts';
import type { Survey } from './survey.ts';
import type { SurveySuite } from './survey-suites.ts';

/**
 * Notes the kernels and module versions that published suites have now and had not before.
 *
 * @param sightings every kernel that was ever seen, by `release/architecture/version`
 */
export async function noteArrivals(
  { ledger }: Pick<Context, 'ledger'>,
  { suites }: Pick<Survey, 'suites'>,
  sightings: ReadonlyMap<string, KernelSighting>,
  now: Date,
): Promise<void> {
  const noted = await ledger.timeline.arrivals.read();
  const present = suites
    .filter(({ isPublished }) => isPublished)
    .flatMap((suite) => kernelArrivals(suite, sightings, now).concat(moduleArrivals(suite, now)));
  await ledger.timeline.arrivals.append(newArrivals(noted, present));
}

function kernelArrivals(
  { suite, facts, all }: SurveySuite,
  sightings: ReadonlyMap<string, KernelSighting>,
  now: Date,
): Arrival[] {
  return all.map(({ kernel }): Arrival => {
    const { release, architecture, version } = kernel;
    const at = sightings.get(kernelId(kernel))?.suites[suite]?.since ?? now.toISOString();
    // A Release file of today says nothing of a kernel that was seen on another day.
    const released = at === now.toISOString() ? earliest(facts, kernel.suites) : undefined;
    return { type: 'kernel', at, suite, release, architecture, version, released };
  });
}

function moduleArrivals({ suite, facts, modules }: SurveySuite, now: Date): Arrival[] {
  const at = now.toISOString();
  return modules.flatMap(({ candidates }) =>
    candidates.map(({ name, version, from }): Arrival => {
      const released = earliest(facts, [from]);
      return { type: 'module', at, suite, module: name, version, released };
    }),
  );
}

/** The earliest `Date` of the Release files of some of an archive's suites: by then what they have was there. */
function earliest(facts: SurveySuite['facts'], names: readonly string[]): string | undefined {
  return (
    facts
      .filter(({ suite }) => names.includes(suite))
      .map(({ date }) => date)
      // A year that no calendar has is no date to count from.
      .filter((date) => /^\d{4}-/.test(date))
      .toSorted()[0]
  );
}

/** Notes how targets fared since the last time. @returns what was noted */
export async function noteOutcomes({ ledger }: Context, { targets }: Plan): Promise<Outcome[]> {
  const { outcomes } = ledger.timeline;
  const publications = await ledger.publications();
  const now = new Date().toISOString();
  const fresh = newOutcomes(await outcomes.read(), targets, publications, now);
  await outcomes.append(fresh);
  return fresh;
}
