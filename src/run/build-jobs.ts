import type { Job } from '../engine/engine.ts';
import type { Target } from '../model/plans.ts';
import type { BuildRecord } from '../model/records.ts';
import type { Context } from './context.ts';
import { executeTarget } from './execute-target.ts';
import type { TreesOfArchives } from './kernel-trees.ts';
import type { Survey } from './survey.ts';

/** What a module that was never built is expected to take, in seconds a byte of its package. */
const SECONDS_A_BYTE = 1 / 5000;

/** Wall seconds that targets are expected to take: what their module took last, else a guess by its size. */
export class Expectations {
  readonly #last = new Map<string, number>();

  /** @param records oldest first */
  constructor(records: readonly BuildRecord[]) {
    for (const record of records) {
      this.note(record);
    }
  }

  note({ outcome, module, seconds }: BuildRecord): void {
    if (outcome === 'built') {
      this.#last.set(module, seconds);
    }
  }

  of({ module }: Target): number {
    return this.#last.get(module.name) ?? module.source.size * SECONDS_A_BYTE;
  }
}

export interface JobOptions {
  trees: TreesOfArchives;
  expectations: Expectations;
  /** Targets of a lower rank begin first; the longest unless given. */
  rankOf?: ((target: Target, seconds: number) => number) | undefined;
  /** Waits for what the target's build needs and others need too. */
  prepared?: ((target: Target) => Promise<void>) | undefined;
  /** Called when a build has left its record. */
  onBuilt: (record: BuildRecord, target: Target) => void;
}

/** The job of a target's build, which leaves its record in the ledger. @param key the target's */
export function buildJob(
  context: Context,
  survey: Survey,
  [key, target]: readonly [key: string, target: Target],
  { trees, expectations, rankOf, prepared, onBuilt }: JobOptions,
): Job {
  const { emit } = context;
  const { module, kernel } = target;
  const weight = expectations.of(target);
  return {
    ...{ id: key, weight, rank: rankOf?.(target, weight) ?? 0 },
    async run() {
      await prepared?.(target);
      emit({ type: 'target-started', module: module.name, release: kernel.release });
      const kernelTrees = trees.of(survey.archiveOf(kernel));
      const record = await executeTarget(context, survey, target, key, kernelTrees);
      expectations.note(record);
      emit({
        type: 'target-done',
        module: module.name,
        release: kernel.release,
        verdict: record.outcome,
        reason: record.reason,
        seconds: record.seconds,
      });
      onBuilt(record, target);
    },
  };
}
