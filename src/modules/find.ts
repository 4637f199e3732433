import { LockstepError } from '../core/errors.ts';
import { moduleNameOf } from '../debian/module-name.ts';
import { parseRelations } from '../debian/relation.ts';
import { compareVersions } from '../debian/version.ts';
import type { Module, ModulePatch } from '../model/modules.ts';
import type { PackageRef } from '../model/packages.ts';
import { buildPackagesOf } from './build-packages.ts';

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
  /** Debian packages that its build needs besides those that are known. */
  buildPackages?: readonly string[] | undefined;
  patches?: readonly ModulePatch[] | undefined;
  /** Why a module of a component is not published; undefined when it is. */
  withheld?: ((component: string) => string | undefined) | undefined;
}

export { moduleNameOf } from '../debian/module-name.ts';

/** The relations of a Provides field, written alike. */
function providesOf(field: string | undefined): string[] {
  return parseRelations(field)
    .flat()
    .map(({ name, version }) => (version === undefined ? name : `${name} (= ${version})`));
}

function moduleOf(request: ModuleRequest, entry: ModulePackage): Module {
  const description = entry.fields.get('Description') ?? request.package;
  const name = moduleNameOf(request.package);
  return {
    name,
    version: entry.ref.version,
    source: { kind: 'package', ...entry.ref },
    from: entry.suite,
    provides: providesOf(entry.fields.get('Provides')),
    summary: (description.split('\n')[0] ?? request.package).trim(),
    component: entry.component,
    homepage: entry.fields.get('Homepage'),
    initramfs: request.initramfs ?? false,
    buildPackages: buildPackagesOf({
      name,
      configured: request.buildPackages,
      depends: entry.fields.get('Depends'),
    }),
    patches: [...(request.patches ?? [])],
    withheld: request.withheld?.(entry.component),
  };
}

/**
 * The versions of a module that some places have, in the places' order: of each place and architecture the newest, as
 * a user's apt would have it.
 *
 * @param places packages by name; a place is some suites that are used together
 */
export function findCandidates(
  request: ModuleRequest,
  places: readonly ReadonlyMap<string, readonly ModulePackage[]>[],
): Module[] {
  const candidates = new Map<string, Module>();
  for (const place of places) {
    const newest = new Map<string, ModulePackage>();
    for (const entry of place.get(request.package) ?? []) {
      const known = newest.get(entry.ref.architecture);
      const order = known === undefined ? 1 : compareVersions(entry.ref.version, known.ref.version);
      // The same version in two suites: named alike, whichever was read first.
      if (known === undefined || order > 0 || (order === 0 && entry.suite < known.suite)) {
        newest.set(entry.ref.architecture, entry);
      }
    }
    // The newer first: of a package for all architectures and one for a machine's own, apt takes that.
    for (const entry of [...newest.values()].toSorted(
      (a, b) =>
        compareVersions(b.ref.version, a.ref.version) ||
        (a.ref.architecture < b.ref.architecture ? -1 : 1),
    )) {
      if (!candidates.has(entry.ref.sha256)) {
        candidates.set(entry.ref.sha256, moduleOf(request, entry));
      }
    }
  }
  return [...candidates.values()];
}

/** Groups packages by name, for {@link findCandidates}. */
export function byPackageName(
  packages: readonly ModulePackage[],
): Map<string, readonly ModulePackage[]> {
  const groups = new Map<string, ModulePackage[]>();
  for (const entry of packages) {
    const group = groups.get(entry.ref.name);
    if (group === undefined) {
      groups.set(entry.ref.name, [entry]);
    } else {
      group.push(entry);
    }
  }
  return groups;
}

/**
 * @param missing packages that no suite has
 * @param where the suites, for messages
 * @throws LockstepError PACKAGE_UNKNOWN naming every package that is missing
 */
export function refuseMissing(missing: readonly string[], where: string): void {
  if (missing.length > 0) {
    throw new LockstepError('PACKAGE_UNKNOWN', `${where}: no such package: ${missing.join(', ')}`, {
      hint: 'check the name and the `components` of the archive (contrib and non-free are components of their own)',
      exitCode: 2,
    });
  }
}
