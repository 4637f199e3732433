import type { Kernel } from '../model/kernels.ts';
import type { Module } from '../model/modules.ts';
import type { Plan, Target } from '../model/plans.ts';
import type { BuildRecord } from '../model/records.ts';
import type { Verdict } from '../model/verdicts.ts';

export interface PlanInputs {
  kernels: readonly Kernel[];
  modules: readonly Module[];
  /** The build key of a target; undefined when the kernel has no headers. */
  keyOf: (module: Module, kernel: Kernel) => string | undefined;
  /** Every record of the ledger. */
  records: readonly BuildRecord[];
  /** Keys of the builds that are published, with the instant since when (ISO 8601). */
  published: ReadonlyMap<string, string>;
  /** Keys that are being built now. */
  building: ReadonlySet<string>;
  /** When each kernel was first seen: `release/architecture` → ISO 8601. */
  firstSeen: ReadonlyMap<string, string>;
}

/** The name under which a kernel's first sight is kept. */
export function kernelId(kernel: Pick<Kernel, 'release' | 'architecture'>): string {
  return `${kernel.release}/${kernel.architecture}`;
}

interface Judgement {
  verdict: Verdict;
  reason: string;
  since: string;
}

/** What a finished record says of its target. */
function judgeRecord(record: BuildRecord, published: ReadonlyMap<string, string>): Judgement {
  const since = record.finished;
  switch (record.outcome) {
    case 'built': {
      const publishedSince = published.get(record.key);
      return publishedSince === undefined
        ? { verdict: 'built', reason: record.reason, since }
        : { verdict: 'published', reason: record.reason, since: publishedSince };
    }
    case 'broken':
      return { verdict: 'queued', reason: `retry after: ${record.reason}`, since };
    case 'excluded':
    case 'failed':
    case 'in-tree':
      return { verdict: record.outcome, reason: record.reason, since };
  }
}

/** Why a target without a record of its key has to be built. */
function reasonToBuild(module: Module, earlier: readonly BuildRecord[]): string {
  if (earlier.length === 0) {
    return 'new kernel';
  }
  return earlier.some((record) => record.moduleVersion === module.version)
    ? 'new toolchain'
    : 'new module version';
}

/**
 * What is true of every module × kernel, and so what a run would do. Pure: the same inputs in any order give the same
 * plan.
 *
 * @returns targets sorted by module, then as the kernels are ordered by release
 */
export function makePlan(inputs: PlanInputs): Plan {
  const byKey = new Map(inputs.records.map((record) => [record.key, record]));
  const byTarget = new Map<string, BuildRecord[]>();
  for (const record of inputs.records) {
    const id = targetId(record.module, record.release, record.architecture);
    byTarget.set(id, [...(byTarget.get(id) ?? []), record]);
  }
  const targets = inputs.modules.flatMap((module) =>
    inputs.kernels.map((kernel): Target => {
      const key = inputs.keyOf(module, kernel);
      const earlier =
        byTarget.get(targetId(module.name, kernel.release, kernel.architecture)) ?? [];
      const seen = inputs.firstSeen.get(kernelId(kernel)) ?? new Date(0).toISOString();
      const record = key === undefined ? newestBuilt(module, earlier) : byKey.get(key);
      const isOver = record !== undefined && record.outcome !== 'broken';
      if (!isOver && key !== undefined && inputs.building.has(key)) {
        return { module, kernel, key, record, verdict: 'building', reason: 'in work', since: seen };
      }
      if (record !== undefined) {
        return { module, kernel, key, record, ...judgeRecord(record, inputs.published) };
      }
      if (key === undefined) {
        const reason = 'the archive has no headers for this kernel any more';
        return { module, kernel, key, record, verdict: 'headers-gone', reason, since: seen };
      }
      const reason = reasonToBuild(module, earlier);
      return { module, kernel, key, record, verdict: 'queued', reason, since: seen };
    }),
  );
  return { targets: targets.toSorted(compareTargets) };
}

/** A build from when the kernel still had headers. */
function newestBuilt(module: Module, records: readonly BuildRecord[]): BuildRecord | undefined {
  return records
    .filter((record) => record.outcome === 'built' && record.moduleVersion === module.version)
    .toSorted((a, b) => compareText(b.finished, a.finished) || compareText(a.key, b.key))[0];
}

function targetId(module: string, release: string, architecture: string): string {
  return `${module}\u0000${release}\u0000${architecture}`;
}

function compareText(left: string, right: string): number {
  return left < right ? -1 : left > right ? 1 : 0;
}

function compareTargets(a: Target, b: Target): number {
  return (
    compareText(a.module.name, b.module.name) ||
    compareText(a.kernel.architecture, b.kernel.architecture) ||
    compareText(a.kernel.flavour, b.kernel.flavour) ||
    compareText(b.kernel.release, a.kernel.release)
  );
}
