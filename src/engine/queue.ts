import { asError } from '../core/errors.ts';
import type { Job } from './engine.ts';

export interface QueueOptions {
  /** Jobs at once. */
  slots: number;
  /** Seconds from which on a job is a long one: by what it is expected to take, or has taken already. */
  longSeconds: number;
  /** When it fires no other job begins; those that run are told. */
  signal: AbortSignal;
  /** Called after each job, with what it threw. */
  onEnd: (id: string, error: Error | undefined) => void;
  /** Asked before a job begins; false keeps all of them waiting until the next one ends or jobs are given. */
  mayBegin?: (() => boolean) | undefined;
}

/**
 * Runs jobs that come and go while others run: by rank, some at once. Where long jobs take all slots, one short one at a
 * time runs beside them, so that nothing short ever waits for something long.
 */
export class JobQueue {
  readonly #options: QueueOptions;
  readonly #running = new Map<string, { isLong: boolean }>();
  #waiting: readonly Job[] = [];
  /** Undefined while no job runs. */
  #idle: PromiseWithResolvers<void> | undefined;

  constructor(options: QueueOptions) {
    this.#options = options;
  }

  /** The jobs that run. */
  get running(): ReadonlySet<string> {
    return new Set(this.#running.keys());
  }

  /** Jobs that have not begun. */
  get waiting(): number {
    return this.#waiting.length;
  }

  /** The jobs that have not begun, in their order. */
  upcoming(): string[] {
    return this.#waiting.map(({ id }) => id);
  }

  /** Says which jobs there are from now on. Those that run stay; of those that wait the ones not named are gone. */
  replace(jobs: readonly Job[]): void {
    this.#waiting = jobs
      .filter(({ id }) => !this.#running.has(id))
      .toSorted((a, b) => (a.rank ?? 0) - (b.rank ?? 0) || b.weight - a.weight);
    this.#beginSome();
  }

  /** Resolves when no job runs and none can begin. */
  async idle(): Promise<void> {
    await this.#idle?.promise;
  }

  #beginSome(): void {
    for (let job = this.#next(); job !== undefined; job = this.#next()) {
      const begun = job;
      this.#waiting = this.#waiting.filter((other) => other !== begun);
      this.#idle ??= Promise.withResolvers<void>();
      const isLong = job.weight >= this.#options.longSeconds;
      this.#running.set(job.id, { isLong });
      void this.#run(begun);
    }
  }

  #next(): Job | undefined {
    const { slots, signal, mayBegin, longSeconds } = this.#options;
    if (this.#waiting.length === 0 || signal.aborted) {
      return undefined;
    }
    const running = [...this.#running.values()];
    const isFree = running.length < slots;
    const isHeldUp = running.length === slots && running.every(({ isLong }) => isLong);
    const job = isFree
      ? this.#waiting[0]
      : isHeldUp
        ? this.#waiting.find(({ weight }) => weight < longSeconds)
        : undefined;
    return job !== undefined && mayBegin?.() !== false ? job : undefined;
  }

  async #run(job: Job): Promise<void> {
    const { signal, longSeconds, onEnd } = this.#options;
    const timer = setTimeout(() => {
      this.#running.set(job.id, { isLong: true });
      this.#beginSome();
    }, longSeconds * 1000);
    let failure: Error | undefined;
    try {
      await job.run(signal);
    } catch (error) {
      failure = asError(error);
    }
    clearTimeout(timer);
    this.#running.delete(job.id);
    onEnd(job.id, failure);
    this.#beginSome();
    if (this.#running.size === 0) {
      this.#idle?.resolve();
      this.#idle = undefined;
    }
  }
}
