/** How some durations are spread, in their own unit. */
export interface Spread {
  count: number;
  p50: number;
  p90: number;
  max: number;
}

/** By nearest rank: each figure is one that was measured. Undefined when there are none. */
export function spreadOf(values: readonly number[]): Spread | undefined {
  const sorted = values.toSorted((a, b) => a - b);
  const at = (share: number): number | undefined => sorted[Math.ceil(sorted.length * share) - 1];
  const [p50, p90, max] = [at(0.5), at(0.9), sorted.at(-1)];
  return p50 === undefined || p90 === undefined || max === undefined
    ? undefined
    : { count: sorted.length, p50, p90, max };
}
