import type { Kernel } from '../../model/kernels.ts';
import type { Plan, Target } from '../../model/plans.ts';
import type { BuildOutcome, BuildRecord } from '../../model/records.ts';
import { makePlan, type PlanInputs } from '../plan.ts';
import type { PublishedModule } from '../retire.ts';
import { makePublication } from './inputs.ts';

/** Does what plans say, as a run does, in plain maps. */
export class FakeLedger {
  readonly #records: Map<string, BuildRecord>;
  /** `suite id` → publication. */
  readonly #published: Map<string, PublishedModule>;

  constructor(records: readonly BuildRecord[] = [], published: readonly PublishedModule[] = []) {
    this.#records = new Map(records.map((record) => [record.key, record]));
    this.#published = new Map(published.map((entry) => [`${entry.suite} ${entry.id}`, entry]));
  }

  get records(): BuildRecord[] {
    return [...this.#records.values()];
  }

  get published(): PublishedModule[] {
    return [...this.#published.values()];
  }

  /** Notes a build of a queued target. */
  build(
    target: Target,
    outcome: BuildOutcome,
    { inputs, now }: { inputs: string | undefined; now: string },
  ): void {
    const { module, kernel, key = '' } = target;
    this.#records.set(key, {
      key,
      module: module.name,
      moduleVersion: module.version,
      release: kernel.release,
      architecture: kernel.architecture,
      kernelVersion: kernel.version,
      outcome,
      reason: `because ${outcome}`,
      started: now,
      finished: now,
      seconds: 60,
      modules: [],
      compression: 'xz',
      modulesDirectory: '/usr/lib/modules',
      headersSource: 'linux (= 6.12.117-1)',
      initramfs: false,
      sourceDateEpoch: 0,
      inputs: inputs ?? '',
      root: '',
      attempts: 1,
    });
  }

  /** Publishes every build in all its suites, and takes out what is retired. */
  publish({ targets, kept }: Plan, now: string): void {
    for (const { kernel, record, suites } of targets) {
      if (record?.outcome === 'built') {
        for (const suite of suites) {
          this.#put(suite, record, kernel, now);
        }
      }
    }
    for (const { suite, id, verdict } of kept) {
      if (verdict === 'retired') {
        this.#published.delete(`${suite} ${id}`);
      }
    }
  }

  #put(suite: string, record: BuildRecord, kernel: Kernel, now: string): void {
    const entry = makePublication(suite, record, kernel, now);
    const name = `${suite} ${entry.id}`;
    if (this.#published.get(name)?.key !== record.key) {
      this.#published.set(name, entry);
    }
  }
}

/**
 * Does what plans say until they say nothing more.
 *
 * @param outcomes of the builds, in turn
 */
export function settle(
  given: PlanInputs,
  outcomes: readonly BuildOutcome[],
): { inputs: PlanInputs; plan: Plan } {
  const ledger = new FakeLedger(given.records, given.published);
  const inputsNow = (): PlanInputs => ({
    ...given,
    building: new Set(),
    records: ledger.records,
    published: ledger.published,
  });
  let plan = makePlan(inputsNow());
  let built = 0;
  for (let rounds = 0; rounds < 20; rounds += 1) {
    for (const target of plan.targets.filter(({ verdict }) => verdict === 'queued')) {
      ledger.build(target, outcomes[built % outcomes.length] ?? 'built', {
        inputs: given.inputsOf(target.module, target.kernel),
        now: given.now,
      });
      built += 1;
    }
    ledger.publish(plan, given.now);
    const next = makePlan(inputsNow());
    if (JSON.stringify(next) === JSON.stringify(plan)) {
      return { inputs: inputsNow(), plan };
    }
    plan = next;
  }
  throw new Error('the plan never ends');
}
