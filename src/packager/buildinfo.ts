import { formatStanza } from '../debian/control.ts';
import type { SourcePackageRef } from '../model/packages.ts';
import type { BuildRecord, InstalledPackage } from '../model/records.ts';
import { sourceField } from './source-package.ts';

export interface BuildinfoInputs {
  record: BuildRecord;
  /** The package that was made of the build. */
  deb: {
    name: string;
    version: string;
    architecture: string;
    file: string;
    sha256: string;
    size: number;
  };
  source: SourcePackageRef;
  /** The source package of the scripts that built it, when it is not the same. */
  recipe: SourcePackageRef | undefined;
  /** The packages of the build root. */
  root: readonly InstalledPackage[];
  origin: string;
}

/**
 * What a package was built from and with (deb-buildinfo(5)). Equal builds have equal texts: there is no Build-Date, and
 * the build's time stamps are in the environment. The headers and the module's own package, which lay beside the
 * root, count as installed.
 */
export function formatBuildinfo(inputs: BuildinfoInputs): string {
  const { record, deb, source, recipe, root, origin } = inputs;
  const build = root.find(({ name }) => name === 'make')?.architecture ?? record.architecture;
  const installed = [...root, ...(record.beside ?? [])].map((entry) => {
    const { name, architecture, version } = entry;
    const isForeign = architecture !== 'all' && architecture !== build;
    return `${name}${isForeign ? `:${architecture}` : ''} (= ${version})`;
  });
  const { dkms, sourceDateEpoch } = record;
  const environment = {
    HOME: '/tmp',
    KBUILD_BUILD_HOST: 'lockstep',
    KBUILD_BUILD_TIMESTAMP: `@${sourceDateEpoch}`,
    KBUILD_BUILD_USER: 'lockstep',
    LC_ALL: 'C.UTF-8',
    SOURCE_DATE_EPOCH: String(sourceDateEpoch),
    TZ: 'UTC',
  };
  return formatStanza([
    ['Format', '1.0'],
    ['Source', sourceField(source)],
    ['Binary', deb.name],
    ['Architecture', deb.architecture],
    ['Version', deb.version],
    ['Checksums-Sha256', `\n ${deb.sha256} ${deb.size} ${deb.file}`],
    ['Build-Origin', origin],
    ['Build-Architecture', build],
    [
      'Build-Path',
      dkms === undefined ? undefined : `/var/lib/dkms/${dkms.name}/${dkms.version}/build`,
    ],
    ['Installed-Build-Depends', `\n ${[...new Set(installed)].toSorted().join(',\n ')}`],
    [
      'Environment',
      Object.entries(environment)
        .map(([name, value]) => `\n ${name}="${value}"`)
        .join(''),
    ],
    // What follows is Lockstep's own.
    ['Lockstep-Build-Key', record.key],
    ['Lockstep-Recipe', recipe === undefined ? undefined : sourceField(recipe)],
  ]);
}
