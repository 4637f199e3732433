import type { Kernel } from './kernels.ts';
import type { Module } from './modules.ts';
import type { BuildRecord } from './records.ts';
import type { Verdict } from './verdicts.ts';

/** A module version × a kernel: the unit of planning, with the one verdict that is true of it. */
export interface Target {
  module: Module;
  kernel: Kernel;
  /** Undefined when the kernel has no headers. */
  key: string | undefined;
  verdict: Verdict;
  reason: string;
  /** ISO 8601, UTC: since when the verdict holds. */
  since: string;
  record: BuildRecord | undefined;
}

/** What a run would do. */
export interface Plan {
  targets: Target[];
}

/** A target as `plan --json` and `status --json` show it. */
export interface TargetView {
  module: string;
  moduleVersion: string;
  release: string;
  architecture: string;
  verdict: Verdict;
  reason: string;
  since: string;
}
