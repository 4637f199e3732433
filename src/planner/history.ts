import { compareText } from '../core/compare.ts';
import type { Kernel } from '../model/kernels.ts';
import type { Module } from '../model/modules.ts';
import type { BuildCause } from '../model/plans.ts';
import type { BuildRecord } from '../model/records.ts';
import { getOrMake } from './names.ts';

const NONE: readonly BuildRecord[] = [];

/** Whether a record speaks rather than another that is as good: the newer, the same one whatever their order. */
function isNewer(record: BuildRecord, other: BuildRecord): boolean {
  const order = compareText(record.finished, other.finished);
  return order > 0 || (order === 0 && record.key < other.key);
}

/** Outcomes that compiler and tools have no part in, and good builds: they hold when only these have changed. */
function outlivesToolchain({ outcome }: BuildRecord): boolean {
  return outcome !== 'failed' && outcome !== 'broken';
}

/** What the ledger's records say of targets. */
export class History {
  readonly #byKey = new Map<string, BuildRecord>();
  /** Of each inputs the record that speaks for them with any toolchain. */
  readonly #goodByInputs = new Map<string, BuildRecord>();
  /** Name that the dkms.conf gives, then release: builds that others can be made on. */
  readonly #builtAs = new Map<string, Map<string, BuildRecord[]>>();
  /** Module, then release. */
  readonly #byTarget = new Map<string, Map<string, BuildRecord[]>>();
  /** Key → suites. */
  readonly #publishedIn: ReadonlyMap<string, ReadonlySet<string>>;

  constructor(
    records: readonly BuildRecord[],
    publishedIn: ReadonlyMap<string, ReadonlySet<string>>,
  ) {
    this.#publishedIn = publishedIn;
    for (const record of records) {
      this.#byKey.set(record.key, record);
      if (record.inputs !== '' && outlivesToolchain(record)) {
        const known = this.#goodByInputs.get(record.inputs);
        if (known === undefined || this.#isBetter(record, known)) {
          this.#goodByInputs.set(record.inputs, record);
        }
      }
      addTo(getOrMake(this.#byTarget, record.module, newMap), record);
      if (record.outcome === 'built' && record.dkms !== undefined) {
        addTo(getOrMake(this.#builtAs, record.dkms.name, newMap), record);
      }
    }
  }

  /** The record of exactly this key. */
  exact(key: string): BuildRecord | undefined {
    return this.#byKey.get(key);
  }

  /**
   * The record that decides when good ones of other toolchains count: the published, that of the present key, the
   * newest.
   */
  ofAnyToolchain(key: string, inputs: string): BuildRecord | undefined {
    const good = this.#goodByInputs.get(inputs);
    const exact = this.#byKey.get(key);
    if (good === undefined) {
      return exact;
    }
    return exact === undefined || this.#publishedIn.has(good.key) || !outlivesToolchain(exact)
      ? good
      : exact;
  }

  /** Whether a suite has the build of a key. */
  isPublishedIn(suite: string, key: string): boolean {
    return this.#publishedIn.get(key)?.has(suite) === true;
  }

  /**
   * The builds for a kernel of the modules whose dkms.conf gives a name, newest first; also before they are published,
   * so that what is built on them is published with them.
   */
  builtAs(name: string, { release, architecture, version }: Kernel): BuildRecord[] {
    return (this.#builtAs.get(name)?.get(release) ?? NONE)
      .filter((record) => record.architecture === architecture && record.kernelVersion === version)
      .toSorted((a, b) => (isNewer(a, b) ? -1 : 1));
  }

  /** What counts of a kernel whose headers are gone, and so its key: a build, or what holds with any toolchain. */
  withoutHeaders(module: Module, kernel: Kernel): BuildRecord | undefined {
    let best: BuildRecord | undefined;
    for (const record of this.#of(module, kernel)) {
      if (
        isOf(record, module, kernel) &&
        outlivesToolchain(record) &&
        (best === undefined || this.#isBetter(record, best))
      ) {
        best = record;
      }
    }
    return best;
  }

  /**
   * Why a target is to be built that has no record of its key.
   *
   * @param inputs of the target
   * @param passedOver versions of the module that were tried and are not used: that one of them was built before does
   *   not make this one a new version
   */
  causeOf(
    module: Module,
    kernel: Kernel,
    inputs: string,
    passedOver: ReadonlySet<string>,
  ): { cause: BuildCause; reason: string } {
    const earlier = this.#of(module, kernel);
    const same = earlier.filter((record) => isOf(record, module, kernel));
    if (same.some((record) => record.inputs === inputs)) {
      return { cause: 'new toolchain', reason: 'new toolchain' };
    }
    if (same.length > 0) {
      const why = same.every((record) => record.inputs === '')
        ? 'what it was built from is not known'
        : 'source, options, headers or recipe differ';
      return { cause: 'new patch', reason: `new patch: ${why}` };
    }
    const last = newest(earlier, () => true);
    if (!earlier.some((record) => record.kernelVersion === kernel.version)) {
      const after = last === undefined ? '' : `: ${kernel.version} after ${last.kernelVersion}`;
      return { cause: 'new kernel', reason: `new kernel${after}` };
    }
    const before = newest(
      earlier,
      ({ kernelVersion, moduleVersion }) =>
        kernelVersion === kernel.version && !passedOver.has(moduleVersion),
    );
    return before === undefined
      ? { cause: 'new kernel', reason: 'new kernel' }
      : {
          cause: 'new module version',
          reason: `new module version: ${module.version} after ${before.moduleVersion}`,
        };
  }

  /** Published ones stay; a build that was made counts before what another toolchain said. */
  #isBetter(record: BuildRecord, other: BuildRecord): boolean {
    const isPublished = this.#publishedIn.has(record.key);
    if (isPublished !== this.#publishedIn.has(other.key)) {
      return isPublished;
    }
    const isBuilt = record.outcome === 'built';
    return isBuilt === (other.outcome === 'built') ? isNewer(record, other) : isBuilt;
  }

  #of({ name }: Module, { release, architecture }: Kernel): readonly BuildRecord[] {
    const ofRelease = this.#byTarget.get(name)?.get(release) ?? NONE;
    return ofRelease.every((record) => record.architecture === architecture)
      ? ofRelease
      : ofRelease.filter((record) => record.architecture === architecture);
  }
}

function addTo(byRelease: Map<string, BuildRecord[]>, record: BuildRecord): void {
  const earlier = byRelease.get(record.release);
  if (earlier === undefined) {
    byRelease.set(record.release, [record]);
  } else {
    earlier.push(record);
  }
}

function newMap(): Map<string, BuildRecord[]> {
  return new Map();
}

function isOf(record: BuildRecord, module: Module, kernel: Kernel): boolean {
  return record.moduleVersion === module.version && record.kernelVersion === kernel.version;
}

function newest(
  records: readonly BuildRecord[],
  isMeant: (record: BuildRecord) => boolean,
): BuildRecord | undefined {
  let best: BuildRecord | undefined;
  for (const record of records) {
    if (isMeant(record) && (best === undefined || isNewer(record, best))) {
      best = record;
    }
  }
  return best;
}
