import PQueue from 'p-queue';
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
    await Promise.all(
      jobs.map((job) =>
        queue.add(
          async () => {
            if (signal.aborted) {
              return;
            }
            try {
              await job.run(signal);
            } catch (error) {
              failures.set(
                job.id,
                error instanceof Error ? error : new Error('not an error', { cause: error }),
              );
            }
          },
          { priority: Math.round(job.weight * 1000) },
        ),
      ),
    );
    return failures;
  }
}
