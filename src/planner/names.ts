import type { Kernel } from '../model/kernels.ts';
import type { Module } from '../model/modules.ts';

/** The name under which what is known of a kernel is kept: `release/architecture/version`. */
export function kernelId(kernel: Pick<Kernel, 'release' | 'architecture' | 'version'>): string {
  return `${kernel.release}/${kernel.architecture}/${kernel.version}`;
}

/** A module version: the same source under the same name and version. */
export function moduleId(module: Module): string {
  return `${module.name}\u0000${module.version}\u0000${module.source.sha256}\u0000${module.initramfs}`;
}

/** The value of a key, made at the first question. */
export function getOrMake<Key, Value>(
  map: Map<Key, Value>,
  key: Key,
  make: (key: Key) => Value,
): Value {
  let value = map.get(key);
  if (value === undefined) {
    value = make(key);
    map.set(key, value);
  }
  return value;
}
