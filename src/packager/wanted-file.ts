import type { Kernel } from '../model/kernels.ts';
import type { Module } from '../model/modules.ts';
import type { DebFile } from './deb-tree.ts';
import type { PackagerOptions } from './parts.ts';
import { modulePackageName, trackingPackageName } from './versions.ts';

/** What a tracking package needs of the guard. */
export const GUARD_DEPENDENCY = 'lockstep-guard (>= 1.0)';

export interface WantedInputs {
  module: Pick<Module, 'name'>;
  kernel: Pick<Kernel, 'release' | 'flavour'>;
  track: string;
  /** Version of the module package; undefined when the kernel brings the module itself. */
  moduleVersion: string | undefined;
  /** Its module files: `v4l2loopback.ko`. */
  files: readonly string[];
}

/**
 * The file by which a tracking package tells the guard that the machine wants a module for a flavour: its presence is
 * all that makes the guard act. `guard/lib/wanted.sh` reads it.
 */
export function wantedFile(
  inputs: WantedInputs,
  options: Pick<PackagerOptions, 'origin'>,
): DebFile & { content: string } {
  const { module, kernel, track, moduleVersion, files } = inputs;
  const name = trackingPackageName(module.name, track);
  const lines = [
    ['Module', module.name],
    ['Flavour', kernel.flavour],
    ['Package', name],
    ['Prefix', modulePackageName(module.name, '')],
    ['Files', files.map((file) => file.replace(/\.ko$/, '')).join(' ')],
    ['In-Tree', moduleVersion === undefined ? kernel.release : ''],
    ['Origin', options.origin],
  ];
  return {
    at: `usr/share/lockstep-guard/wanted/${name}`,
    content: lines.flatMap(([key, value]) => (value === '' ? [] : [`${key}: ${value}\n`])).join(''),
  };
}
