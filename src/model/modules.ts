import type { PackageRef } from './packages.ts';

/** A module source that the configuration names, found in the archive. */
export interface Module {
  /** Name in package names: the package's own without `-dkms`. */
  name: string;
  /** Debian version of the source it came from. */
  version: string;
  package: PackageRef;
  /** The archive's suite that it was found in. */
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
