import { compareText } from '../core/compare.ts';
import { compareVersions } from '../debian/version.ts';
import type { KernelChange, KernelName } from '../model/sightings.ts';
import { completeness, descriptionOf, type Look, sightingId, type Sightings } from './look.ts';
import { findTrackMoves } from './tracks.ts';

/**
 * What is different now. Pure; appearances come first, departures last.
 *
 * @param look with each kernel once
 */
export function findChanges({ kernels }: Sightings, look: Look): KernelChange[] {
  const isComplete = completeness(look.complete);
  const seen = new Map(look.seen.map((kernel) => [sightingId(kernel), kernel]));
  const changes: KernelChange[] = [];
  const versions = versionsBySuite(kernels);
  const releases = new Set([...kernels.values()].map(releaseId));
  for (const [id, kernel] of seen) {
    const known = kernels.get(id);
    const { release, architecture, version, hasHeaders } = kernel;
    const elsewhere = releases.has(releaseId(kernel))
      ? undefined
      : look.firstSeen.get(releaseId(kernel));
    const first = known?.first ?? look.firstSeen.get(id) ?? elsewhere ?? look.at;
    const name = { release, architecture, version };
    for (const suite of Object.keys(kernel.suites)) {
      if (known?.suites[suite] === undefined) {
        const isNew = known === undefined;
        const about = { ...name, ...descriptionOf(kernel), suite, isNew, first, hasHeaders };
        const from = versions.get(`${suite}/${releaseId(kernel)}`);
        changes.push(
          from === undefined
            ? { type: 'appeared', ...about }
            : { type: 'new-version', from, ...about },
        );
      }
    }
    if (known !== undefined && hasHeaders !== (known.headers.state === 'there')) {
      // Headers that are missing may lie in what could not be read.
      const suites = [...Object.keys(known.suites), ...Object.keys(kernel.suites)];
      if (hasHeaders || suites.every((suite) => isComplete(suite, architecture))) {
        changes.push({ type: hasHeaders ? 'headers-back' : 'headers-gone', ...name });
      }
    }
  }
  for (const [id, { release, architecture, version, suites }] of kernels) {
    const now = seen.get(id)?.suites ?? {};
    const gone = Object.keys(suites).filter(
      (suite) => now[suite] === undefined && isComplete(suite, architecture),
    );
    const isInNone = Object.keys({ ...suites, ...now }).every((suite) => gone.includes(suite));
    for (const suite of gone) {
      const isLast = isInNone;
      changes.push({ type: 'left', suite, release, architecture, version, isLast });
    }
  }
  changes.push(...findTrackMoves(kernels, look, isComplete));
  return changes.toSorted(compareChanges);
}

function releaseId({ release, architecture }: KernelName): string {
  return `${release}/${architecture}`;
}

/** `suite/release/architecture` → the newest version there. */
function versionsBySuite(kernels: Sightings['kernels']): ReadonlyMap<string, string> {
  const versions = new Map<string, string>();
  for (const kernel of kernels.values()) {
    for (const suite of Object.keys(kernel.suites)) {
      const id = `${suite}/${releaseId(kernel)}`;
      const known = versions.get(id);
      if (known === undefined || compareVersions(kernel.version, known) > 0) {
        versions.set(id, kernel.version);
      }
    }
  }
  return versions;
}

const ORDER: Record<KernelChange['type'], number> = {
  appeared: 0,
  'new-version': 1,
  'headers-back': 2,
  'headers-gone': 3,
  'track-moved': 4,
  left: 5,
};

/** Appearances first, departures last: whoever reads a run's changes one by one never meets an unknown kernel. */
function compareChanges(a: KernelChange, b: KernelChange): number {
  return ORDER[a.type] - ORDER[b.type] || compareText(sortKey(a), sortKey(b));
}

function sortKey(change: KernelChange): string {
  const suite = 'suite' in change ? change.suite : '';
  const rest = change.type === 'track-moved' ? [change.track] : [change.release, change.version];
  return [suite, change.architecture, ...rest].join('\u0000');
}
