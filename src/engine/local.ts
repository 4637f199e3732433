import PQueue from 'p-queue';
import { asError } from '../core/errors.ts';
import type { Engine, Job } from './engine.ts';

/** Runs jobs in this process, some at once. */
export class LocalEngine implements Engine {
  readonly #concurrency: number;

  constructor(concurrency: number) {
    this.#concurrency = concurrency;
  }

  async run(jobs: readonly Job[], signal: AbortSignal): Promise<Map<string, Error>> {
    const queue = new PQueue({ concurrency: this.#concurrency });
    const failures = new Map<string, Error>();
    const inOrder = jobs.toSorted((a, b) => (a.rank ?? 0) - (b.rank ?? 0) || b.weight - a.weight);
    const runs = inOrder.map((job) =>
      queue.add(async () => {
        if (signal.aborted) {
          return;
        }
        try {
          await job.run(signal);
        } catch (error) {
          failures.set(job.id, asError(error));
        }
      }),
    );
    await Promise.all(runs);
    return failures;
  }
}
