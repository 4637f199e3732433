import * as fs from 'node:fs/promises';
import * as path from 'node:path';
import { sha256 } from '../../src/core/hash.ts';
import { makeGuardPackage } from '../../src/packager/guard.ts';
import {
  makeModulePackage,
  makeTrackingPackage,
  type PackagerOptions,
} from '../../src/packager/packages.ts';
import { KERNEL, MODULE, RECORD, SOURCE_PACKAGE } from '../../src/packager/testing/inputs.ts';
import { packageVersion } from '../../src/packager/versions.ts';
import { modulesDirectory } from './kernel-packages.ts';
import type { StandIn, SuiteName } from './suites.ts';

/** The Origin of the stage's repository of modules. */
export const ORIGIN = 'Stage Modules';

/** What a module's packages for one kernel are made of. */
export interface ModuleFor {
  module: string;
  suite: SuiteName;
  kernel: StandIn;
  flavour: string;
  architecture?: string;
  /** The kernel brings the module itself: only a tracking package. */
  isInTree?: boolean;
}

export function packagerOptions(directory: string): PackagerOptions {
  return { directory, maintainer: 'A Stage <stage@localhost.invalid>', origin: ORIGIN };
}

/** The files of a module's package and of its tracking package, made by the packager. */
export async function modulePackages(
  inputs: ModuleFor,
  options: PackagerOptions,
): Promise<{ own: string[]; tracking: string }> {
  const { suite, kernel: standIn, flavour, architecture = 'amd64', isInTree = false } = inputs;
  const { abi, version, layout } = standIn;
  const release = `${abi}-${flavour}`;
  const module = { ...MODULE, name: inputs.module };
  const kernel = {
    ...KERNEL,
    ...{ release, abi, flavour, architecture, version },
    image: `linux-${layout === 'whole' ? 'image' : 'modules'}-${release}`,
  };
  const name = `${inputs.module}.ko`;
  const text = `not really ${inputs.module} for ${release}\n`;
  const file = path.join(options.directory, `${sha256(text)}.ko`);
  await fs.writeFile(file, text);
  const record = {
    ...RECORD,
    ...{ release, architecture, kernelVersion: version, compression: 'none' as const },
    modulesDirectory: modulesDirectory(suite),
    modules: RECORD.modules.map((entry) => ({ ...entry, file: name, sha256: sha256(text) })),
  };
  const common = { module, kernel, source: SOURCE_PACKAGE, track: flavour, copyright: undefined };
  const own = packageVersion(module.version, version);
  const tracking = await makeTrackingPackage(
    {
      ...common,
      version: own,
      moduleVersion: isInTree ? undefined : own,
      files: isInTree ? [] : [name],
      epoch: RECORD.sourceDateEpoch,
    },
    options,
  );
  if (isInTree) {
    return { own: [], tracking: tracking.file };
  }
  const made = await makeModulePackage(
    { ...common, record, files: [{ name, path: file }], rebuild: 0 },
    options,
  );
  return { own: [made.file], tracking: tracking.file };
}

/** The guard's file. */
export async function guardPackage(options: PackagerOptions): Promise<string> {
  return (await makeGuardPackage(0, options)).file;
}
