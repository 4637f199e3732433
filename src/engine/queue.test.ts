import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import type { Job } from './engine.ts';
import { JobQueue, type QueueOptions } from './queue.ts';

const LONG = 120;

beforeEach(() => {
  vi.useFakeTimers();
});

afterEach(() => {
  vi.useRealTimers();
});

/** A queue whose jobs end when the test says so. */
class Workshop {
  readonly begun: string[] = [];
  readonly ended: string[] = [];
  readonly controller = new AbortController();
  readonly queue: JobQueue;
  readonly #ends = new Map<string, (error?: Error) => void>();

  constructor(slots: number, options: Partial<QueueOptions> = {}) {
    this.queue = new JobQueue({
      slots,
      longSeconds: LONG,
      signal: this.controller.signal,
      onEnd: (id, error) => {
        this.ended.push(error === undefined ? id : `${id}: ${error.message}`);
      },
      ...options,
    });
  }

  /** @param weight seconds that it is expected to take */
  job(id: string, weight = 1, rank = 0): Job {
    return {
      ...{ id, weight, rank },
      run: () => {
        this.begun.push(id);
        return new Promise((resolve, reject) => {
          this.#ends.set(id, (error) => (error === undefined ? resolve() : reject(error)));
        });
      },
    };
  }

  async end(id: string, error?: Error): Promise<void> {
    this.#ends.get(id)?.(error);
    await vi.advanceTimersByTimeAsync(0);
  }
}

async function isIdle(queue: JobQueue): Promise<boolean> {
  const other = vi.advanceTimersByTimeAsync(0).then(() => false);
  return await Promise.race([queue.idle().then(() => true), other]);
}

describe('a queue of jobs', () => {
  test('begins them by rank, no more at once than it has slots', async () => {
    const shop = new Workshop(2);
    shop.queue.replace([shop.job('c', 1, 3), shop.job('a', 1, 1), shop.job('b', 1, 2)]);
    expect(shop.begun).toEqual(['a', 'b']);
    await shop.end('b');
    expect(shop.begun).toEqual(['a', 'b', 'c']);
    expect(await isIdle(shop.queue)).toBe(false);
    await shop.end('a');
    await shop.end('c', new Error('no'));
    expect(shop.ended).toEqual(['b', 'a', 'c: no']);
    expect(await isIdle(shop.queue)).toBe(true);
  });

  test('takes what comes while others run, begins nothing twice, and forgets what is no longer named', async () => {
    const shop = new Workshop(1);
    shop.queue.replace([shop.job('a'), shop.job('gone')]);
    shop.queue.replace([shop.job('a'), shop.job('later', 1, 2), shop.job('new', 1, 1)]);
    await shop.end('a');
    await shop.end('new');
    await shop.end('later');
    expect(shop.begun).toEqual(['a', 'new', 'later']);
    expect(await isIdle(shop.queue)).toBe(true);
  });

  test.each([1, 2, 3])('lets a short one pass where long ones take all %d slots', async (slots) => {
    const shop = new Workshop(slots);
    const long = Array.from({ length: slots }, (_, at) => shop.job(`long ${at}`, LONG));
    shop.queue.replace([...long, shop.job('another long', LONG, 1)]);
    expect(shop.begun).toHaveLength(slots);
    const short = [shop.job('short', 1, 2), shop.job('second', 1, 3)];
    shop.queue.replace([shop.job('another long', LONG, 1), ...short]);
    expect(shop.begun.slice(slots)).toEqual(['short']);
    await shop.end('short');
    expect(shop.begun.slice(slots)).toEqual(['short', 'second']);
    await shop.end('second');
    expect(shop.begun).toHaveLength(slots + 2);
    await shop.end('long 0');
    expect(shop.begun.slice(slots)).toEqual(['short', 'second', 'another long']);
  });

  test('finds out by itself that a job which was expected to be short is long', async () => {
    const shop = new Workshop(1);
    shop.queue.replace([shop.job('surprise'), shop.job('short')]);
    await vi.advanceTimersByTimeAsync((LONG - 1) * 1000);
    expect(shop.begun).toEqual(['surprise']);
    await vi.advanceTimersByTimeAsync(1000);
    expect(shop.begun).toEqual(['surprise', 'short']);
    await shop.end('short');
    await shop.end('surprise');
    expect(vi.getTimerCount()).toBe(0);
  });

  test('begins nothing while it may not, and is idle then when nothing runs', async () => {
    let mayBegin = true;
    const shop = new Workshop(1, { mayBegin: () => mayBegin });
    shop.queue.replace([shop.job('a'), shop.job('b')]);
    mayBegin = false;
    expect(await isIdle(shop.queue)).toBe(false);
    await shop.end('a');
    expect(await isIdle(shop.queue)).toBe(true);
    expect(shop.queue.waiting).toBe(1);
    mayBegin = true;
    shop.queue.replace([shop.job('b')]);
    expect(shop.begun).toEqual(['a', 'b']);
  });

  test('begins nothing any more when all is to end', async () => {
    const shop = new Workshop(1);
    shop.queue.replace([shop.job('a'), shop.job('b')]);
    shop.controller.abort();
    await shop.end('a', new Error('told to end'));
    expect(shop.begun).toEqual(['a']);
    expect(await isIdle(shop.queue)).toBe(true);
  });
});
