import { compareText } from '../core/compare.ts';
import type {
  Appearance,
  HistoryLine,
  KernelChange,
  KernelSighting,
  SeenKernel,
} from '../model/sightings.ts';
import { findChanges } from './changes.ts';
import { completeness, descriptionOf, type Look, sightingId, type Sightings } from './look.ts';

/**
 * What follows from a look. Pure; neither the order of the kernels nor that of anything in them matters.
 *
 * @returns the next state, the same object when nothing is to be written; and the line for the history, if something
 *   changed
 */
export function note(
  before: Sightings,
  look: Look,
): { sightings: Sightings; line: HistoryLine | undefined } {
  const seen = mergeSeen(look.seen);
  const changes = findChanges(before, { ...look, seen: [...seen.values()] });
  const line = changes.length === 0 ? undefined : { run: before.run + 1, at: look.at, changes };
  const after = line === undefined ? before : applyLine(before, line);
  const kernels = new Map(after.kernels);
  const isComplete = completeness(look.complete);
  let isChanged = line !== undefined;
  for (const [id, kernel] of seen) {
    const known = kernels.get(id);
    if (known !== undefined) {
      const description = descriptionOf(kernel);
      isChanged ||= JSON.stringify(descriptionOf(known)) !== JSON.stringify(description);
      const isThere = Object.keys(kernel.suites).some((suite) =>
        isComplete(suite, kernel.architecture),
      );
      kernels.set(id, { ...known, ...description, last: isThere ? look.at : known.last });
    }
  }
  return { sightings: isChanged ? { run: after.run, kernels } : before, line };
}

/** The state after one more line of the history. */
export function applyLine(before: Sightings, { run, at, changes }: HistoryLine): Sightings {
  const kernels = new Map(before.kernels);
  for (const change of changes) {
    if (change.type === 'track-moved') {
      moveTrack(kernels, change);
      continue;
    }
    const id = sightingId(change);
    const known = kernels.get(id);
    if (change.type === 'appeared' || change.type === 'new-version') {
      kernels.set(id, withAppearance(known, change, at));
    } else if (known === undefined) {
      // Only a history that lost its beginning speaks of a kernel that never appeared.
      continue;
    } else if (change.type === 'left') {
      const { [change.suite]: _left, ...suites } = known.suites;
      const isGone = Object.keys(suites).length === 0;
      kernels.set(id, { ...known, suites, ...(isGone ? { left: at } : {}) });
    } else {
      const state = change.type === 'headers-back' ? 'there' : 'gone';
      kernels.set(id, { ...known, headers: { state, since: at, neverSeen: false } });
    }
  }
  return { run, kernels };
}

function withAppearance(
  known: KernelSighting | undefined,
  { suite, release, architecture, version, first, hasHeaders, ...rest }: Appearance,
  at: string,
): KernelSighting {
  const description = descriptionOf(rest);
  const before: KernelSighting = known ?? {
    ...{ ...description, release, architecture, version, first },
    last: at,
    suites: {},
    headers: {
      state: hasHeaders ? 'there' : 'gone',
      since: at,
      neverSeen: !hasHeaders,
    },
  };
  const { left: _left, ...stays } = before;
  const suites = { ...before.suites, [suite]: { since: at, tracks: [] } };
  return { ...stays, ...description, suites };
}

function moveTrack(
  kernels: Map<string, KernelSighting>,
  change: Extract<KernelChange, { type: 'track-moved' }>,
): void {
  const { suite, architecture, track, from, fromVersion, to, toVersion } = change;
  for (const [release, version, isTarget] of [
    [from, fromVersion, false],
    [to, toVersion, true],
  ] as const) {
    if (release === undefined || version === undefined) {
      continue;
    }
    const id = sightingId({ release, architecture, version });
    const known = kernels.get(id);
    const sighting = known?.suites[suite];
    if (known !== undefined && sighting !== undefined) {
      const others = sighting.tracks.filter((name) => name !== track);
      const tracks = isTarget ? [...others, track].toSorted() : others;
      kernels.set(id, { ...known, suites: { ...known.suites, [suite]: { ...sighting, tracks } } });
    }
  }
}

/** Each kernel once, with all that is said of it; of different descriptions, the same one whatever the order. */
function mergeSeen(seen: readonly SeenKernel[]): ReadonlyMap<string, SeenKernel> {
  const kernels = new Map<string, SeenKernel>();
  for (const kernel of seen) {
    const id = sightingId(kernel);
    const known = kernels.get(id);
    if (known === undefined) {
      kernels.set(id, kernel);
      continue;
    }
    const names = new Set([...Object.keys(known.suites), ...Object.keys(kernel.suites)]);
    const suites = [...names].map((name): [string, string[]] => [
      name,
      [...(known.suites[name] ?? []), ...(kernel.suites[name] ?? [])],
    ]);
    const [description = descriptionOf(kernel)] = [known, kernel]
      .map(descriptionOf)
      .toSorted((a, b) => compareText(JSON.stringify(a), JSON.stringify(b)));
    kernels.set(id, {
      ...known,
      ...description,
      hasHeaders: known.hasHeaders || kernel.hasHeaders,
      suites: Object.fromEntries(suites),
    });
  }
  return kernels;
}
