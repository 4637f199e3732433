/** Whether tests run that boot kernels and download much: `describe.runIf(slow)`. */
export const slow = process.env['LOCKSTEP_TEST_TIER'] === 'all';

/** All of some cases in the second tier; in the first so many of them, evenly spread, the first and the last among them; of one, the first. */
export function sampled<T>(all: readonly T[], count: number): T[] {
  if (slow || count >= all.length) {
    return [...all];
  }
  const places = new Set(
    Array.from({ length: count }, (_, at) =>
      Math.round((at * (all.length - 1)) / Math.max(1, count - 1)),
    ),
  );
  return all.filter((_, at) => places.has(at));
}
