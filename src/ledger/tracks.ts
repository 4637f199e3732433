import { compareText } from '../core/compare.ts';
import { compareVersions } from '../debian/version.ts';
import type { KernelChange, KernelName } from '../model/sightings.ts';
import { type Look, type Sightings } from './look.ts';

interface Track {
  suite: string;
  architecture: string;
  track: string;
  kernel: KernelName;
}

/** `suite/architecture/track` → what it points to; of several kernels the newest. */
function tracksOf(
  kernels: Iterable<KernelName & { suites: Readonly<Record<string, readonly string[]>> }>,
): Map<string, Track> {
  const tracks = new Map<string, Track>();
  for (const kernel of kernels) {
    const { architecture } = kernel;
    for (const [suite, names] of Object.entries(kernel.suites)) {
      for (const track of names) {
        const id = `${suite}/${architecture}/${track}`;
        const known = tracks.get(id);
        if (known === undefined || compareKernels(kernel, known.kernel) > 0) {
          tracks.set(id, { suite, architecture, track, kernel });
        }
      }
    }
  }
  return tracks;
}

/** By version, then by release: total for the kernels of one architecture. */
function compareKernels(a: KernelName, b: KernelName): number {
  return (
    compareVersions(a.version, b.version) ||
    compareText(a.version, b.version) ||
    compareText(a.release, b.release)
  );
}

/** Which metapackages point to other kernels now. @param look with each kernel once */
export function findTrackMoves(
  kernels: Sightings['kernels'],
  look: Look,
  isComplete: (suite: string, architecture: string) => boolean,
): KernelChange[] {
  const known = [...kernels.values()].map(({ release, architecture, version, suites }) => {
    const entries = Object.entries(suites).map(([suite, { tracks }]) => [suite, tracks] as const);
    return { release, architecture, version, suites: Object.fromEntries(entries) };
  });
  const before = tracksOf(known);
  const after = tracksOf(look.seen);
  const changes: KernelChange[] = [];
  for (const id of new Set([...before.keys(), ...after.keys()])) {
    const from = before.get(id);
    const to = after.get(id);
    const { suite, architecture, track } = from ?? to ?? {};
    if (suite === undefined || architecture === undefined || track === undefined) {
      continue;
    }
    const difference =
      from === undefined || to === undefined ? undefined : compareKernels(to.kernel, from.kernel);
    // What could not be read may have a newer kernel, never take one away: a track goes only forward then.
    const isBelieved =
      isComplete(suite, architecture) || from === undefined || (difference ?? -1) > 0;
    if (difference !== 0 && isBelieved) {
      changes.push({
        ...{ type: 'track-moved', suite, architecture, track },
        ...(from && { from: from.kernel.release, fromVersion: from.kernel.version }),
        ...(to && { to: to.kernel.release, toVersion: to.kernel.version }),
      });
    }
  }
  return changes;
}
