import { LockstepError } from '../core/errors.ts';
import { withoutEpoch } from '../debian/version.ts';

/** Debian Policy 5.6.1, 5.6.7: lower case letters, digits, `+ - .`; at least two, the first alphanumeric. */
const PACKAGE_NAME = /^[a-z0-9][a-z0-9+.-]+$/;
/** Debian Policy 5.6.12: the upstream part begins with a digit and, without an epoch, has no colon. */
const VERSION = /^(?:[0-9]{1,10}:)?[0-9][A-Za-z0-9.+~-]*$/;
/** dpkg's architecture names: `amd64`, `kfreebsd-amd64`, `all`. */
const ARCHITECTURE = /^[a-z0-9][a-z0-9-]*$/;
/** Suites, codenames and components, each one folder's name. */
const FOLDER_NAME = /^[A-Za-z0-9][A-Za-z0-9+._~-]*$/;

export function isPackageName(name: string): boolean {
  return PACKAGE_NAME.test(name) && name.length <= 200;
}

export function isVersion(version: string): boolean {
  return VERSION.test(version) && version.length <= 200;
}

export function isArchitecture(name: string): boolean {
  return ARCHITECTURE.test(name) && name.length <= 64;
}

export function isFolderName(name: string): boolean {
  return FOLDER_NAME.test(name) && name.length <= 100;
}

export interface PoolName {
  name: string;
  version: string;
  architecture: string;
  source: string;
}

/** The folder of a source and its packages, as Debian lays out its own: the first letter, or `lib` and the next one. */
export function poolFolder(component: string, source: string): string {
  const prefix = source.startsWith('lib') ? source.slice(0, 4) : source.slice(0, 1);
  return `pool/${component}/${prefix}/${source}`;
}

/** A package's place in the repository. `+` and `~` stand in it as they are. */
export function poolPath(component: string, deb: PoolName): string {
  const file = `${deb.name}_${withoutEpoch(deb.version)}_${deb.architecture}.deb`;
  return `${poolFolder(component, deb.source)}/${file}`;
}

/** The part of a file name that stands for an origin: `Example Modules` becomes `example-modules`. */
export function slugOf(origin: string): string {
  const slug = origin
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^-+|-+$/g, '')
    .slice(0, 60);
  return slug === '' ? 'lockstep' : slug;
}

/**
 * A value for one line of a control file.
 *
 * @throws LockstepError CONFIG_INVALID when it has a line end or another control character, or is empty
 */
export function singleLine(what: string, value: string): string {
  if (value.trim() !== value || value === '' || /\p{Cc}/u.test(value)) {
    throw new LockstepError(
      'CONFIG_INVALID',
      `the ${what} ${JSON.stringify(value)} is not one line`,
      {
        hint: `give the repository a ${what} of one line, without blanks at its ends`,
      },
    );
  }
  return value;
}
