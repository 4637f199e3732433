import { compareText } from '../core/compare.ts';
import { compareVersions } from '../debian/version.ts';
import type { SiteCell, SiteData, SiteKernel } from './data.ts';

/** The kernels of one suite and architecture that something is said of, in lines. */
export interface SuiteMatrix {
  suite: string;
  architecture: string;
  /** By name. */
  modules: readonly string[];
  lines: readonly MatrixLine[];
  /** Module → kernel → the cell of this suite. */
  cells: ReadonlyMap<string, ReadonlyMap<SiteKernel, SiteCell>>;
}

/** Kernels that follow each other. */
export interface MatrixLine {
  flavour: string;
  source: string;
  architecture: string;
  /** Newest first. */
  kernels: readonly SiteKernel[];
}

/** A release on an architecture, in each version that there is of it. */
export interface ReleaseGroup {
  release: string;
  architecture: string;
  /** Newest version first. */
  kernels: readonly SiteKernel[];
  cells: readonly SiteCell[];
}

/** The data, by what the pages ask for. */
export interface SiteIndex {
  data: SiteData;
  byModule: ReadonlyMap<string, readonly SiteCell[]>;
  /** By architecture, then newest first. */
  releases: readonly ReleaseGroup[];
  matrices: readonly SuiteMatrix[];
}

export function compareKernels(a: SiteKernel, b: SiteKernel): number {
  return (
    compareVersions(b.version, a.version) ||
    compareText(b.version, a.version) ||
    compareText(a.release, b.release)
  );
}

/** The published suites in which a cell says something: those that have it, and those that the kernel is expected in. */
export function suitesOf({ suites, ahead }: SiteCell): string[] {
  return [...new Set([...suites, ...ahead])];
}

/** All cells of a matrix, or those of kernels that a metapackage of its suite points to. */
export function cellsOf({ suite, cells }: SuiteMatrix, which: 'all' | 'current'): SiteCell[] {
  return [...cells.values()].flatMap((row) =>
    Array.from(row.values()).filter(({ kernel }) => which === 'all' || isCurrent(kernel, suite)),
  );
}

/** Whether a metapackage of some suite, or of the one given, points to the kernel. */
export function isCurrent({ suites }: SiteKernel, suite?: string): boolean {
  return suite === undefined
    ? [...suites.values()].some((tracks) => tracks.length > 0)
    : (suites.get(suite) ?? []).length > 0;
}

function group<Key, Value>(
  values: Iterable<Value>,
  keyOf: (value: Value) => Key,
): Map<Key, Value[]> {
  const groups = new Map<Key, Value[]>();
  for (const value of values) {
    const key = keyOf(value);
    const list = groups.get(key);
    if (list === undefined) {
      groups.set(key, [value]);
    } else {
      list.push(value);
    }
  }
  return groups;
}

export function indexSite(data: SiteData): SiteIndex {
  return {
    data,
    byModule: group(data.cells, ({ module }) => module),
    releases: releasesOf(data),
    matrices: data.suites.flatMap((suite) => matricesOf(data, suite)),
  };
}

function releasesOf({ kernels, cells }: SiteData): ReleaseGroup[] {
  const byKernel = group(cells, ({ kernel }) => kernel);
  const id = ({ release, architecture }: SiteKernel): string => `${architecture}\0${release}`;
  return [...group(kernels, id).values()]
    .flatMap((list): ReleaseGroup[] => {
      const sorted = list.toSorted(compareKernels);
      const [first] = sorted;
      return first === undefined
        ? []
        : [
            {
              ...{ release: first.release, architecture: first.architecture, kernels: sorted },
              cells: sorted
                .flatMap((kernel) => byKernel.get(kernel) ?? [])
                .toSorted((a, b) => compareText(a.module, b.module)),
            },
          ];
    })
    .toSorted((a, b) => {
      const [left, right] = [a.kernels[0], b.kernels[0]];
      return (
        compareText(a.architecture, b.architecture) ||
        (left === undefined || right === undefined ? 0 : compareKernels(left, right))
      );
    });
}

function matricesOf(data: SiteData, suite: string): SuiteMatrix[] {
  const own = data.cells.filter(
    (cell) => cell.suites.includes(suite) || cell.ahead.includes(suite),
  );
  const byArchitecture = group(own, ({ kernel }) => kernel.architecture);
  return [...byArchitecture]
    .toSorted(([a], [b]) => compareText(a, b))
    .map(([architecture, list]) => matrixOf(suite, architecture, list));
}

function matrixOf(suite: string, architecture: string, list: readonly SiteCell[]): SuiteMatrix {
  const cells = new Map<string, Map<SiteKernel, SiteCell>>();
  for (const cell of list) {
    const row = cells.get(cell.module) ?? new Map<SiteKernel, SiteCell>();
    cells.set(cell.module, row);
    const known = row.get(cell.kernel);
    // A kept package of an earlier version says less than what stands in its place.
    if (known === undefined || compareVersions(cell.version, known.version) > 0) {
      row.set(cell.kernel, cell);
    }
  }
  const kernels = new Set(list.map(({ kernel }) => kernel));
  const lines = group(kernels, ({ flavour, source }) => `${flavour}\0${source}`);
  return {
    suite,
    architecture,
    modules: [...cells.keys()].toSorted(compareText),
    lines: [...lines.values()]
      .flatMap((members): MatrixLine[] => {
        const [first] = members;
        return first === undefined
          ? []
          : [
              {
                ...{ flavour: first.flavour, source: first.source, architecture },
                kernels: members.toSorted(compareKernels),
              },
            ];
      })
      .toSorted(
        (a, b) =>
          Number(b.flavour === architecture) - Number(a.flavour === architecture) ||
          compareText(a.flavour, b.flavour) ||
          compareText(b.source, a.source),
      ),
    cells,
  };
}
