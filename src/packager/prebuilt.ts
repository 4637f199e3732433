import { canonicalJson, sha256 } from '../core/hash.ts';
import type { Module } from '../model/modules.ts';
import type { SourcePackageRef } from '../model/packages.ts';
import type { DebContent } from './deb-tree.ts';
import { description } from './documents.ts';
import {
  documents,
  type MadePackage,
  PACKAGER_VERSION,
  type PackagerOptions,
  synopsis,
  withoutAddress,
  writePackage,
} from './parts.ts';
import { sourceField } from './source-package.ts';
import { trackingPackageName } from './versions.ts';

export interface PrebuiltPackageInputs {
  module: Module;
  architecture: string;
  /** The source package of the module. */
  source: SourcePackageRef;
  /** Tracks that have a tracking package of the module, the default one first; at least one. */
  tracks: readonly string[];
  /** Its own version. */
  version: string;
  copyright: Buffer | undefined;
  epoch: number;
}

/** lintian's tag and why it is so. */
const PRIORITY_OVERRIDE = {
  reason: 'Among the providers of a name, apt takes the one of higher priority: the DKMS package.',
  tag: 'priority-extra-is-replaced-by-priority-optional *',
};

/** Name of the drop-in for a module's DKMS package. */
export function prebuiltPackageName(module: string): string {
  return `${module}-modules-prebuilt`;
}

/** Hash of everything a drop-in is made of, but for its own version. */
export function prebuiltPackageIdentity(
  inputs: Pick<PrebuiltPackageInputs, 'module' | 'architecture' | 'source' | 'tracks'>,
  options: PackagerOptions,
): string {
  return sha256(
    canonicalJson({
      packager: [PACKAGER_VERSION, 'prebuilt'],
      module: withoutAddress(inputs.module),
      architecture: inputs.architecture,
      source: inputs.source,
      tracks: inputs.tracks,
      maintainer: options.maintainer,
    }),
  );
}

/**
 * Builds the drop-in for a module's DKMS package on one architecture: the only package that provides the names by which
 * other packages ask for the module, for administrators who choose it. Equal inputs give equal bytes.
 *
 * It has no conflict with the DKMS package: apt answers one by removing that package before it unpacks anything, even
 * with Pre-Depends, and the module is gone meanwhile. Its priority is `extra`: apt 3.0 chooses among providers by
 * priority, and with an equal one takes this package, and a kernel with it, where nobody asked for it.
 *
 * @throws when there is no track, or the module's source is no package
 */
export async function makePrebuiltPackage(
  inputs: PrebuiltPackageInputs,
  options: PackagerOptions,
): Promise<MadePackage> {
  const { module, architecture, source, tracks, version, epoch } = inputs;
  const [first] = tracks;
  if (first === undefined) {
    throw new Error(`${module.name} has no track to depend on`);
  }
  const name = prebuiltPackageName(module.name);
  if (module.source.kind !== 'package') {
    throw new Error(`${module.name} has no DKMS package to stand in for`);
  }
  const dkms = module.source.name;
  const tracking = tracks.map((track) => trackingPackageName(module.name, track));
  const content: DebContent = {
    control: [
      ['Package', name],
      ['Source', sourceField(source)],
      ['Version', version],
      ['Architecture', architecture],
      ['Maintainer', options.maintainer],
      ['Depends', tracking.join(' | ')],
      ['Provides', [...new Set([`${dkms} (= ${module.version})`, ...module.provides])].join(', ')],
      ['Section', 'kernel'],
      ['Priority', 'extra'],
      ['Homepage', module.homepage],
      [
        'Description',
        description(synopsis(module, 'kernel module, prebuilt instead of DKMS (metapackage)'), [
          `${module.summary}.`,
          `This metapackage stands in for ${dkms}: it is what other packages get that ask for that one, and brings prebuilt modules by ${tracking[0]} or that of another flavour, whichever is installed.`,
        ]),
      ],
    ],
    files: documents(
      name,
      version,
      epoch,
      `Stand in for ${dkms} ${module.version}.`,
      options,
      source,
      inputs.copyright,
      PRIORITY_OVERRIDE,
    ),
    scripts: {},
    epoch,
  };
  return await writePackage(name, version, architecture, content, options);
}
