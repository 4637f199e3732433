import { compareVersions } from '../debian/version.ts';
import type { Kernel, SuiteKernel } from '../model/kernels.ts';
import { findHeaders, type HeadersPlace } from './headers.ts';
import { findImages, modulesPackageOf, type ReleaseImages } from './images.ts';
import { findMetapackages, type SuiteMetapackages } from './metapackages.ts';
import { learnReleases } from './releases.ts';
import type { IndexedPackage } from './scan.ts';
import { indexSuite, type PackageIndex } from './suite-index.ts';

/** Whether a package may have to do with a kernel: every binary of Debian's linux sources is named so. */
export function isKernelPackage(name: string): boolean {
  return name.startsWith('linux-');
}

/** What one published suite is made of. */
export interface SuiteInput {
  /** The published suite's name. */
  suite: string;
  /** All packages of {@link isKernelPackage} in its archive's suites, of all architectures. */
  packages: readonly IndexedPackage[];
  /** `suite/component/architecture` of the indices that could not be read again → ISO instant of the last good copy. */
  stale: ReadonlyMap<string, string>;
}

/** One published suite as seen from one architecture. */
interface SuiteView extends HeadersPlace {
  stale: ReadonlyMap<string, string>;
  metapackages: SuiteMetapackages;
  images: Map<string, ReleaseImages>;
}

/** A package that brings the image of a kernel or its modules, and the published suite in which it was seen. */
interface Carrier {
  entry: IndexedPackage;
  view: SuiteView;
}

/** The carriers of one release in any suite, signed images first. */
function carriersOf(release: string, views: readonly SuiteView[]): Carrier[] {
  const of = (kind: keyof ReleaseImages): Carrier[] =>
    views.flatMap((view) =>
      (view.images.get(release)?.[kind] ?? []).map((entry) => ({ entry, view })),
    );
  return [...of('images'), ...of('others')];
}

/** Since when a kernel was not seen: undefined unless every index that carries it is stale. */
function unseenSince(carriers: readonly Carrier[], architecture: string): string | undefined {
  let newest: string | undefined;
  for (const { entry, view } of carriers) {
    const since = view.stale.get(`${entry.suite}/${entry.component}/${architecture}`);
    if (since === undefined) {
      return undefined;
    }
    newest = newest === undefined || since > newest ? since : newest;
  }
  return newest;
}

/** The kernels of one architecture in each of the suites. */
function catalogueOf(architecture: string, views: readonly SuiteView[]): SuiteKernel[][] {
  const metapackages = views.flatMap((view) => view.metapackages.all);
  const names = learnReleases(
    views.map((view) => view.index),
    metapackages,
  );
  const provides = new Map<string, Set<string>>();
  for (const metapackage of metapackages) {
    const known = provides.get(metapackage.release) ?? new Set();
    provides.set(metapackage.release, known);
    for (const name of metapackage.provides) {
      known.add(name);
    }
  }
  const versionIn = (view: SuiteView, release: string): string | undefined => {
    const found = view.images.get(release);
    return (found?.images.length === 0 ? found.others : found?.images)?.reduce((a, b) =>
      compareVersions(b.ref.version, a.ref.version) > 0 ? b : a,
    ).ref.version;
  };
  const listed = views.map((): SuiteKernel[] => []);
  for (const release of new Set(views.flatMap((view) => [...view.images.keys()]))) {
    const parts = names.split(release);
    if (parts === undefined) {
      continue;
    }
    const all = carriersOf(release, views);
    const versions = views.map((view) => versionIn(view, release));
    for (const version of new Set(versions)) {
      const carriers = all.filter(({ entry }) => entry.ref.version === version);
      const source = carriers[0]?.entry.ref.source;
      if (version === undefined || source === undefined) {
        continue;
      }
      const homes = views.filter((_view, at) => versions[at] === version);
      const kernel: Kernel = {
        release,
        ...parts,
        architecture,
        version,
        source,
        suites: [...new Set(carriers.map(({ entry }) => entry.suite))].toSorted(),
        image: modulesPackageOf(
          release,
          carriers.map(({ entry }) => entry),
        ),
        provides: [...(provides.get(release) ?? [])].toSorted(),
        unseenSince: unseenSince(carriers, architecture),
        headers: findHeaders(
          { release, version },
          homes,
          views.filter((view) => !homes.includes(view)),
        ),
      };
      for (const [at, view] of views.entries()) {
        if (versions[at] === version) {
          const tracks = view.metapackages.tracks.get(release) ?? [];
          listed[at]?.push({ kernel, tracks, ahead: undefined });
        }
      }
    }
  }
  return listed;
}

function compareKernels({ kernel: a }: SuiteKernel, { kernel: b }: SuiteKernel): number {
  const texts = (x: string, y: string): number => (x < y ? -1 : x > y ? 1 : 0);
  return (
    texts(a.architecture, b.architecture) ||
    texts(a.flavour, b.flavour) ||
    compareVersions(b.version, a.version) ||
    texts(b.release, a.release)
  );
}

/**
 * Every kernel in some published suites. A kernel (release × architecture × version of its image) that several of
 * them have is one object in all of them.
 *
 * @param inputs in order of preference where a kernel's headers are in several suites, or only in another one
 * @param builder the architecture of the machine that builds; each kernel's own unless given
 * @returns for each published suite its kernels, of each release only the newest version: sorted by architecture and
 *   flavour, newest version first
 */
export function makeCatalogue(
  inputs: readonly SuiteInput[],
  architectures: readonly string[],
  builder?: string,
): Map<string, SuiteKernel[]> {
  const indexed = [...new Set([...architectures, ...(builder === undefined ? [] : [builder])])];
  const indices = inputs.map((input) => indexSuite(input.packages, indexed));
  const catalogue = new Map<string, SuiteKernel[]>(inputs.map(({ suite }) => [suite, []]));
  for (const architecture of architectures) {
    const views = inputs.map(({ suite, stale }, at): SuiteView => {
      const index: PackageIndex = indices[at]?.get(architecture) ?? new Map();
      return {
        suite,
        stale,
        index,
        tools:
          builder === undefined || builder === architecture
            ? undefined
            : (indices[at]?.get(builder) ?? new Map()),
        metapackages: findMetapackages(index),
        images: findImages(index),
      };
    });
    for (const [at, kernels] of catalogueOf(architecture, views).entries()) {
      catalogue.get(inputs[at]?.suite ?? '')?.push(...kernels);
    }
  }
  for (const kernels of catalogue.values()) {
    kernels.sort(compareKernels);
  }
  return catalogue;
}
