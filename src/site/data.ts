import type { AbsentModule, BuildCause } from '../model/plans.ts';
import type { Lag, Outcome } from '../model/timeline.ts';
import type { Verdict } from '../model/verdicts.ts';

/** A kernel as the site shows it. */
export interface SiteKernel {
  release: string;
  architecture: string;
  version: string;
  flavour: string;
  abi: string;
  /** Source package of the image; kernels of one source and flavour follow each other. */
  source: string;
  /** The published suites that have it → the metapackages there that point to it, without `linux-image-`. */
  suites: ReadonlyMap<string, readonly string[]>;
  /** ISO 8601, UTC, as every instant here; undefined where it is not known. */
  first: string | undefined;
  /** Since when no suite has it. */
  left: string | undefined;
  /** Its indices can't be read; what is said is of this instant. */
  unseenSince: string | undefined;
}

/** A build that the ledger has a record of. */
export interface SiteBuild {
  /** The build key, hex. */
  key: string;
  outcome: string;
  finished: string;
  seconds: number;
  attempts: number;
}

/** A version that was preferred, and is not used. */
export interface SitePassedOver {
  version: string;
  from: string;
  verdict: Verdict;
  reason: string;
  build: SiteBuild | undefined;
}

/** A module version × a kernel: what is true of it, why, and who must act. */
export interface SiteCell {
  module: string;
  version: string;
  kernel: SiteKernel;
  /** The published suites that it is for, sorted. */
  suites: readonly string[];
  /** The published suites that the kernel is expected in. */
  ahead: readonly string[];
  verdict: Verdict;
  reason: string;
  action: string;
  since: string;
  cause: BuildCause | undefined;
  /** The archive's suite, or the kind of source, that the version is from; undefined for kept packages. */
  from: string | undefined;
  passedOver: readonly SitePassedOver[];
  build: SiteBuild | undefined;
}

export interface SiteModule {
  name: string;
  summary: string;
  homepage: string | undefined;
  /** Why it is kept out of the repository. */
  withheld: string | undefined;
  /** Newest first. */
  versions: readonly { version: string; from: string; source: string; component: string }[];
}

/** A tracking package that the repository has now, whatever the next builds will change. */
export interface SiteTracking {
  suite: string;
  module: string;
  architecture: string;
  /** The metapackage that it goes with, without `linux-image-`. */
  track: string;
}

/** Something that could not be read. */
export interface SiteProblem {
  what: string;
  message: string;
  /** When it could be read last. */
  lastGood: string | undefined;
}

/** All that the pages are made of. */
export interface SiteData {
  origin: string;
  /** Address of the repository's root, with a slash at its end. */
  url: string;
  /** File name for sources.list.d, without `.sources`. */
  slug: string;
  /** When it was gathered. */
  at: string;
  /** The published suites, in the configuration's order. */
  suites: readonly string[];
  kernels: readonly SiteKernel[];
  /** By module, architecture and flavour, newest kernels first. */
  cells: readonly SiteCell[];
  /** By name. */
  modules: readonly SiteModule[];
  /** What can be installed. */
  tracking: readonly SiteTracking[];
  absent: readonly AbsentModule[];
  problems: readonly SiteProblem[];
  /** Oldest first. */
  outcomes: readonly Outcome[];
  lags: readonly Lag[];
  /** Keys of the builds whose logs are there to be shown. */
  logs: ReadonlySet<string>;
}
