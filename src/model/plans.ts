import type { Kernel } from './kernels.ts';
import type { Module } from './modules.ts';
import type { BuildRecord } from './records.ts';
import type { Verdict } from './verdicts.ts';

/** Why a target has to be built. */
export type BuildCause =
  | 'new kernel'
  | 'new module version'
  | 'new patch'
  | 'new toolchain'
  | 'retry';

/** A version that was preferred to the one that is used, and why it is not used. */
export interface PassedOver {
  version: string;
  /** The archive's suite that it is from. */
  from: string;
  verdict: Verdict;
  reason: string;
}

/** A module version × a kernel: the unit of planning, with the one verdict that is true of it. */
export interface Target {
  module: Module;
  kernel: Kernel;
  /** The published suites that get it, sorted. */
  suites: string[];
  /** The published suites that the kernel is expected in: built for them, not published there yet. Sorted. */
  ahead: string[];
  /** Undefined when the kernel has no headers. */
  key: string | undefined;
  verdict: Verdict;
  reason: string;
  /** Why it is queued; undefined for every other verdict. */
  cause: BuildCause | undefined;
  /** Why it can't be built on this machine, in words; undefined when it can or need not be. */
  waitsFor: string | undefined;
  /** The builds of other modules that it is or will be built on (BUILD_DEPENDS); empty for nearly all. */
  builtOn: readonly BuildRecord[];
  /** Why it is kept out of the repository: its module is, or one that it is built on. Undefined when it is published. */
  withheld: string | undefined;
  /** ISO 8601, UTC: since when the verdict holds. */
  since: string;
  record: BuildRecord | undefined;
  passedOver: PassedOver[];
}

/** A module package that is published for a kernel that no target is for: superseded, or no longer in Debian. */
export interface KeptPackage {
  suite: string;
  /** `name:architecture`, by which publications are kept. */
  id: string;
  module: string;
  moduleVersion: string;
  release: string;
  architecture: string;
  /** `retired`: the next publication leaves it out. */
  verdict: 'published' | 'retired';
  reason: string;
  since: string;
}

/** A module that a published suite should have, and no archive of it has. */
export interface AbsentModule {
  suite: string;
  module: string;
  package: string;
  /** The one architecture that the package is missing on; undefined when the suite has it on none. */
  architecture: string | undefined;
}

/** What a run would do. */
export interface Plan {
  targets: Target[];
  kept: KeptPackage[];
  absent: AbsentModule[];
}

/** A target or a kept package as `plan --json` and `status --json` show it. */
export interface TargetView {
  module: string;
  moduleVersion: string;
  release: string;
  architecture: string;
  suites: string[];
  verdict: Verdict;
  reason: string;
  since: string;
  /** Absent where it has nothing to say. */
  cause?: BuildCause;
  ahead?: string[];
  from?: string;
  passedOver?: PassedOver[];
  /** The kernel's indices can't be read; what is said is of this instant. */
  unseenSince?: string;
}
