/** When something that builds wait for was first seen in a published suite. */
export type Arrival = {
  /** ISO 8601, UTC, as every instant here. */
  at: string;
  suite: string;
  /** `Date` of the Release file that had it then; undefined where that is not known, or no archive had it. */
  released?: string | undefined;
} & (
  | { type: 'kernel'; release: string; architecture: string; version: string }
  | { type: 'module'; module: string; version: string }
);

/** A module version × a kernel in one published suite. */
export interface TargetName {
  suite: string;
  module: string;
  moduleVersion: string;
  release: string;
  architecture: string;
  kernelVersion: string;
}

/** How a target fared. `published`: its package is in the suite for the first time. */
export type Outcome = TargetName & { at: string } & (
    | { type: 'published' }
    /** The module does not compile for the kernel, and did before, or was not tried. */
    | { type: 'failed'; reason: string; key?: string | undefined }
    /** Some version of the module failed for the kernel before; this one does not. */
    | { type: 'mended' }
  );

/** How long a target took to be published. */
export interface Lag extends TargetName {
  published: string;
  /** When the later of kernel and module version was first seen in the suite. */
  seen: string;
  /** `Date` of the Release file that brought the later of them; undefined where it is not known. */
  released?: string | undefined;
  /**
   * Both were there when the suite was looked at for the first time, or the module was new in the configuration: what it
   * took says nothing of how fast a change is followed.
   */
  isCatchUp: boolean;
}
