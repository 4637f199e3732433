import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { Throttle } from './throttle.ts';

beforeEach(() => {
  vi.useFakeTimers();
});

afterEach(() => {
  vi.useRealTimers();
});

/** Work that takes some seconds; counts how often it was begun. */
function slowWork(seconds: number): { count: number; work: () => Promise<void> } {
  const slow = {
    count: 0,
    work: () => {
      slow.count += 1;
      return new Promise<void>((resolve) => {
        setTimeout(resolve, seconds * 1000);
      });
    },
  };
  return slow;
}

const passes = (seconds: number): Promise<unknown> => vi.advanceTimersByTimeAsync(seconds * 1000);

test('the first is done at once; the next ones are one, after a rest that fits the share', async () => {
  const slow = slowWork(10);
  const throttle = new Throttle(slow.work, 0.2);
  throttle.ask();
  expect(slow.count).toBe(1);
  throttle.ask();
  throttle.ask();
  await passes(10 + 39);
  throttle.ask();
  expect(slow.count).toBe(1);
  await passes(1);
  expect(slow.count).toBe(2);
  await passes(1000);
  expect(slow.count).toBe(2);
  throttle.ask();
  expect(slow.count).toBe(3);
  await passes(1000);
  expect(vi.getTimerCount()).toBe(0);
});

test('asked all the time, it takes its share and no more', async () => {
  const slow = slowWork(6);
  const throttle = new Throttle(slow.work, 0.25);
  for (let second = 0; second < 24 * 100 - 1; second += 1) {
    throttle.ask();
    await passes(1);
  }
  expect(slow.count).toBe(100);
});

test('it rests no longer than it may, whatever the share', async () => {
  const slow = slowWork(10);
  const throttle = new Throttle(slow.work, 0.1, 20_000);
  throttle.ask();
  throttle.ask();
  await passes(10 + 19);
  expect(slow.count).toBe(1);
  await passes(1);
  expect(slow.count).toBe(2);
});

test('the last is done at once, and waited for, also when one is in work', async () => {
  const slow = slowWork(10);
  const throttle = new Throttle(slow.work, 0.1);
  const done: string[] = [];
  throttle.ask();
  throttle.ask();
  void throttle.flush().then(() => done.push('flush'));
  await passes(10);
  expect(slow.count).toBe(2);
  expect(done).toEqual([]);
  await passes(10);
  expect(done).toEqual(['flush']);
  await passes(1000);
  expect(slow.count).toBe(2);
  expect(vi.getTimerCount()).toBe(0);
});

test('nothing is done that nobody asked for', async () => {
  const slow = slowWork(1);
  await new Throttle(slow.work, 0.5).flush();
  expect(slow.count).toBe(0);
});
