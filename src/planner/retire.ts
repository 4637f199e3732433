import { compareText } from '../core/compare.ts';
import { compareVersions } from '../debian/version.ts';
import type { Kernel } from '../model/kernels.ts';
import type { Module } from '../model/modules.ts';
import type { KeptPackage, Target } from '../model/plans.ts';
import type { ModulePublication } from '../model/publications.ts';
import { getOrMake, kernelId } from './names.ts';
import type { PlanInputs, PlanSuite } from './plan.ts';

/** A module package that is published. Kernels of one line follow each other. */
export type PublishedModule = ModulePublication & { line: string };

const DAY = 24 * 60 * 60 * 1000;

/**
 * What becomes of the published packages that no target speaks for. A package stays while its kernel is in any suite,
 * for the grace period after, and for ever while it is the newest of its line.
 *
 * @returns sorted by suite and package
 */
export function judgePublications(inputs: PlanInputs, targets: Iterable<Target>): KeptPackage[] {
  const used = [...targets];
  const { published } = inputs;
  const targetsOf = new Map<string, Map<string, Target[]>>();
  const ids = new Map<Kernel, string>();
  for (const target of used) {
    const id = getOrMake(ids, target.kernel, kernelId);
    const byModule = getOrMake(targetsOf, id, () => new Map<string, Target[]>());
    getOrMake(byModule, target.module.name, (): Target[] => []).push(target);
  }
  const newest = newestOfLines(published);
  const present = presentReleases(inputs);
  const withheld = new Map(
    inputs.suites.map((suite) => [suite.suite, withheldModules(suite, used)]),
  );
  const kept: KeptPackage[] = [];
  for (const entry of published) {
    const id = kernelId({ ...entry, version: entry.kernelVersion });
    const target = targetsOf
      .get(id)
      ?.get(entry.module)
      ?.find(({ suites }) => suites.includes(entry.suite));
    if (target?.module.version === entry.moduleVersion) {
      continue;
    }
    const why = withheld.get(entry.suite)?.get(entry.module);
    if (why !== undefined) {
      kept.push({
        ...keptOf(entry),
        verdict: 'retired',
        reason: `not published any more: ${why}`,
        since: inputs.now,
      });
      continue;
    }
    const isNewest = compareVersions(entry.kernelVersion, newest.get(lineOf(entry)) ?? '') >= 0;
    const left = present.has(releaseOf(entry)) ? undefined : inputs.left.get(id);
    kept.push(judgeEntry(entry, left, isNewest, target, inputs));
  }
  return kept.toSorted((a, b) => compareText(a.suite, b.suite) || compareText(a.id, b.id));
}

/**
 * @param left since when its kernel is in no suite; undefined when it is in some
 * @param target of the version that is to take its place
 */
function judgeEntry(
  entry: PublishedModule,
  left: string | undefined,
  isNewest: boolean,
  target: Target | undefined,
  { policy: { graceDays }, now }: PlanInputs,
): KeptPackage {
  const { since } = entry;
  const kept = keptOf(entry);
  if (left === undefined) {
    const reason =
      target === undefined
        ? 'stays as long as Debian has its kernel'
        : `stays as long as ${target.module.version} is ${target.verdict}`;
    return { ...kept, verdict: 'published', reason, since };
  }
  const gone = `its kernel has left Debian on ${left.slice(0, 10)}`;
  if (isNewest) {
    const reason = `${gone}; stays as the newest of its flavour`;
    return { ...kept, verdict: 'published', reason, since };
  }
  const until = Date.parse(left) + graceDays * DAY;
  return Date.parse(now) > until
    ? {
        ...kept,
        verdict: 'retired',
        reason: `${gone}, more than ${graceDays} days ago`,
        since: now,
      }
    : {
        ...kept,
        verdict: 'published',
        reason: `${gone}; stays until ${new Date(until).toISOString().slice(0, 10)}`,
        since,
      };
}

function keptOf(entry: PublishedModule): Omit<KeptPackage, 'verdict' | 'reason' | 'since'> {
  const { suite, id, module, moduleVersion, release, architecture } = entry;
  return { suite, id, module, moduleVersion, release, architecture };
}

/**
 * Modules that the configuration keeps out of a suite in whatever version, or that are built on such a one.
 *
 * @returns module → why
 */
export function withheldModules(
  { suite, modules }: Pick<PlanSuite, 'suite' | 'modules'>,
  targets: Iterable<Target>,
): ReadonlyMap<string, string> {
  const withheld = new Map<string, string>();
  for (const { name, candidates } of modules) {
    const why = withheldReason(candidates);
    if (why !== undefined) {
      withheld.set(name, why);
    }
  }
  for (const { module, builtOn, suites, withheld: why } of targets) {
    if (why !== undefined && builtOn.length > 0 && suites.includes(suite)) {
      withheld.set(module.name, withheld.get(module.name) ?? why);
    }
  }
  return withheld;
}

/** Why all versions of a module are kept out of the repository; undefined when one is not, or none is there. */
function withheldReason(candidates: readonly Pick<Module, 'withheld'>[]): string | undefined {
  const [first] = candidates;
  return candidates.every(({ withheld }) => withheld !== undefined) ? first?.withheld : undefined;
}

/** The newest of each line of each module of each suite: {@link lineOf} → kernel version. */
function newestOfLines(published: readonly PublishedModule[]): ReadonlyMap<string, string> {
  const newest = new Map<string, string>();
  for (const entry of published) {
    const line = lineOf(entry);
    const version = newest.get(line);
    if (version === undefined || compareVersions(entry.kernelVersion, version) > 0) {
      newest.set(line, entry.kernelVersion);
    }
  }
  return newest;
}

/** Releases that some suite has, in whatever version: machines that run them are not stranded. */
function presentReleases({ suites, present: known = [] }: PlanInputs): ReadonlySet<string> {
  const present = new Set<string>();
  for (const kernel of known) {
    present.add(releaseOf(kernel));
  }
  for (const { kernels } of suites) {
    for (const { kernel } of kernels) {
      present.add(releaseOf(kernel));
    }
  }
  return present;
}

function lineOf({ suite, module, line }: PublishedModule): string {
  return `${suite}\u0000${module}\u0000${line}`;
}

function releaseOf({ release, architecture }: { release: string; architecture: string }): string {
  return `${release}/${architecture}`;
}
