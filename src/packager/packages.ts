import * as fs from 'node:fs/promises';
import * as path from 'node:path';
import { canonicalJson, sha256 } from '../core/hash.ts';
import type { Kernel } from '../model/kernels.ts';
import type { Module } from '../model/modules.ts';
import type { SourcePackageRef } from '../model/packages.ts';
import type { BuildRecord } from '../model/records.ts';
import { sourceLabel } from '../model/sources.ts';
import { COMPRESSION_SUFFIX, compressModule } from '../programs/compress.ts';
import type { DebContent, DebFile } from './deb-tree.ts';
import { depmodConf } from './depmod-conf.ts';
import { GUARD_DEPENDENCY, wantedFile } from './wanted-file.ts';
import { description } from './documents.ts';
import {
  documents,
  fill,
  type MadePackage,
  PACKAGER_VERSION,
  type PackagerOptions,
  script,
  synopsis,
  withoutAddress,
  writePackage,
} from './parts.ts';
import { sourceField } from './source-package.ts';
import { modulePackageName, packageVersion, trackingPackageName } from './versions.ts';

export type { MadePackage, PackagerOptions } from './parts.ts';

export interface ModulePackageInputs {
  module: Module;
  kernel: Kernel;
  record: BuildRecord;
  /** The source package that the module was built from. */
  source: SourcePackageRef;
  /** The track whose tracking package the description names; undefined when there is none. */
  track?: string | undefined;
  /** The kept module files. */
  files: readonly { name: string; path: string }[];
  copyright: Buffer | undefined;
  rebuild: number;
}

/** Hash of everything a module package is made of, but for its rebuild number. */
export function modulePackageIdentity(
  inputs: Pick<ModulePackageInputs, 'module' | 'kernel' | 'record' | 'source' | 'track'>,
  options: PackagerOptions,
): string {
  const { module, kernel, record, source, track } = inputs;
  return sha256(
    canonicalJson({
      packager: [PACKAGER_VERSION, script('postinst'), script('postrm')],
      key: record.key,
      modules: record.modules.map(({ sha256: hash }) => hash),
      module: withoutAddress(module),
      source,
      kernel: [kernel.version, kernel.image],
      track,
      maintainer: options.maintainer,
    }),
  );
}

/** Hash of everything a tracking package is made of, but for its rebuild number. */
export function trackingPackageIdentity(
  inputs: Pick<
    TrackingPackageInputs,
    'module' | 'kernel' | 'source' | 'track' | 'moduleVersion' | 'files'
  >,
  options: PackagerOptions,
): string {
  return sha256(
    canonicalJson({
      packager: PACKAGER_VERSION,
      module: withoutAddress(inputs.module),
      source: inputs.source,
      kernel: [inputs.kernel.release, inputs.kernel.version, inputs.kernel.architecture],
      track: inputs.track,
      version: inputs.moduleVersion,
      wanted: wantedFile(inputs, options).content,
      keyring: options.keyring,
      maintainer: options.maintainer,
    }),
  );
}

/** Builds the module package of a finished build; equal inputs give equal bytes. */
export async function makeModulePackage(
  inputs: ModulePackageInputs,
  options: PackagerOptions,
): Promise<MadePackage> {
  const { module, kernel, record, source, rebuild, track } = inputs;
  const name = modulePackageName(module.name, kernel.release);
  const version = packageVersion(module.version, kernel.version, rebuild);
  const folder = `updates/${module.name}`;
  const suffix = COMPRESSION_SUFFIX[record.compression];
  const scratch = await fs.mkdtemp(path.join(options.directory, '.tmp-'));
  try {
    const files: DebFile[] = [];
    for (const file of inputs.files) {
      const copy = path.join(scratch, file.name);
      await fs.copyFile(file.path, copy);
      const compressed = await compressModule(copy, record.compression);
      const at = `${record.modulesDirectory.slice(1)}/${kernel.release}/${folder}/${file.name}${suffix}`;
      files.push({ at, content: await fs.readFile(compressed) });
    }
    const values = {
      RELEASE: kernel.release,
      MODULES_DIRECTORY: record.modulesDirectory,
      INITRAMFS: record.initramfs ? 'yes' : 'no',
      SUBDIRECTORY: folder,
      IMAGE: kernel.image,
      FILES: inputs.files.map((file) => `${folder}/${file.name}${suffix}`).join(' '),
    };
    const list = record.modules.map((entry) => entry.file.replace(/\.ko$/, '')).join(', ');
    const content: DebContent = {
      control: [
        ['Package', name],
        ['Source', sourceField(source)],
        ['Version', version],
        ['Architecture', kernel.architecture],
        ['Maintainer', options.maintainer],
        ['Depends', [kernel.image, ...modulesBelow(record, kernel)].join(', ')],
        ['Built-Using', [record.headersSource, ...builtFrom(module)].join(', ')],
        ['Section', 'kernel'],
        ['Priority', 'optional'],
        ['Homepage', module.homepage],
        [
          'Description',
          description(synopsis(module, `kernel module for Linux ${kernel.release}`), [
            `Prebuilt kernel module ${list} for Linux ${kernel.release} (${kernel.version}): ${module.summary}.`,
            `Built from ${originOf(module)}. No compiler, headers or DKMS are needed.`,
            ...(track === undefined
              ? []
              : [
                  `Install ${trackingPackageName(module.name, track)} instead to follow the newest kernel.`,
                ]),
          ]),
        ],
      ],
      files: [
        ...files,
        depmodConf(module.name, kernel.release, record),
        ...documents(
          name,
          version,
          record.sourceDateEpoch,
          `Build of ${sourceLabel(module.source)} for Linux ${kernel.release} (${kernel.version}).`,
          options,
          source,
          inputs.copyright,
        ),
      ],
      scripts: {
        postinst: fill(script('postinst'), values),
        postrm: fill(script('postrm'), values),
      },
      // For the guard, if there is one (guard/triggers).
      lists: { triggers: 'activate-noawait lockstep-guard-modules\n' },
      epoch: record.sourceDateEpoch,
    };
    return await writePackage(name, version, kernel.architecture, content, options);
  } finally {
    await fs.rm(scratch, { recursive: true, force: true });
  }
}

export interface TrackingPackageInputs {
  module: Module;
  kernel: Kernel;
  /** The source package of the module. */
  source: SourcePackageRef;
  /** Its own version. */
  version: string;
  /** Name of the kernel metapackage that it follows, without `linux-image-`: `amd64`, `6.12-amd64`. */
  track: string;
  /** Version of the module package that it points to; undefined when the kernel brings the module itself. */
  moduleVersion: string | undefined;
  /** Its module files, `v4l2loopback.ko`; none when the kernel brings them. */
  files: readonly string[];
  copyright: Buffer | undefined;
  epoch: number;
}

/** Builds the tracking package of a module and a flavour: the edge (contract 1). */
export async function makeTrackingPackage(
  inputs: TrackingPackageInputs,
  options: PackagerOptions,
): Promise<MadePackage> {
  const { module, kernel, source, track, version, moduleVersion, epoch } = inputs;
  const name = trackingPackageName(module.name, track);
  const modulePackage = modulePackageName(module.name, kernel.release);
  const inTree = moduleVersion === undefined;
  const change = inTree
    ? `Linux ${kernel.release} has the module itself.`
    : `Point to ${modulePackage}.`;
  const depends = [
    ...(inTree ? [] : [`${modulePackage} (>= ${moduleVersion})`]),
    `linux-latest-modules-${kernel.release}`,
    GUARD_DEPENDENCY,
    ...(options.keyring === undefined ? [] : [options.keyring]),
  ];
  const content: DebContent = {
    control: [
      ['Package', name],
      ['Source', sourceField(source)],
      ['Version', version],
      ['Architecture', kernel.architecture],
      ['Maintainer', options.maintainer],
      ['Depends', depends.join(', ')],
      ['Section', 'kernel'],
      ['Priority', 'optional'],
      ['Homepage', module.homepage],
      [
        'Description',
        description(synopsis(module, `kernel module for ${track} (metapackage)`), [
          `${module.summary}.`,
          `This metapackage follows Debian's newest ${track} kernel with a prebuilt module: as long as the module for a new kernel is not published, linux-image-${track} is held back; then both are upgraded together.`,
          inTree
            ? `Now it points to Linux ${kernel.release}, which has the module itself: no module package is needed.`
            : `Now it points to Linux ${kernel.release}.`,
        ]),
      ],
    ],
    files: [
      wantedFile(inputs, options),
      ...documents(name, version, epoch, change, options, source, inputs.copyright),
    ],
    scripts: {},
    epoch,
  };
  return await writePackage(name, version, kernel.architecture, content, options);
}

/** The packages of the modules that a build was made on: it can't be loaded without them. */
function modulesBelow({ builtOn = [] }: BuildRecord, { release }: Kernel): string[] {
  return builtOn.map(({ module }) => modulePackageName(module, release));
}

/** The source packages that a module was built from; what is no package of an archive has none (Policy 7.8). */
function builtFrom({ source }: Module): string[] {
  return source.kind === 'package' ? [`${source.source} (= ${source.sourceVersion})`] : [];
}

function originOf({ source }: Module): string {
  return source.kind === 'package'
    ? `${sourceLabel(source)} (source package ${source.source} ${source.sourceVersion})`
    : sourceLabel(source);
}
