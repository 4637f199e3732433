import type { PackageRef } from './packages.ts';

/** What has to be unpacked, and what has to be installed beside it, to build for a kernel. */
export interface KernelHeaders {
  /** The headers package itself first, then common, kbuild and compiler packages of the same source. */
  packages: PackageRef[];
  /** Packages of other sources that these depend on (compiler, pahole, libraries), as apt would be asked for them. */
  requires: string[];
}

/** One kernel release on one architecture. */
export interface Kernel {
  /** What `uname -r` prints. */
  release: string;
  /** The release without its flavour. */
  abi: string;
  flavour: string;
  architecture: string;
  /** Version of the image package. */
  version: string;
  /** The archive's suites whose indices carry the image, sorted. */
  suites: string[];
  /**
   * The package a module package depends on: the one that brings the kernel's own modules. Only one: with
   * alternatives, apt answers the removal of a kernel by installing its unsigned twin.
   */
  image: string;
  /** Undefined when no suite carries the headers any more. */
  headers: KernelHeaders | undefined;
  /** Whether the flavour's metapackage, as a user of these suites gets it, points to this release. */
  newest: boolean;
}
