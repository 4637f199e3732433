/** A module package that is published. */
export interface ModulePublication {
  suite: string;
  /** `name:architecture`, by which publications are kept. */
  id: string;
  /** The build key; undefined when it is not known. */
  key: string | undefined;
  module: string;
  moduleVersion: string;
  release: string;
  architecture: string;
  kernelVersion: string;
  /** Architecture, source and flavour of the kernel; undefined when they are not known. */
  line: string | undefined;
  /** ISO 8601, UTC. */
  since: string;
}
