import type { ModuleSource } from './sources.ts';

/** A patch that the configuration adds to a module. */
export interface ModulePatch {
  /** File name, for messages. */
  name: string;
  /** Path of the file, absolute. */
  path: string;
  /** Hex SHA-256 of its content. */
  sha256: string;
  /** Which kernels it is for, by their upstream version: `>= 6.12, << 6.17`; all when undefined. */
  kernels: string | undefined;
}

/** A module source that the configuration names, in one version of it. */
export interface Module {
  /** Name in package names: the package's own without `-dkms`, or the configuration's. */
  name: string;
  /** Version of the source it came from, by Debian's rules. */
  version: string;
  source: ModuleSource;
  /** The archive's suite that it was found in; the kind of its source when that is no package. */
  from: string;
  /** What the package itself provides, as relations: `mimic-modules (= 0.7.0+ds-2)`. */
  provides: string[];
  /** One line for people, from the package's description. */
  summary: string;
  /** `main`, `contrib` ... as the index says it. */
  component: string;
  homepage: string | undefined;
  /** Rebuild the initramfs when the module is installed. */
  initramfs: boolean;
  /** Debian packages that its build needs beside compiler and headers, sorted. */
  buildPackages: string[];
  /** In the order in which they are applied. */
  patches: ModulePatch[];
  /** Why the configuration keeps it out of the repository; undefined when it is published. */
  withheld: string | undefined;
}

/** One `.ko` that a dkms.conf declares. */
export interface DeclaredModule {
  /** `BUILT_MODULE_LOCATION`, relative to the build folder, without a slash at its end. */
  location: string;
  /** `BUILT_MODULE_NAME`, without `.ko`. */
  builtName: string;
  /** `DEST_MODULE_NAME`, without `.ko`. */
  installedName: string;
  strip: boolean;
}

/** What a dkms.conf says for one kernel, as bash evaluated it (dkms(8)). */
export interface DkmsConf {
  name: string;
  version: string;
  modules: DeclaredModule[];
  /** The command after MAKE_MATCH and defaults. */
  make: string;
  patches: string[];
  preBuild: string | undefined;
  postBuild: string | undefined;
  buildDepends: string[];
  remakeInitrd: boolean;
  /** Why this kernel is not for the module, in the words of the directive; undefined when it is. */
  excluded: string | undefined;
}
