import { expect, test } from 'vitest';
import { sampled, slow } from './tier.ts';

const all = ['a', 'b', 'c', 'd', 'e', 'f', 'g'];

test.skipIf(slow)('a sample is spread over all, and none is empty', () => {
  expect(sampled(all, 3)).toEqual(['a', 'd', 'g']);
  expect(sampled(all, 2)).toEqual(['a', 'g']);
  expect(sampled(all, 1)).toEqual(['a']);
  expect(sampled(all, 9)).toEqual(all);
});

test.runIf(slow)('the second tier has all', () => {
  expect(sampled(all, 1)).toEqual(all);
});
