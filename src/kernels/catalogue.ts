import { parseRelations } from '../debian/relation.ts';
import { compareVersions } from '../debian/version.ts';
import type { Kernel } from '../model/kernels.ts';
import { headersOf } from './headers.ts';
import type { IndexedPackage } from './scan.ts';

const LATEST = 'linux-latest-modules-';
const IMAGE = 'linux-image-';

/** Whether a package may have to do with a kernel: every binary of Debian's linux sources is named so. */
export function isKernelPackage(name: string): boolean {
  return name.startsWith('linux-');
}

/** All packages of one name on one architecture, newest first. */
export type PackageIndex = ReadonlyMap<string, readonly IndexedPackage[]>;

/** Groups packages that can be installed on an architecture by name, newest version first. */
export function indexByName(
  packages: readonly IndexedPackage[],
  architecture: string,
): PackageIndex {
  const byName = new Map<string, IndexedPackage[]>();
  for (const entry of packages) {
    if (entry.ref.architecture === architecture || entry.ref.architecture === 'all') {
      const list = byName.get(entry.ref.name);
      if (list === undefined) {
        byName.set(entry.ref.name, [entry]);
      } else {
        list.push(entry);
      }
    }
  }
  for (const list of byName.values()) {
    list.sort((a, b) => compareVersions(b.ref.version, a.ref.version));
  }
  return byName;
}

/** A kernel metapackage: `linux-image-<flavour>`, and the release that it points to. */
interface Metapackage {
  flavour: string;
  release: string;
}

/** The release a package points to as a kernel metapackage, by its `Provides: linux-latest-modules-<release>`. */
function metapackageOf(entry: IndexedPackage): Metapackage | undefined {
  if (!entry.ref.name.startsWith(IMAGE)) {
    return undefined;
  }
  const provided = parseRelations(entry.fields.get('Provides')).flat();
  const latest = provided.find((relation) => relation.name.startsWith(LATEST));
  if (latest === undefined) {
    return undefined;
  }
  return {
    flavour: entry.ref.name.slice(IMAGE.length),
    release: latest.name.slice(LATEST.length),
  };
}

/** The flavours of an architecture, each with the release its newest metapackage points to. */
function newestReleases(index: PackageIndex): {
  newest: Map<string, string>;
  flavours: Set<string>;
} {
  const newest = new Map<string, string>();
  const flavours = new Set<string>();
  for (const versions of index.values()) {
    for (const entry of versions) {
      const meta = metapackageOf(entry);
      if (meta !== undefined) {
        flavours.add(meta.flavour);
        if (!newest.has(meta.flavour)) {
          newest.set(meta.flavour, meta.release);
        }
      }
    }
  }
  return { newest, flavours };
}

/** ABI names as Debian makes them: `6.12.117+deb13`, `6.1.0-56`, `5.10.0-0.deb10.3`, `6.13-rc7`, `6.9+bpo`. */
const ABI = /^\d[\d.]*(?:-rc\d+)?(?:\+[a-z0-9.]+)*(?:-(?:\d[a-z0-9.]*|trunk))?(?:\+[a-z0-9.]+)*$/;

/**
 * Splits a release by the known flavours; the longest that fits is the flavour (`cloud-amd64` before `amd64`). What is
 * left has to be an ABI name: `6.1.0-56-rt-686-pae` is not of the flavour `686-pae`.
 */
export function splitRelease(
  release: string,
  flavours: ReadonlySet<string>,
): { abi: string; flavour: string } | undefined {
  let found: { abi: string; flavour: string } | undefined;
  for (const flavour of flavours) {
    const abi = release.slice(0, -flavour.length - 1);
    if (
      release.endsWith(`-${flavour}`) &&
      ABI.test(abi) &&
      (found === undefined || flavour.length > found.flavour.length)
    ) {
      found = { abi, flavour };
    }
  }
  return found;
}

/** The package that brings the modules of a release: of its own where the image is split, else the image. */
function imageOf(release: string, index: PackageIndex): string {
  const split = `linux-modules-${release}`;
  return index.has(split) ? split : `${IMAGE}${release}`;
}

/**
 * Every kernel of one architecture in some suites that are used together.
 *
 * @param packages all packages of {@link isKernelPackage} in these suites
 * @returns sorted by flavour, newest version first
 */
export function findKernels(packages: readonly IndexedPackage[], architecture: string): Kernel[] {
  const index = indexByName(packages, architecture);
  const { newest, flavours } = newestReleases(index);
  const kernels: Kernel[] = [];
  for (const [name, versions] of index) {
    const image = versions[0];
    if (!name.startsWith(IMAGE) || image === undefined || metapackageOf(image) !== undefined) {
      continue;
    }
    const release = name.slice(IMAGE.length);
    const parts = splitRelease(release, flavours);
    if (parts === undefined) {
      continue;
    }
    kernels.push({
      release,
      ...parts,
      architecture,
      version: image.ref.version,
      source: image.ref.source,
      suites: [...new Set(versions.map((entry) => entry.suite))].toSorted(),
      image: imageOf(release, index),
      provides: [],
      unseenSince: undefined,
      headers: headersOf(release, image.ref.version, index),
      newest: newest.get(parts.flavour) === release,
    });
  }
  return kernels.toSorted(
    (a, b) =>
      (a.flavour < b.flavour ? -1 : a.flavour > b.flavour ? 1 : 0) ||
      compareVersions(b.version, a.version) ||
      (a.release < b.release ? 1 : -1),
  );
}
