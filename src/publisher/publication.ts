import { LockstepError } from '../core/errors.ts';
import { isArchitecture, isFolderName } from './names.ts';
import type { PoolFile } from './source-index.ts';

/** A suite and the complete set of packages that it shall have. */
export interface SuitePublication {
  suite: string;
  codename: string;
  component: string;
  architectures: readonly string[];
  /** Absolute paths of `.deb` files whose bytes are final; paths in the repository's own pool will do. */
  debs: readonly string[];
  /** Absolute paths of `.dsc` files, the source package's other files beside them. Undefined: no index of sources. */
  sources?: readonly string[] | undefined;
  /** The packages' `.buildinfo` files. Undefined: no index of them. */
  buildinfos?: readonly PoolFile[] | undefined;
  /** apt installs nothing from it that is not asked for (`NotAutomatic: yes`), as from Debian's experimental. */
  notAutomatic?: boolean;
  /** With `notAutomatic`: what is installed from it follows it, as with Debian's backports. */
  butAutomaticUpgrades?: boolean;
}

/**
 * @throws LockstepError CONFIG_INVALID when a name can't be one folder's, a suite or an architecture is there twice, or
 *   upgrades are to be automatic in a suite that is automatic anyway
 */
export function checkSuites(suites: readonly SuitePublication[]): void {
  const seen = new Set<string>();
  for (const { suite, codename, component, architectures, ...flags } of suites) {
    const isGood =
      [suite, codename, component].every(isFolderName) && architectures.every(isArchitecture);
    if (!isGood || architectures.length === 0 || architectures.includes('all')) {
      throw new LockstepError(
        'CONFIG_INVALID',
        `the suite ${JSON.stringify(suite)} can't be published`,
        {
          hint: 'suites, codenames and components are single names; architectures are those of machines, like amd64',
        },
      );
    }
    if (new Set(architectures).size < architectures.length) {
      throw new LockstepError('CONFIG_INVALID', `the suite ${suite} has an architecture twice`, {
        hint: 'name each architecture once',
      });
    }
    if (flags.butAutomaticUpgrades === true && flags.notAutomatic !== true) {
      // apt passes over ButAutomaticUpgrades then: the suite would not be what it says.
      throw new LockstepError(
        'CONFIG_INVALID',
        `the suite ${suite} has automatic upgrades and is automatic itself`,
        { hint: 'butAutomaticUpgrades goes with notAutomatic, as in a backports suite' },
      );
    }
    if (seen.has(suite)) {
      throw new LockstepError('CONFIG_INVALID', `the suite ${suite} is there twice`, {
        hint: 'give each suite a name of its own',
      });
    }
    seen.add(suite);
  }
}
