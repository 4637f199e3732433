import { parseVersion } from '../debian/version.ts';

/**
 * The version of the packages of a module version for a kernel version: it rises when the module's rises, and for the
 * same module when the kernel's does.
 *
 * The module's upstream version and revision keep their places, so that they are compared as in Debian; the kernel's
 * version follows in the revision, its hyphen written as `+`, as in Debian's linux-signed packages:
 * `0.15.0-2` for `6.12.117-1` is `0.15.0-2+6.12.117+1`. A native version gets the revision 0, which dpkg orders alike.
 *
 * This holds for versions as Debian makes them: a revision goes on with `.`, `~`, or `+` and a letter (`1.1`,
 * `1~bpo13+1`, `1+deb13u1`), never with a letter or with `+` and a digit alone.
 *
 * @param rebuild 0 for the first bytes of this version; n adds `+bn`, as binary rebuilds have it
 */
export function packageVersion(moduleVersion: string, kernelVersion: string, rebuild = 0): string {
  const { epoch, upstream, revision } = parseVersion(moduleVersion);
  const kernel = parseVersion(kernelVersion);
  const kernelPart =
    kernel.revision === '' ? kernel.upstream : `${kernel.upstream}+${kernel.revision}`;
  return [
    epoch === 0 ? '' : `${epoch}:`,
    `${upstream}-${revision === '' ? '0' : revision}+${kernelPart}`,
    rebuild === 0 ? '' : `+b${rebuild}`,
  ].join('');
}

/** The module package's name (contract 3); releases have no character that names can't have but capitals. */
export function modulePackageName(module: string, release: string): string {
  return `${module}-modules-${release}`;
}

/** The tracking package's name; the track is the kernel metapackage's without `linux-image-`. */
export function trackingPackageName(module: string, track: string): string {
  return `${module}-modules-${track}`;
}

/** Name of the source package that is made of a module's source, where it is not Debian's own. */
export function sourceName(module: string): string {
  return `${module}-modules`;
}
