import * as path from 'node:path';

/** The folder of the cache that has every unpacked module source under its SHA-256. */
export function moduleLayers(cache: string): string {
  return path.join(cache, 'module-layers');
}
