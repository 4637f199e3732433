import { compareText } from '../core/compare.ts';
import { type Spread, spreadOf } from '../core/quantiles.ts';
import type { Lag } from '../model/timeline.ts';
import type { SiteCell, SiteData } from './data.ts';
import { secondsBetween } from './text.ts';

/** The lag figures of a suite, in seconds. */
export interface SuiteLag {
  suite: string;
  /** From when the target was first seen; undefined when nothing was followed yet. */
  seen: Spread | undefined;
  /** From the `Date` of the Release file that brought it. */
  released: Spread | undefined;
  /** How many were there at the first look, and how long the slowest of them took; they count for neither figure. */
  caughtUp: { count: number; slowest: number };
}

export function suiteLags({ suites, lags }: Pick<SiteData, 'suites' | 'lags'>): SuiteLag[] {
  return suites.map((suite) => {
    const own = lags.filter((lag) => lag.suite === suite);
    const followed = own.filter(({ isCatchUp }) => !isCatchUp);
    const caughtUp = own.filter(({ isCatchUp }) => isCatchUp).map(sinceSeen);
    return {
      suite,
      seen: spreadOf(followed.map(sinceSeen)),
      released: spreadOf(followed.flatMap((lag) => sinceReleased(lag) ?? [])),
      caughtUp: {
        count: caughtUp.length,
        slowest: caughtUp.reduce((most, seconds) => Math.max(most, seconds), 0),
      },
    };
  });
}

/** Seconds from the first sight of a target to its publication. */
export function sinceSeen({ seen, published }: Lag): number {
  return secondsBetween(seen, published);
}

/** Seconds from the archive's Release file to the publication; undefined where its date is not known. */
export function sinceReleased({ released, published }: Lag): number | undefined {
  return released === undefined ? undefined : secondsBetween(released, published);
}

/** What came at one instant into one suite, and how it was followed. */
export interface ArrivalLag {
  suite: string;
  seen: string;
  released: string | undefined;
  isCatchUp: boolean;
  kernels: readonly string[];
  modules: readonly string[];
  spread: Spread;
}

/** The arrivals of all suites, newest first. */
export function arrivalLags(lags: readonly Lag[], most: number): ArrivalLag[] {
  const groups = new Map<string, Lag[]>();
  for (const lag of lags) {
    const id = `${lag.seen}\0${lag.suite}`;
    const list = groups.get(id) ?? [];
    groups.set(id, list);
    list.push(lag);
  }
  return [...groups]
    .toSorted(([a], [b]) => compareText(b, a))
    .slice(0, most)
    .flatMap(([, list]): ArrivalLag[] => {
      const [first] = list;
      const spread = spreadOf(list.map(sinceSeen));
      return first === undefined || spread === undefined
        ? []
        : [
            {
              ...{ suite: first.suite, seen: first.seen, released: first.released, spread },
              isCatchUp: list.every(({ isCatchUp }) => isCatchUp),
              kernels: [...new Set(list.map(({ release }) => release))],
              modules: [
                ...new Set(list.map(({ module, moduleVersion }) => `${module} ${moduleVersion}`)),
              ],
            },
          ];
    });
}

/** What is on its way, those that wait longest first. */
export function waiting(cells: readonly SiteCell[]): SiteCell[] {
  return cells
    .filter(({ verdict }) => verdict === 'queued' || verdict === 'building' || verdict === 'broken')
    .toSorted((a, b) => compareText(a.since, b.since));
}
