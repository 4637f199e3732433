import { LockstepError } from '../core/errors.ts';
import type { Kernel } from '../model/kernels.ts';

export interface KernelSelection {
  flavours: 'all' | readonly string[];
  /** `newest` is what the metapackage points to; a number counts from the newest of each flavour. */
  abis: 'newest' | 'all' | number;
}

/**
 * The kernels that a configuration wants.
 *
 * @throws LockstepError FLAVOUR_UNKNOWN naming the flavours there are
 */
export function selectKernels(kernels: readonly Kernel[], selection: KernelSelection): Kernel[] {
  const known = new Set(kernels.map((kernel) => kernel.flavour));
  if (selection.flavours !== 'all') {
    for (const flavour of selection.flavours) {
      if (!known.has(flavour)) {
        throw new LockstepError('FLAVOUR_UNKNOWN', `no kernel has the flavour ${flavour}`, {
          hint: `flavours in these suites: ${[...known].toSorted().join(', ')}`,
          exitCode: 2,
        });
      }
    }
  }
  const wanted = kernels.filter(
    (kernel) => selection.flavours === 'all' || selection.flavours.includes(kernel.flavour),
  );
  const counts = new Map<string, number>();
  return wanted.filter((kernel) => {
    switch (selection.abis) {
      case 'all':
        return true;
      case 'newest':
        return kernel.newest;
      default: {
        const flavour = `${kernel.architecture} ${kernel.flavour}`;
        const count = (counts.get(flavour) ?? 0) + 1;
        counts.set(flavour, count);
        return count <= selection.abis;
      }
    }
  });
}
