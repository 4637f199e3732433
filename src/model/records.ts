/** One kernel module file of a build, as the verifier read it. */
export interface BuiltModule {
  /** File name with `.ko`; the file lies in the record's `modules/`. */
  file: string;
  /** Hex SHA-256 of the stripped, uncompressed file. */
  sha256: string;
  /** Bytes, stripped, uncompressed. */
  size: number;
  vermagic: string;
  license: string;
  /** Module names that it needs, from its `depends=`. */
  depends: string[];
}

/** `blocked`: it needs builds of other modules that were not there; nothing was built. */
export type BuildOutcome = 'built' | 'excluded' | 'in-tree' | 'failed' | 'broken' | 'blocked';

/** A build of another module that one was made on. */
export interface BuiltOn {
  /** The other module's name in package names. */
  module: string;
  key: string;
}

/** A package that lay in a build's root. */
export interface InstalledPackage {
  name: string;
  version: string;
  architecture: string;
}

/** The compression of the kernel's own modules. */
export type ModuleCompression = 'none' | 'gzip' | 'xz' | 'zstd';

/** What the ledger keeps of one build: enough to publish, report and re-plan without building. */
export interface BuildRecord {
  /** The build key, hex SHA-256. */
  key: string;
  module: string;
  moduleVersion: string;
  release: string;
  architecture: string;
  kernelVersion: string;
  outcome: BuildOutcome;
  /** One sentence for people. */
  reason: string;
  /** Instants in ISO 8601, UTC. */
  started: string;
  finished: string;
  /** Wall seconds of evaluation, build and verification. */
  seconds: number;
  modules: BuiltModule[];
  compression: ModuleCompression;
  /** Where the kernel's own modules lie. */
  modulesDirectory: '/usr/lib/modules' | '/lib/modules';
  /** Source package and version of the headers, as Built-Using names them: `linux (= 6.12.117-1)`. */
  headersSource: string;
  /** Whether the initramfs has to be refreshed: the module's own word or the configuration's. */
  initramfs: boolean;
  /** Seconds since the epoch that every file of the build's packages carries: the newest file of the source. */
  sourceDateEpoch: number;
  /**
   * Hex SHA-256 of all that the key is made of but the build root and the recipe: module, headers, release. Builds of
   * equal inputs differ by their tools alone. Empty in records of versions that did not keep it.
   */
  inputs: string;
  /** Hex SHA-256 that names the build root's packages; empty where it is not known. */
  root: string;
  /** How many times this key was tried. */
  attempts: number;
  /** Compilations that were taken from another kernel's build, and made. Absent where none were kept. */
  compiled?: { taken: number; made: number } | undefined;
  /** What the dkms.conf calls the module: others' BUILD_DEPENDS mean this name. Absent where it is not known. */
  dkms?: { name: string; version: string } | undefined;
  /** BUILD_DEPENDS: names, as in {@link dkms}, of modules that have to be built first. Absent when there are none. */
  needs?: readonly string[] | undefined;
  /** The builds that it was made on. Absent when there are none. */
  builtOn?: readonly BuiltOn[] | undefined;
  /** Packages that lay beside the build root: headers, the module's own. Absent in records of earlier versions. */
  beside?: readonly InstalledPackage[] | undefined;
}
