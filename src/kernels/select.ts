import { lineOf } from './line.ts';
import { LockstepError } from '../core/errors.ts';
import { compareVersions } from '../debian/version.ts';
import type { SuiteKernel } from '../model/kernels.ts';

export interface KernelSelection {
  /** Names of flavours (`amd64`: of every line) or of tracks (`6.12-amd64`: of the line that has it). */
  flavours: 'all' | readonly string[];
  /** `newest` is what the metapackages point to; a number counts from the newest of each line. */
  abis: 'newest' | 'all' | number;
}

/** The lines that a selection names, by {@link lineOf}: by their flavour, or by a track of one of their kernels. */
function linesOf(
  kernels: readonly SuiteKernel[],
  flavours: KernelSelection['flavours'],
): Set<string> {
  const wanted = new Set(flavours === 'all' ? [] : flavours);
  return new Set(
    kernels
      .filter(
        ({ kernel, tracks }) =>
          flavours === 'all' ||
          wanted.has(kernel.flavour) ||
          tracks.some((track) => wanted.has(track)),
      )
      .map(({ kernel }) => lineOf(kernel)),
  );
}

/** The newest kernels of each line; those that a metapackage points to are always among them. */
function newestOf(kernels: readonly SuiteKernel[], count: number): Set<SuiteKernel> {
  const lines = Map.groupBy(kernels, ({ kernel }) => lineOf(kernel));
  const newest = [...lines.values()].flatMap((line) =>
    line
      .toSorted(
        ({ kernel: a }, { kernel: b }) =>
          compareVersions(b.version, a.version) || compareVersions(b.abi, a.abi),
      )
      .filter(({ tracks }, at) => at < count || tracks.length > 0),
  );
  return new Set(newest);
}

/**
 * The kernels of one published suite that a configuration wants, in the order given. A selection that names no
 * flavour of this suite selects nothing in it: {@link checkFlavours} judges over all suites.
 */
export function selectSuiteKernels(
  kernels: readonly SuiteKernel[],
  { flavours, abis }: KernelSelection,
): SuiteKernel[] {
  const lines = linesOf(kernels, flavours);
  const wanted = kernels.filter(({ kernel }) => lines.has(lineOf(kernel)));
  switch (abis) {
    case 'all':
      return wanted;
    case 'newest':
      return wanted.filter(({ tracks }) => tracks.length > 0);
    default: {
      const newest = newestOf(wanted, abis);
      return wanted.filter((kernel) => newest.has(kernel));
    }
  }
}

/**
 * Checks that every flavour of a selection is a flavour or a track somewhere.
 *
 * @param kernels of all published suites: a flavour may be in one of them only
 * @throws LockstepError FLAVOUR_UNKNOWN naming the flavours there are
 */
export function checkFlavours(
  kernels: readonly SuiteKernel[],
  { flavours }: Pick<KernelSelection, 'flavours'>,
): void {
  const known = new Set(kernels.flatMap(({ kernel, tracks }) => [kernel.flavour, ...tracks]));
  const unknown = flavours === 'all' ? undefined : flavours.find((name) => !known.has(name));
  if (unknown !== undefined) {
    throw new LockstepError('FLAVOUR_UNKNOWN', `no kernel has the flavour ${unknown}`, {
      hint: `flavours in these suites: ${[...known].toSorted().join(', ')}`,
      exitCode: 2,
    });
  }
}
