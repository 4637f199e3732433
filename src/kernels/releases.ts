import { parseRelations } from '../debian/relation.ts';
import type { Metapackage } from './metapackages.ts';
import type { PackageIndex } from './suite-index.ts';

/** A release in its two parts. */
export interface ReleaseParts {
  abi: string;
  flavour: string;
}

/** ABI names as Debian makes them: `6.12.117+deb13`, `6.1.0-56`, `5.10.0-0.deb10.3`, `6.13-rc7`, `6.9+bpo`. */
const ABI = /^\d[\d.]*(?:-rc\d+)?(?:\+[a-z0-9.]+)*(?:-(?:\d[a-z0-9.]*|trunk))?(?:\+[a-z0-9.]+)*$/;

/** Every way to cut a release at a hyphen, the longest tail first. */
function* cuts(release: string): Generator<ReleaseParts> {
  for (let at = release.indexOf('-'); at !== -1; at = release.indexOf('-', at + 1)) {
    yield { abi: release.slice(0, at), flavour: release.slice(at + 1) };
  }
}

/**
 * Splits a release by the known flavours; the longest that fits is the flavour (`cloud-amd64` before `amd64`). What is
 * left has to be an ABI name: `6.1.0-56-rt-686-pae` is not of the flavour `686-pae`.
 */
export function splitRelease(
  release: string,
  flavours: ReadonlySet<string>,
): ReleaseParts | undefined {
  for (const parts of cuts(release)) {
    if (flavours.has(parts.flavour) && ABI.test(parts.abi)) {
      return parts;
    }
  }
  return undefined;
}

const HEADERS = 'linux-headers-';
const COMMON = /^linux-headers-(?<abi>\d.*)-common(?:-[a-z0-9.+-]+)?$/;

/** A headers package that depends on `linux-headers-<abi>-common[-<featureset>]` names its ABI itself. */
function partsFromHeaders(release: string, depends: string | undefined): ReleaseParts | undefined {
  if (depends?.includes('-common') !== true) {
    return undefined;
  }
  for (const { name } of parseRelations(depends).flat()) {
    const abi = COMMON.exec(name)?.groups?.['abi'];
    if (abi !== undefined && release.startsWith(`${abi}-`) && release.length > abi.length + 1) {
      return { abi, flavour: release.slice(abi.length + 1) };
    }
  }
  return undefined;
}

/** The flavour that a track and the release it points to share: of `6.12-amd64` and `6.12.117+deb12-amd64`, `amd64`. */
function partsFromTrack({ track, release }: Metapackage): ReleaseParts | undefined {
  const tails = new Set([track]);
  for (const { flavour } of cuts(track)) {
    tails.add(flavour);
  }
  return splitRelease(release, tails);
}

/** The longest ABI name that a release begins with, where nothing says what its flavour is. */
function partsFromShape(release: string): ReleaseParts | undefined {
  return [...cuts(release)].findLast(({ abi, flavour }) => flavour !== '' && ABI.test(abi));
}

/** What all suites together say of the releases of one architecture. */
export interface ReleaseNames {
  /** @returns undefined when nothing shows that this is a release */
  split(release: string): ReleaseParts | undefined;
}

/**
 * Learns the flavours of one architecture.
 *
 * @param indices the packages of each published suite
 * @param metapackages those of all suites
 */
export function learnReleases(
  indices: readonly PackageIndex[],
  metapackages: readonly Metapackage[],
): ReleaseNames {
  const exact = new Map<string, ReleaseParts>();
  const flavours = new Set<string>();
  const pointedTo = new Set<string>();
  for (const index of indices) {
    for (const [name, versions] of index) {
      const release = name.slice(HEADERS.length);
      if (!name.startsWith(HEADERS) || !/^\d/.test(release)) {
        continue;
      }
      for (const entry of versions) {
        const parts = partsFromHeaders(release, entry.fields.get('Depends'));
        if (parts !== undefined) {
          exact.set(release, parts);
          flavours.add(parts.flavour);
          break;
        }
      }
    }
  }
  for (const metapackage of metapackages) {
    pointedTo.add(metapackage.release);
    const parts = partsFromTrack(metapackage);
    if (parts !== undefined) {
      flavours.add(parts.flavour);
    }
  }
  return {
    split: (release) =>
      exact.get(release) ??
      splitRelease(release, flavours) ??
      (pointedTo.has(release) ? partsFromShape(release) : undefined),
  };
}
