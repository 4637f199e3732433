import { LockstepError } from '../core/errors.ts';
import { parseRelations } from '../debian/relation.ts';
import { compareVersions } from '../debian/version.ts';
import type { Module } from '../model/modules.ts';
import type { PackageRef } from '../model/packages.ts';

/** A package of the suites, with the fields of its index entry. */
export interface ModulePackage {
  ref: PackageRef;
  fields: ReadonlyMap<string, string>;
  suite: string;
  component: string;
}

export interface ModuleRequest {
  package: string;
  initramfs?: boolean | undefined;
}

/** The module's name in package names: the package's own without `-dkms`. */
export function moduleNameOf(packageName: string): string {
  return packageName.replace(/-dkms$/, '').replace(/^dkms-/, '');
}

/** The relations of a Provides field, written alike. */
function providesOf(field: string | undefined): string[] {
  return parseRelations(field)
    .flat()
    .map(({ name, version }) => (version === undefined ? name : `${name} (= ${version})`));
}

/**
 * Finds the modules that a configuration asks for; the newest version in the suites counts, as for a user's apt.
 *
 * @param where the suites, for messages
 * @throws LockstepError PACKAGE_UNKNOWN naming every package that is missing
 */
export function findModules(
  requests: readonly ModuleRequest[],
  packages: readonly ModulePackage[],
  where: string,
): Module[] {
  const missing: string[] = [];
  const modules = requests.flatMap((request): Module[] => {
    const newest = packages
      .filter((entry) => entry.ref.name === request.package)
      .toSorted((a, b) => compareVersions(b.ref.version, a.ref.version))[0];
    if (newest === undefined) {
      missing.push(request.package);
      return [];
    }
    const description = newest.fields.get('Description') ?? request.package;
    return [
      {
        name: moduleNameOf(request.package),
        version: newest.ref.version,
        package: newest.ref,
        from: newest.suite,
        provides: providesOf(newest.fields.get('Provides')),
        summary: (description.split('\n')[0] ?? request.package).trim(),
        component: newest.component,
        homepage: newest.fields.get('Homepage'),
        initramfs: request.initramfs ?? false,
      },
    ];
  });
  if (missing.length > 0) {
    throw new LockstepError('PACKAGE_UNKNOWN', `${where}: no such package: ${missing.join(', ')}`, {
      hint: 'check the name and the `components` of the archive (contrib and non-free are components of their own)',
      exitCode: 2,
    });
  }
  return modules;
}
