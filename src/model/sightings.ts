/** The one version of a kernel release on one architecture. */
export interface KernelName {
  release: string;
  architecture: string;
  version: string;
}

/** What is kept of a kernel, so that its packages can be shown after it has left. */
export interface KernelDescription {
  flavour: string;
  abi: string;
  /** Source package of the image. */
  source: string;
  /** The package that a module package depends on. */
  image: string;
}

/** A kernel as the published suites have it now. */
export interface SeenKernel extends KernelName, KernelDescription {
  hasHeaders: boolean;
  /**
   * Published suite → names of the metapackages ("tracks") that point to the kernel there. A key that is present says
   * that the suite has the kernel.
   */
  suites: Readonly<Record<string, readonly string[]>>;
}

/** The indices of a published suite for one architecture, all of them. */
export interface SuiteIndices {
  suite: string;
  architecture: string;
}

/** A kernel in a suite. */
export interface SuiteSighting {
  /** ISO 8601, UTC, as every instant here. */
  since: string;
  /** Sorted. */
  tracks: string[];
}

/** What was seen of a kernel until now. */
export interface KernelSighting extends KernelName, KernelDescription {
  first: string;
  /**
   * It was there then, by an index that was read well. It is brought up to date only when something is written
   * anyway: for a kernel that is in a suite it may lie far back.
   */
  last: string;
  /** The published suites that have it. */
  suites: Record<string, SuiteSighting>;
  headers: {
    state: 'there' | 'gone';
    /** When the state was noticed. */
    since: string;
    /** It never had headers while it was looked at. */
    neverSeen: boolean;
  };
  /** Since when it is in no suite; undefined while it is in one. */
  left?: string | undefined;
}

/** A kernel that a suite did not have before. */
export interface Appearance extends KernelName, KernelDescription {
  suite: string;
  /** No suite had it before. */
  isNew: boolean;
  /** When it was first seen; earlier than the change where that is known from elsewhere. */
  first: string;
  hasHeaders: boolean;
}

/** What is different from the time before. The changes of all runs add up to the sightings. */
export type KernelChange =
  | ({ type: 'appeared' } & Appearance)
  /** The suite had this release in another version. */
  | ({ type: 'new-version'; from: string } & Appearance)
  | ({ type: 'headers-back' | 'headers-gone' } & KernelName)
  | {
      /** What a metapackage of a suite points to. Undefined: the suite has no such metapackage. */
      type: 'track-moved';
      suite: string;
      architecture: string;
      track: string;
      from?: string | undefined;
      fromVersion?: string | undefined;
      to?: string | undefined;
      toVersion?: string | undefined;
    }
  /** `isLast`: it is in no suite any more. */
  | ({ type: 'left'; suite: string; isLast: boolean } & KernelName);

/** What one run found changed. */
export interface HistoryLine {
  /** 1, 2, 3 ...: only runs that found a change are counted. */
  run: number;
  at: string;
  changes: KernelChange[];
}
