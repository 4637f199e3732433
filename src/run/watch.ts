import { setTimeout as sleep } from 'node:timers/promises';
import { asError, LockstepError } from '../core/errors.ts';
import { explainSystemError } from '../core/system-errors.ts';
import type { Context } from './context.ts';
import { type SessionEnd, WatchSession } from './watch-session.ts';

export interface WatchOptions {
  /** Seconds between the beginnings of two looks. */
  period: number;
  /** Looks after which it ends, when all is built; for ever unless given. */
  looks?: number | undefined;
  /** Opens what looks and builds work with; it is closed when nothing is in work, so that other commands come between. */
  open: () => Promise<Context>;
  signal: AbortSignal;
  /** Called after each look. */
  onLook: (look: Look) => void;
  /** Called when nothing is in work any more, and the state folder was given back. */
  onRest: (end: SessionEnd & { seconds: number; next: Date }) => void;
}

export interface Look {
  /** Undefined when it went well. */
  error: Error | undefined;
  /** The instant of the next look. */
  next: Date;
}

/** The longest time between two looks when nothing can be reached. */
const LONGEST_SECONDS = 3600;
/** Part of the period by which looks vary, so that many watchers do not come at once. */
const JITTER = 0.1;

/** Seconds from the beginning of a look to that of the next one, when so many looks in a row have failed. */
export function secondsToNext(period: number, failures: number, random: () => number): number {
  const base = Math.min(Math.max(period, LONGEST_SECONDS), period * 2 ** Math.min(failures, 20));
  return base * (1 + JITTER * (2 * random() - 1));
}

/** Milliseconds in which a command that waits for the state folder has taken it. */
const YIELD_MILLISECONDS = 1500;

function isFatal(error: Error): boolean {
  return (
    !(error instanceof LockstepError) ||
    /^(?:CONFIG|USAGE|KEY_|FLAVOUR_|SUITE_UNKNOWN)/.test(error.code)
  );
}

interface OpenSession {
  session: WatchSession;
  context: Context;
  /** Milliseconds since 1970. */
  began: number;
}

/** Looks and the sessions that they go on in: one session for as long as something is in work. */
class Watch {
  readonly #options: WatchOptions;
  #session: OpenSession | undefined;
  /** Looks in a row that failed, and sessions in a row that ended with something not built or not published. */
  #failedLooks = 0;
  #failedEnds = 0;
  /** Whether the last session ended early, for another command. */
  isYielding = false;

  constructor(options: WatchOptions) {
    this.#options = options;
  }

  /** @throws LockstepError what no later look can mend */
  async look(): Promise<Look> {
    const began = Date.now();
    let error: Error | undefined;
    try {
      this.#session ??= await this.#open();
      await this.#session.session.look();
      this.#failedLooks = 0;
    } catch (problem) {
      error = this.#expected(problem);
      this.#failedLooks += 1;
    }
    const look = { error, next: this.#next(began) };
    if (!this.#options.signal.aborted) {
      this.#options.onLook(look);
    }
    return look;
  }

  async #open(): Promise<OpenSession> {
    const context = await this.#options.open();
    return { context, session: new WatchSession(context), began: Date.now() };
  }

  /** Waits until an instant, or until nothing is in work: the session has ended then. @returns the next instant */
  async until(next: Date, isLast: boolean): Promise<Date> {
    const current = this.#session;
    if (current === undefined) {
      await this.#sleepUntil(next);
      return next;
    }
    const isAtRest = current.session.rest().then(() => true);
    const isTime = isLast ? isAtRest : this.#sleepUntil(next).then(() => false);
    if (!(await Promise.race([isAtRest, isTime])) && !this.#options.signal.aborted) {
      return next;
    }
    return await this.end(next);
  }

  /** Ends the session, if there is one. @returns when the next look is due */
  async end(next: Date): Promise<Date> {
    const { signal, onRest } = this.#options;
    const current = this.#session;
    this.#session = undefined;
    if (current === undefined) {
      return next;
    }
    const end = await current.session.close();
    this.isYielding = end.isYielding;
    if (signal.aborted) {
      return next;
    }
    const error = end.error === undefined ? undefined : this.#expected(end.error);
    this.#failedEnds = error === undefined ? 0 : this.#failedEnds + 1;
    const due = this.#due(next, end, error);
    onRest({ ...end, error, seconds: (Date.now() - current.began) / 1000, next: due });
    return due;
  }

  #due(next: Date, end: SessionEnd, error: Error | undefined): Date {
    const given = new Date(Date.now() + YIELD_MILLISECONDS);
    if (end.isYielding) {
      return given;
    }
    const due = error === undefined ? next : this.#next(Date.now());
    // Looks that take longer than the period leave no time between two.
    return end.isWanted && due < given ? given : due;
  }

  #next(began: number): Date {
    const failures = Math.max(this.#failedLooks, this.#failedEnds);
    const seconds = secondsToNext(this.#options.period, failures, Math.random);
    return new Date(Math.max(Date.now(), began + seconds * 1000));
  }

  async #sleepUntil(instant: Date): Promise<void> {
    const { signal } = this.#options;
    await sleep(Math.max(0, instant.getTime() - Date.now()), undefined, { signal }).catch(
      () => undefined,
    );
  }

  /** @throws what no later look can mend, or is none of an error that can be met */
  #expected(problem: unknown): Error {
    const state = this.#session?.context.config.state ?? '';
    const error = asError(explainSystemError(problem, state));
    if (isFatal(error) && !this.#options.signal.aborted) {
      throw error;
    }
    return error;
  }
}

/**
 * Looks at the archives again and again, builds what changed and publishes each build as it is there; looks go on while
 * builds do. A look that fails because of the machine or the network is no end: the next one comes later each time.
 *
 * @throws LockstepError what no later look can mend (CONFIG_*, KEY_UNUSABLE ...), when the builds in work have ended;
 *   returns when the signal fires, after the builds in work were dropped cleanly
 */
export async function watch(options: WatchOptions): Promise<void> {
  const { looks = Number.POSITIVE_INFINITY, signal } = options;
  const own = new Watch(options);
  let next = new Date();
  try {
    // One that another command cut short is made again.
    for (let count = 1; count <= looks && !signal.aborted; count += own.isYielding ? 0 : 1) {
      own.isYielding = false;
      const look = await own.look();
      next = await own.until(look.next, count >= looks);
      if (count < looks || own.isYielding) {
        await own.until(next, false);
      }
    }
  } finally {
    await own.end(next);
  }
}
