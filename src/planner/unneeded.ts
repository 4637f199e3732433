import type { PlanInputs } from './plan.ts';
import type { Target } from '../model/plans.ts';
import type { BuildRecord } from '../model/records.ts';
import { getOrMake, kernelId } from './names.ts';

/** A build that nothing asks for any more. */
export interface UnneededBuild {
  record: BuildRecord;
  reason: string;
}

export type UnneededInputs = Pick<
  PlanInputs,
  'records' | 'suites' | 'present' | 'left' | 'policy' | 'now'
> & {
  /** Keys of the builds that published packages are made of, in any suite. */
  published: ReadonlySet<string>;
};

const DAY = 24 * 60 * 60 * 1000;

/**
 * The builds that may go. One stays that a published package or a target is made of, or a build that stays; the newest
 * good one of each module for a kernel that Debian has, since its headers may be gone; and everything for the grace
 * period after its kernel has left, or after it was made.
 *
 * @param targets all targets of the plan
 * @returns in the order of the records
 */
export function unneededBuilds(
  inputs: UnneededInputs,
  targets: readonly Target[],
): UnneededBuild[] {
  const { records, policy, now } = inputs;
  const used = usedBuilds(inputs, targets);
  const newest = newestGood(records);
  const present = presentReleases(inputs);
  const oldest = Date.parse(now) - policy.graceDays * DAY;
  const unneeded: UnneededBuild[] = [];
  for (const record of records) {
    if (used.has(record.key)) {
      continue;
    }
    const left = inputs.left.get(kernelId({ ...record, version: record.kernelVersion }));
    const isPresent = present.has(releaseOf(record));
    if (!isPresent && left === undefined) {
      // Nobody has seen its kernel come or go.
      continue;
    }
    const reason =
      !isPresent && left !== undefined && Date.parse(left) < oldest
        ? `its kernel has left Debian on ${left.slice(0, 10)}, and no published package is made of it`
        : newest.get(moduleOf(record)) !== record && Date.parse(record.finished) < oldest
          ? `it was made on ${record.finished.slice(0, 10)}, and ${others(record)}`
          : undefined;
    if (reason !== undefined) {
      unneeded.push({ record, reason });
    }
  }
  return unneeded;
}

function others({ outcome }: BuildRecord): string {
  return outcome === 'built'
    ? 'a later build of the module has taken its place'
    : 'no target has its inputs any more';
}

function usedBuilds(
  { records, published }: UnneededInputs,
  targets: readonly Target[],
): ReadonlySet<string> {
  const passedOver = new Set<string>();
  const used = new Set(published);
  for (const { record, builtOn, module, kernel, passedOver: refused } of targets) {
    for (const entry of [record, ...builtOn]) {
      if (entry !== undefined) {
        used.add(entry.key);
      }
    }
    for (const { version } of refused) {
      passedOver.add([module.name, version, kernelId(kernel)].join('\0'));
    }
  }
  const known = new Map(records.map((record) => [record.key, record]));
  for (const record of records) {
    const kernel = kernelId({ ...record, version: record.kernelVersion });
    if (passedOver.has([record.module, record.moduleVersion, kernel].join('\0'))) {
      used.add(record.key);
    }
  }
  // A set grows while it is walked: what builds were made on is looked at in turn.
  for (const key of used) {
    for (const other of known.get(key)?.builtOn ?? []) {
      used.add(other.key);
    }
  }
  return used;
}

/** The good build of each module for each release that was made last. */
function newestGood(records: readonly BuildRecord[]): ReadonlyMap<string, BuildRecord> {
  const newest = new Map<string, BuildRecord>();
  for (const record of records.filter(({ outcome }) => outcome === 'built')) {
    const known = getOrMake(newest, moduleOf(record), () => record);
    if (record.finished > known.finished) {
      newest.set(moduleOf(record), record);
    }
  }
  return newest;
}

/** Releases that some suite has, in whatever version, or is expected to have. */
function presentReleases({ suites, present = [] }: UnneededInputs): ReadonlySet<string> {
  const kernels = suites.flatMap((suite) => suite.kernels.map(({ kernel }) => kernel));
  return new Set([...present, ...kernels].map(releaseOf));
}

function releaseOf({ release, architecture }: { release: string; architecture: string }): string {
  return `${release}/${architecture}`;
}

function moduleOf(record: BuildRecord): string {
  return `${record.module}\0${releaseOf(record)}`;
}
