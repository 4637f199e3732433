import { expect, test } from 'vitest';
import { isDue, waitAfter } from './urgency.ts';
import { secondsToNext } from './watch.ts';

const NOW = new Date('2026-11-27T12:00:00Z');
const MINUTE = 60_000;

test('what was broken rests longer each time, up to six hours', () => {
  expect([1, 2, 3, 4].map((attempts) => waitAfter(attempts) / MINUTE)).toEqual([5, 10, 20, 40]);
  expect(waitAfter(1000)).toBe(6 * 60 * MINUTE);
});

test.each([
  ['failed', 0, 1, true],
  ['broken', 4, 1, false],
  ['broken', 6, 1, true],
  ['broken', 6, 2, false],
  ['broken', 11, 2, true],
] as const)('%s %d minutes ago, for the %d. time: due %s', (outcome, minutes, attempts, due) => {
  const finished = new Date(NOW.getTime() - minutes * MINUTE).toISOString();
  const record = { outcome, finished, attempts };
  expect(isDue({ record }, NOW)).toBe(due);
});

test('looks come by their period, give or take a tenth, and later while nothing can be reached', () => {
  expect(secondsToNext(300, 0, () => 0.5)).toBe(300);
  expect(secondsToNext(300, 0, () => 0)).toBe(270);
  expect(secondsToNext(300, 0, () => 1)).toBe(330);
  expect(secondsToNext(300, 2, () => 0.5)).toBe(1200);
  expect(secondsToNext(300, 50, () => 0.5)).toBe(3600);
  expect(secondsToNext(7200, 3, () => 0.5)).toBe(7200);
});
