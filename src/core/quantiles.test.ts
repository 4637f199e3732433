import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { spreadOf } from './quantiles.ts';

test.each([
  [[], undefined],
  [[7], { count: 1, p50: 7, p90: 7, max: 7 }],
  [[3, 1, 2], { count: 3, p50: 2, p90: 3, max: 3 }],
  [
    Array.from({ length: 100 }, (_, index) => 100 - index),
    { count: 100, p50: 50, p90: 90, max: 100 },
  ],
])('%j', (values, expected) => {
  expect(spreadOf(values)).toEqual(expected);
});

test('is made of what was measured, in order (any)', () => {
  fc.assert(
    fc.property(fc.array(fc.nat(), { minLength: 1 }), (values) => {
      const spread = spreadOf(values);
      expect(values).toEqual(expect.arrayContaining([spread?.p50, spread?.p90, spread?.max]));
      expect(spread?.p50).toBeLessThanOrEqual(spread?.p90 ?? 0);
      expect(spread?.p90).toBeLessThanOrEqual(spread?.max ?? 0);
    }),
  );
});
