import * as path from 'node:path';
import type { BuildRecord } from '../model/records.ts';
import type { DebFile } from './deb-tree.ts';

/**
 * The configuration by which depmod prefers a module package's files to others of their names in `updates`, such as
 * those of DKMS: without it, the order of a folder's entries decides.
 *
 * The kernel is `*`, since depmod reads a release as a regular expression, in which `+` has a meaning; the folder is
 * there for kernels with a module package alone. One file a package: packages can't share one.
 */
export function depmodConf(
  module: string,
  release: string,
  record: Pick<BuildRecord, 'modules' | 'modulesDirectory'>,
): DebFile {
  const lines = record.modules.map(
    ({ file }) => `override ${file.replace(/\.ko$/, '')} * updates/${module}\n`,
  );
  const folder = path.dirname(record.modulesDirectory).slice(1);
  return { at: `${folder}/depmod.d/lockstep-${module}-${release}.conf`, content: lines.join('') };
}
