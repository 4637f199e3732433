import { describe, expect, test } from 'vitest';
import type { Job } from './engine.ts';
import { LocalEngine } from './local.ts';

const never = new AbortController().signal;

/** Jobs that end when the test says so. */
class Workshop {
  readonly begun: string[] = [];
  readonly #ends = new Map<string, (error?: Error) => void>();

  job(id: string, weight = 1): Job {
    return {
      id,
      weight,
      run: () => {
        this.begun.push(id);
        return new Promise((resolve, reject) => {
          this.#ends.set(id, (error) => (error === undefined ? resolve() : reject(error)));
        });
      },
    };
  }

  /** Ends a job and lets the engine go on. */
  async end(id: string, error?: Error): Promise<void> {
    this.#ends.get(id)?.(error);
    await new Promise((resolve) => {
      setImmediate(resolve);
    });
  }
}

const settle = () =>
  new Promise((resolve) => {
    setImmediate(resolve);
  });

describe('jobs', () => {
  test('begin with the longest, no more at once than wanted, the next when one ends', async () => {
    const shop = new Workshop();
    const jobs = [shop.job('short', 0.1), shop.job('long', 900), shop.job('middle', 30)];
    const running = new LocalEngine(2).run(jobs, never);
    await settle();
    expect(shop.begun).toEqual(['long', 'middle']);
    await shop.end('middle');
    expect(shop.begun).toEqual(['long', 'middle', 'short']);
    await shop.end('short');
    await shop.end('long');
    expect(await running).toEqual(new Map());
  });

  test('of one weight begin in their order', async () => {
    const shop = new Workshop();
    const jobs = ['c', 'a', 'b'].map((id) => shop.job(id));
    const running = new LocalEngine(1).run(jobs, never);
    for (const id of ['c', 'a', 'b']) {
      await settle();
      expect(shop.begun.at(-1)).toBe(id);
      await shop.end(id);
    }
    await running;
    expect(shop.begun).toHaveLength(3);
  });

  test('that fail stop nothing else, and all failures are told', async () => {
    const done: string[] = [];
    const failing = (id: string, run: () => Promise<void>): Job => ({ id, weight: 2, run });
    const failures = await new LocalEngine(1).run(
      [
        failing('rejects', () => Promise.reject(new Error('first'))),
        failing('throws', () => {
          throw new Error('second');
        }),
        failing('odd', () => Promise.reject('text')),
        { id: 'good', weight: 1, run: async () => void done.push('good') },
      ],
      never,
    );
    expect(done).toEqual(['good']);
    expect([...failures].map(([id, error]) => `${id}: ${error.message}`)).toEqual([
      ...['rejects: first', 'throws: second', 'odd: not an error'],
    ]);
    expect(failures.get('odd')?.cause).toBe('text');
  });

  test('are told when all is to end, and no other begins', async () => {
    const shop = new Workshop();
    const controller = new AbortController();
    const told: string[] = [];
    const listening: Job = {
      id: 'listening',
      weight: 9,
      run: (signal) =>
        new Promise((_resolve, reject) => {
          signal.addEventListener('abort', () => {
            told.push('listening');
            reject(new Error('interrupted'));
          });
        }),
    };
    const running = new LocalEngine(1).run([listening, shop.job('later')], controller.signal);
    await settle();
    controller.abort();
    const failures = await running;
    expect(told).toEqual(['listening']);
    expect([...failures.keys()]).toEqual(['listening']);
    expect(shop.begun).toEqual([]);
  });

  test('none at all is fine', async () => {
    expect(await new LocalEngine(3).run([], never)).toEqual(new Map());
  });
});
