import { readFileSync } from 'node:fs';
import * as fs from 'node:fs/promises';
import * as path from 'node:path';
import { canonicalJson, sha256 } from '../core/hash.ts';
import type { Kernel } from '../model/kernels.ts';
import type { Module } from '../model/modules.ts';
import type { BuildRecord } from '../model/records.ts';
import { COMPRESSION_SUFFIX, compressModule } from '../programs/compress.ts';
import { type DebContent, type DebFile, writeDeb } from './deb-tree.ts';
import { changelog, description, lintianOverrides } from './documents.ts';
import { modulePackageName, packageVersion, trackingPackageName } from './versions.ts';

/** Rises when the packager makes other packages of the same inputs. */
const PACKAGER_VERSION = 1;

export interface PackagerOptions {
  /** Folder that gets a folder a package. */
  directory: string;
  maintainer: string;
  /** Suite name for changelogs. */
  suite: string;
}

/** A package that was made. */
export interface MadePackage {
  name: string;
  version: string;
  architecture: string;
  /** Path of the `.deb`. */
  file: string;
}

export interface ModulePackageInputs {
  module: Module;
  kernel: Kernel;
  record: BuildRecord;
  /** The kept module files. */
  files: readonly { name: string; path: string }[];
  copyright: Buffer | undefined;
  rebuild: number;
}

/** The mirror and the suite that a source came from stand in no package. */
function withoutAddress(module: Module): unknown {
  return { ...module, from: undefined, package: { ...module.package, uri: undefined } };
}

/** Hash of everything a module package is made of, but for its rebuild number. */
export function modulePackageIdentity(
  { module, kernel, record }: Pick<ModulePackageInputs, 'module' | 'kernel' | 'record'>,
  options: PackagerOptions,
): string {
  return sha256(
    canonicalJson({
      packager: [PACKAGER_VERSION, script('postinst'), script('postrm')],
      key: record.key,
      modules: record.modules.map(({ sha256: hash }) => hash),
      module: withoutAddress(module),
      kernel: [kernel.version, kernel.flavour, kernel.image],
      maintainer: options.maintainer,
      suite: options.suite,
    }),
  );
}

/** Hash of everything a tracking package is made of, but for its rebuild number. */
export function trackingPackageIdentity(
  inputs: Pick<TrackingPackageInputs, 'module' | 'kernel' | 'moduleVersion'>,
  options: PackagerOptions,
): string {
  return sha256(
    canonicalJson({
      packager: PACKAGER_VERSION,
      module: withoutAddress(inputs.module),
      kernel: [inputs.kernel.release, inputs.kernel.flavour],
      version: inputs.moduleVersion,
      maintainer: options.maintainer,
      suite: options.suite,
    }),
  );
}

const script = (name: string): string =>
  readFileSync(path.join(import.meta.dirname, 'maintainer', `${name}.sh`), 'utf8');

function fill(template: string, values: Readonly<Record<string, string>>): string {
  return template.replace(/@(?<name>[A-Z_]+)@/g, (_all, name: string) => {
    const value = values[name];
    if (value === undefined) {
      throw new Error(`@${name}@ has no value`);
    }
    return value;
  });
}

/** A synopsis of less than 80 characters, also for long names (Policy 3.4.1). */
function synopsis(module: Module, text: string): string {
  const whole = `${module.name} ${text}`;
  return whole.length < 80 ? whole : text;
}

function documents(
  name: string,
  version: string,
  epoch: number,
  change: string,
  options: PackagerOptions,
  source: string,
  copyright: Buffer | undefined,
): DebFile[] {
  const { suite, maintainer } = options;
  return [
    {
      at: `usr/share/doc/${name}/changelog.Debian.gz`,
      content: changelog({ source, version, distribution: suite, change, maintainer, epoch }),
    },
    ...(copyright === undefined
      ? []
      : [{ at: `usr/share/doc/${name}/copyright`, content: copyright }]),
    {
      at: `usr/share/lintian/overrides/${name}`,
      content: lintianOverrides(name),
    },
  ];
}

/** Builds the module package of a finished build; equal inputs give equal bytes. */
export async function makeModulePackage(
  inputs: ModulePackageInputs,
  options: PackagerOptions,
): Promise<MadePackage> {
  const { module, kernel, record, rebuild } = inputs;
  const name = modulePackageName(module.name, kernel.release);
  const version = packageVersion(module.version, kernel.version, rebuild);
  const source = `${module.name}-modules`;
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
        ['Source', source],
        ['Version', version],
        ['Architecture', kernel.architecture],
        ['Maintainer', options.maintainer],
        ['Depends', kernel.image],
        ['Built-Using', `${record.headersSource}, ${builtFrom(module)}`],
        ['Section', 'kernel'],
        ['Priority', 'optional'],
        ['Homepage', module.homepage],
        [
          'Description',
          description(synopsis(module, `kernel module for Linux ${kernel.release}`), [
            `Prebuilt kernel module ${list} for Linux ${kernel.release} (${kernel.version}): ${module.summary}.`,
            `Built from ${module.package.name} ${module.version} (source package ${module.package.source} ${module.package.sourceVersion}). No compiler, headers or DKMS are needed.`,
            `Install ${trackingPackageName(module.name, kernel.flavour)} instead to follow the newest kernel.`,
          ]),
        ],
      ],
      files: [
        ...files,
        ...documents(
          name,
          version,
          record.sourceDateEpoch,
          `Build of ${module.package.name} ${module.version} for Linux ${kernel.release} (${kernel.version}).`,
          options,
          source,
          inputs.copyright,
        ),
      ],
      scripts: {
        postinst: fill(script('postinst'), values),
        postrm: fill(script('postrm'), values),
      },
      epoch: record.sourceDateEpoch,
    };
    const file = await writeDeb(path.join(options.directory, contentHash(content)), content);
    return { name, version, architecture: kernel.architecture, file };
  } finally {
    await fs.rm(scratch, { recursive: true, force: true });
  }
}

export interface TrackingPackageInputs {
  module: Module;
  kernel: Kernel;
  /** Its own version. */
  version: string;
  /** Version of the module package that it points to. */
  moduleVersion: string;
  copyright: Buffer | undefined;
  epoch: number;
}

/** Builds the tracking package of a module and a flavour: the edge (contract 1). */
export async function makeTrackingPackage(
  inputs: TrackingPackageInputs,
  options: PackagerOptions,
): Promise<MadePackage> {
  const { module, kernel, version, moduleVersion, epoch } = inputs;
  const name = trackingPackageName(module.name, kernel.flavour);
  const modulePackage = modulePackageName(module.name, kernel.release);
  const source = `${module.name}-modules`;
  const change = `Point to ${modulePackage}.`;
  const content: DebContent = {
    control: [
      ['Package', name],
      ['Source', source],
      ['Version', version],
      ['Architecture', kernel.architecture],
      ['Maintainer', options.maintainer],
      ['Depends', `${modulePackage} (>= ${moduleVersion}), linux-latest-modules-${kernel.release}`],
      ['Section', 'kernel'],
      ['Priority', 'optional'],
      ['Homepage', module.homepage],
      [
        'Description',
        description(synopsis(module, `kernel module for ${kernel.flavour} (metapackage)`), [
          `${module.summary}.`,
          `This metapackage follows Debian's newest ${kernel.flavour} kernel with a prebuilt module: as long as the module for a new kernel is not published, linux-image-${kernel.flavour} is held back; then both are upgraded together.`,
          `Now it points to Linux ${kernel.release}.`,
        ]),
      ],
    ],
    files: documents(name, version, epoch, change, options, source, inputs.copyright),
    scripts: {},
    epoch,
  };
  const file = await writeDeb(path.join(options.directory, contentHash(content)), content);
  return { name, version, architecture: kernel.architecture, file };
}

function builtFrom(module: Module): string {
  return `${module.package.source} (= ${module.package.sourceVersion})`;
}

function contentHash(content: DebContent): string {
  return sha256(
    canonicalJson({
      ...content,
      files: content.files.map((file) => [file.at, sha256(file.content)]),
    }),
  );
}
