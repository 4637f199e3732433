import { LockstepError } from '../core/errors.ts';
import { isArchitecture, isFolderName } from './names.ts';

/** A suite and the complete set of packages that it shall have. */
export interface SuitePublication {
  suite: string;
  codename: string;
  component: string;
  architectures: readonly string[];
  /** Absolute paths of `.deb` files whose bytes are final; paths in the repository's own pool will do. */
  debs: readonly string[];
}

/** @throws LockstepError CONFIG_INVALID when a name can't be one folder's, or a suite is there twice */
export function checkSuites(suites: readonly SuitePublication[]): void {
  const seen = new Set<string>();
  for (const { suite, codename, component, architectures } of suites) {
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
    if (seen.has(suite)) {
      throw new LockstepError('CONFIG_INVALID', `the suite ${suite} is there twice`, {
        hint: 'give each suite a name of its own',
      });
    }
    seen.add(suite);
  }
}
