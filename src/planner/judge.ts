import type { Kernel } from '../model/kernels.ts';
import type { Module } from '../model/modules.ts';
import type { PassedOver, Target } from '../model/plans.ts';
import type { BuildRecord } from '../model/records.ts';
import type { Verdict } from '../model/verdicts.ts';
import { candidatesFor } from './candidates.ts';
import { type Dependency, findDependency, hashOnTopOf } from './dependencies.ts';
import { History } from './history.ts';
import { getOrMake, kernelId, moduleId } from './names.ts';
import type { PlanInputs, PlanPolicy, PlanSuite } from './plan.ts';

/** The version that a suite uses for a kernel. */
export interface Choice {
  /** As the suite has it; another suite may have the same version. */
  module: Module;
  target: Target;
  passedOver: readonly PassedOver[];
}

/** Why a target has its verdict. */
type Ground = Pick<Target, 'reason' | 'since' | 'record'>;

/** A module version that is built on others, which differ by suite: what holds whichever they are. */
interface OnTop {
  module: Module;
  kernel: Kernel;
  key: string;
  inputs: string;
  /** What its evaluation without them said. */
  blocked: BuildRecord;
}

const NO_RECORDS: readonly BuildRecord[] = [];
const NOTHING: readonly PassedOver[] = [];

/** Whether a version can be used for a kernel, or may turn out so. */
export function isUsable({ verdict }: Pick<Target, 'verdict'>): boolean {
  return verdict !== 'failed' && verdict !== 'excluded' && verdict !== 'headers-gone';
}

/** Judges module versions for kernels by what the ledger knows; each pair once. */
export class Judge {
  readonly #inputs: PlanInputs;
  readonly #history: History;
  readonly #moduleIds = new Map<Module, string>();
  readonly #kernelIds = new Map<Kernel, string>();
  /** {@link publicationIdOf}, then {@link kernelId}. */
  readonly #judged = new Map<string, Map<string, Target | OnTop>>();
  /** Targets of modules that are built on others, by these too. */
  readonly #onTop = new Map<OnTop, Map<string, Target>>();
  /** Modules of a suite and kernel whose version is being found. */
  readonly #choosing = new Set<string>();

  constructor(inputs: PlanInputs) {
    this.#inputs = inputs;
    const published = new Map<string, Set<string>>();
    for (const { key, suite } of inputs.published) {
      if (key !== undefined) {
        getOrMake(published, key, () => new Set<string>()).add(suite);
      }
    }
    this.#history = new History(inputs.records, published);
  }

  /**
   * The version that a suite uses for a kernel: the first that builds; versions before it are passed over. As long as it
   * is not known whether a version builds, it is the one. When none builds, the first that failed speaks for all.
   *
   * @param candidates at least one, in order of preference
   */
  choose(candidates: readonly Module[], kernel: Kernel, suite: PlanSuite): Choice {
    let refused: { module: Module; target: Target }[] | undefined;
    for (const module of candidates) {
      const target = this.#judge(module, kernel, suite);
      if (isUsable(target)) {
        return { module, target, passedOver: refused?.map(passOver) ?? NOTHING };
      }
      refused ??= [];
      refused.push({ module, target });
    }
    const speaker = refused?.find(({ target }) => target.verdict === 'failed') ?? refused?.[0];
    if (refused === undefined || speaker === undefined) {
      throw new Error('a choice without candidates');
    }
    const others = refused.filter(({ target }) => target !== speaker.target);
    return { ...speaker, passedOver: others.map(passOver) };
  }

  /**
   * What is true of a module version × kernel: the same object at each question, and for each suite but where it is
   * built on others.
   */
  #judge(module: Module, kernel: Kernel, suite: PlanSuite): Target {
    const targets = getOrMake(
      this.#judged,
      getOrMake(this.#moduleIds, module, publicationIdOf),
      () => new Map<string, Target | OnTop>(),
    );
    const id = getOrMake(this.#kernelIds, kernel, kernelId);
    let judged = targets.get(id);
    if (judged === undefined) {
      judged = this.#judgeAnew(module, kernel, id);
      targets.set(id, judged);
    }
    return 'blocked' in judged ? this.#judgeOnTop(judged, suite) : judged;
  }

  /** Says why a queued target has to be built; after it is known for which suites which versions are passed over. */
  explain(target: Target): void {
    const { module, kernel, record } = target;
    if (record === undefined && target.builtOn.length > 0) {
      target.cause = 'retry';
      target.reason = `what it is built on is there: ${target.builtOn.map((on) => on.dkms?.name).join(', ')}`;
    } else if (record === undefined) {
      const passedOver = new Set(target.passedOver.map(({ version }) => version));
      const inputs = this.#inputs.inputsOf(module, kernel) ?? '';
      Object.assign(target, this.#history.causeOf(module, kernel, inputs, passedOver));
    } else {
      target.cause = 'retry';
      target.reason = `retry after: ${record.reason}`;
    }
  }

  #judgeAnew(module: Module, kernel: Kernel, id: string): Target | OnTop {
    const { inputsOf, keyOf, building, waitsFor, policy, now } = this.#inputs;
    const key = keyOf(module, kernel);
    const inputs = key === undefined ? undefined : inputsOf(module, kernel);
    const seen = this.#inputs.firstSeen.get(id) ?? now;
    const provided = `${module.name}-modules`;
    if (kernel.provides.includes(provided)) {
      const reason = `the kernel brings it: its metapackage provides ${provided}`;
      const ground = { reason, since: seen, record: undefined };
      return makeTarget(module, kernel, undefined, 'in-tree', ground);
    }
    if (key === undefined || inputs === undefined) {
      return this.#judgeWithoutHeaders(module, kernel, seen);
    }
    const record = this.#recordOf(key, inputs, policy);
    if (record?.outcome === 'blocked') {
      return { module, kernel, key, inputs, blocked: record };
    }
    if (record !== undefined && record.outcome !== 'broken') {
      // Building again would be under the present key; what counts is the record that holds.
      return makeTarget(module, kernel, record.key, record.outcome, groundOf(record));
    }
    if (building.has(key)) {
      const ground = { reason: 'in work', since: seen, record };
      return makeTarget(module, kernel, key, 'building', ground);
    }
    const ground = { reason: '', since: record?.finished ?? seen, record };
    const target = makeTarget(module, kernel, key, 'queued', ground);
    target.waitsFor = waitsFor(kernel);
    return target;
  }

  #recordOf(key: string, inputs: string, { toolchain }: PlanPolicy): BuildRecord | undefined {
    return toolchain === 'rebuild'
      ? this.#history.exact(key)
      : this.#history.ofAnyToolchain(key, inputs);
  }

  /** What a suite has of a kernel, for what is built on it. */
  #dependency(name: string, kernel: Kernel, suite: PlanSuite): Dependency | undefined {
    const choose = (module: string): Choice | undefined => {
      const entry = suite.modules.find((other) => other.name === module);
      const candidates = entry === undefined ? [] : candidatesFor(entry, kernel.architecture);
      const id = `${suite.suite}\u0000${module}\u0000${kernelId(kernel)}`;
      // Modules that need each other have no first one.
      if (candidates.length === 0 || this.#choosing.has(id)) {
        return undefined;
      }
      this.#choosing.add(id);
      const choice = this.choose(candidates, kernel, suite);
      this.#choosing.delete(id);
      return choice;
    };
    return findDependency(name, { suite: suite.suite, kernel, choose }, this.#history);
  }

  /** A module that is built on others: its key and inputs are made of theirs too. */
  #judgeOnTop(own: OnTop, suite: PlanSuite): Target {
    const { module, kernel } = own;
    const known = getOrMake(this.#onTop, own, () => new Map<string, Target>());
    let { blocked } = own;
    let needs = blocked.needs ?? [];
    for (;;) {
      const found = needs.map((name) => this.#dependency(name, kernel, suite));
      const missing = needs.filter((_name, at) => found[at] === undefined);
      if (missing.length > 0) {
        const names = missing.join(', ');
        const reason = `dkms.conf: BUILD_DEPENDS: it is built on ${names}, not built for this kernel`;
        const ground = { reason, since: blocked.finished, record: blocked };
        return getOrMake(known, names, () =>
          makeTarget(module, kernel, own.key, 'blocked', ground),
        );
      }
      const dependencies = found.filter((entry) => entry !== undefined);
      const builtOn = dependencies.map(({ record }) => record);
      const key = hashOnTopOf(own.key, keysOf(builtOn));
      const inputs = hashOnTopOf(own.inputs, inputsOfAll(builtOn));
      const record = this.#recordOf(key, inputs, this.#inputs.policy);
      const all = [...new Set([...needs, ...(record?.needs ?? [])])];
      if (record?.outcome === 'blocked' && all.length > needs.length) {
        // With these there its dkms.conf names more.
        blocked = record;
        needs = all;
        continue;
      }
      const withheld = module.withheld ?? withheldByOf(dependencies);
      const last = builtOn.reduce((a, b) => (b.finished > a ? b.finished : a), blocked.finished);
      return getOrMake(known, `${key} ${withheld ?? ''}`, () => {
        const target = this.#makeOnTop(own, key, record, last);
        return Object.assign(target, { builtOn, withheld });
      });
    }
  }

  /** @param last when the last of what it is built on was */
  #makeOnTop(
    { module, kernel }: OnTop,
    key: string,
    record: BuildRecord | undefined,
    last: string,
  ): Target {
    if (record !== undefined && record.outcome !== 'broken') {
      return makeTarget(module, kernel, record.key, record.outcome, groundOf(record));
    }
    const since = record?.finished ?? last;
    if (this.#inputs.building.has(key)) {
      return makeTarget(module, kernel, key, 'building', { reason: 'in work', since, record });
    }
    const target = makeTarget(module, kernel, key, 'queued', { reason: '', since, record });
    target.waitsFor = this.#inputs.waitsFor(kernel);
    return target;
  }

  /** Headers are gone: what was built when they were there counts, and what the kernel says of itself. */
  #judgeWithoutHeaders(module: Module, kernel: Kernel, seen: string): Target {
    const record = this.#history.withoutHeaders(module, kernel);
    if (record !== undefined && record.outcome !== 'blocked') {
      return makeTarget(module, kernel, undefined, record.outcome, groundOf(record));
    }
    const gone = this.#inputs.headersGone.get(kernelId(kernel));
    const when = gone === undefined ? '' : `, since ${gone.slice(0, 10)}`;
    const reason = `the archive has no headers for this kernel any more${when}`;
    const ground = { reason, since: gone ?? seen, record: undefined };
    return makeTarget(module, kernel, undefined, 'headers-gone', ground);
  }
}

function keysOf(records: readonly BuildRecord[]): string[] {
  return records.map(({ key }) => key);
}

function inputsOfAll(records: readonly BuildRecord[]): string[] {
  return records.map(({ inputs }) => inputs);
}

function groundOf(record: BuildRecord): Ground {
  return { reason: record.reason, since: record.finished, record };
}

/** All targets are made here, so that all have the same fields in the same order: tens of thousands are kept. */
function makeTarget(
  module: Module,
  kernel: Kernel,
  key: string | undefined,
  verdict: Verdict,
  { reason, since, record }: Ground,
): Target {
  return {
    module,
    kernel,
    suites: [],
    ahead: [],
    key,
    verdict,
    reason,
    cause: undefined,
    waitsFor: undefined,
    builtOn: NO_RECORDS,
    withheld: module.withheld,
    since,
    record,
    passedOver: [],
  };
}

/** A module version, and whether it is published: one suite may have it from another component than the next. */
function publicationIdOf(module: Module): string {
  return `${moduleId(module)}\u0000${module.withheld ?? ''}`;
}

/** Why a module is not published that is built on others which are not. */
function withheldByOf(dependencies: readonly Dependency[]): string | undefined {
  const found = dependencies.find(({ withheld }) => withheld !== undefined);
  return (
    found && `it is built on ${found.record.module}, which is not published: ${found.withheld}`
  );
}

function passOver({ module, target }: { module: Module; target: Target }): PassedOver {
  const { verdict, reason } = target;
  return { version: module.version, from: module.from, verdict, reason };
}
