import type { Lag } from '../model/timeline.ts';
import { sinceSeen } from './lag-figures.ts';
import { type Markup, markup, NOTHING } from './markup.ts';
import { count, formatDuration } from './text.ts';

const WIDTH = 720;
const HEIGHT = 240;
const LEFT = 56;
const RIGHT = 12;
const TOP = 12;
const BOTTOM = 28;
const MAX_POINTS = 600;
/** Seconds at which the plot has a line. */
const TICKS = [10, 60, 300, 1800, 7200, 43_200, 172_800, 604_800, 2_592_000];

/**
 * When targets were published and how long each took, on a logarithmic scale. The same figures are in the table beside
 * it; several at one place are one larger point.
 */
export function lagPlot(lags: readonly Lag[]): Markup {
  if (lags.length < 2) {
    return NOTHING;
  }
  const times = lags.map(({ published }) => Date.parse(published));
  const [begin, end] = [Math.min(...bounds(times)), Math.max(...bounds(times))];
  const seconds = lags.map((lag) => Math.max(1, sinceSeen(lag)));
  const low = Math.log(Math.max(1, Math.min(...bounds(seconds)) / 1.5));
  const high = Math.log(Math.max(...bounds(seconds)) * 1.5);
  const x = (time: number): number =>
    LEFT + ((time - begin) / Math.max(1, end - begin)) * (WIDTH - LEFT - RIGHT);
  const y = (value: number): number =>
    HEIGHT -
    BOTTOM -
    ((Math.log(value) - low) / Math.max(0.1, high - low)) * (HEIGHT - TOP - BOTTOM);
  const points = new Map<string, { cx: number; cy: number; number: number }>();
  for (const [at, time] of times.entries()) {
    const [cx, cy] = [Math.round(x(time) / 4) * 4, Math.round(y(seconds[at] ?? 1) / 4) * 4];
    const known = points.get(`${cx} ${cy}`);
    if (known !== undefined) {
      known.number += 1;
    } else {
      points.set(`${cx} ${cy}`, { cx, cy, number: 1 });
    }
  }
  const dots = [...points.values()]
    .slice(-MAX_POINTS)
    .map(
      ({ cx, cy, number }) =>
        markup`<circle cx="${cx}" cy="${cy}" r="${Math.min(8, 2.5 + Math.log2(number)).toFixed(1)}"/>`,
    );
  const lines = TICKS.filter((tick) => Math.log(tick) >= low && Math.log(tick) <= high).map(
    (tick) =>
      markup`<line x1="${LEFT}" x2="${WIDTH - RIGHT}" y1="${y(tick).toFixed(1)}" y2="${y(tick).toFixed(1)}"/><text x="${LEFT - 8}" y="${(y(tick) + 4).toFixed(1)}" text-anchor="end">${formatDuration(tick)}</text>`,
  );
  const days = [begin, end].map((time) => new Date(time).toISOString().slice(0, 10));
  const ends =
    days[0] === days[1]
      ? markup`<text x="${LEFT}" y="${HEIGHT - 8}">${days[0]}</text>`
      : markup`<text x="${LEFT}" y="${HEIGHT - 8}">${days[0]}</text><text x="${WIDTH - RIGHT}" y="${HEIGHT - 8}" text-anchor="end">${days[1]}</text>`;
  return markup`<figure class="plot"><svg viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" aria-label="Time from first sight to publication of ${count(lags.length, 'target')}, by day; the table has the figures">
<g class="grid">${lines}${ends}</g><g class="points">${dots}</g></svg>
<figcaption>Each point is what was published at one time, larger for more of it; the higher, the longer it took.</figcaption></figure>`;
}

/** The smallest and the largest, without a call of a hundred thousand arguments. */
function bounds(values: readonly number[]): [number, number] {
  return values.reduce<[number, number]>(
    ([low, high], value) => [Math.min(low, value), Math.max(high, value)],
    [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY],
  );
}
