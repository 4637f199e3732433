import type { PackageRef } from './packages.ts';

/** What has to be unpacked, and what has to be installed beside it, to build for a kernel. */
export interface KernelHeaders {
  /** The headers package itself first, then common and compiler packages of the same source. */
  packages: PackageRef[];
  /** kbuild's programs, of the architecture of the machine that builds: tools, as the compiler is. */
  tools: PackageRef[];
  /** A kbuild package that the building machine's architecture lacks: until it is there nothing can be built. */
  missing: string | undefined;
  /** Packages of other sources that these depend on (compiler, pahole, libraries), as apt would be asked for them. */
  requires: string[];
  /** The published suite whose archives carry them: its apt puts the build root together. */
  suite: string;
}

/** One kernel release on one architecture, in one version. */
export interface Kernel {
  /** What `uname -r` prints. */
  release: string;
  /** The release without its flavour. */
  abi: string;
  flavour: string;
  architecture: string;
  /** Version of the image package. */
  version: string;
  /**
   * Source package of the image: kernels of one source and flavour follow each other (`linux-signed-amd64` has 6.1,
   * `linux-signed-6.12-amd64` has 6.12 beside it in the same suite).
   */
  source: string;
  /** The archive's suites whose indices carry the image, sorted. */
  suites: string[];
  /**
   * The package a module package depends on: the one that brings the kernel's own modules. Only one: with
   * alternatives, apt answers the removal of a kernel by installing its unsigned twin.
   */
  image: string;
  /** Names that the metapackages pointing to this release provide: `wireguard-modules` ... Sorted. */
  provides: string[];
  /** Undefined when no suite carries the headers any more. */
  headers: KernelHeaders | undefined;
  /**
   * ISO 8601, UTC: when the last good copy of an index that carries it was got, if none of these indices could be read
   * since; undefined when it is seen now.
   */
  unseenSince: string | undefined;
}

/** A kernel as one published suite has it. */
export interface SuiteKernel {
  kernel: Kernel;
  /**
   * Names, without `linux-image-`, of the kernel metapackages that a user of this suite gets and that point to this
   * kernel: `amd64`, `6.12-amd64`. Sorted; empty for superseded kernels.
   */
  tracks: string[];
  /** The suite that the kernel is expected from: it is built for this suite, not published in it yet. */
  ahead: string | undefined;
}
