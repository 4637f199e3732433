import { setTimeout as sleep } from 'node:timers/promises';
import { LockstepError } from '../core/errors.ts';
import type { Kernel } from '../model/kernels.ts';
import { type Context } from './context.ts';
import { PublishAlong } from './publish-along.ts';
import { run, type RunOptions, type RunResult } from './run.ts';
import type { Survey } from './survey.ts';
import { isDue, rankOf } from './urgency.ts';

export interface WatchOptions {
  /** Seconds between the beginnings of two looks. */
  period: number;
  /** Looks after which it ends; for ever unless given. */
  looks?: number | undefined;
  /** Opens what a look works with; it is closed after each look, so that other commands come between. */
  open: () => Promise<Context>;
  signal: AbortSignal;
  /** Called after each look; `next` is the instant of the next one. */
  onLook: (look: Look) => void;
}

export interface Look {
  /** Undefined when the look failed. */
  result: RunResult | undefined;
  error: Error | undefined;
  next: Date;
}

/** The longest time between two looks when nothing can be reached. */
const LONGEST_SECONDS = 3600;
/** Part of the period by which looks vary, so that many watchers do not come at once. */
const JITTER = 0.1;

/** How the builds of a watch go: by urgency, each published as soon as it is there. */
function progressive(context: Context, survey: Survey): RunOptions {
  const newest = new Set<Kernel>(
    survey.suites.flatMap(({ kernels }) =>
      kernels.filter(({ tracks }) => tracks.length > 0).map(({ kernel }) => kernel),
    ),
  );
  const along = new PublishAlong(context, survey);
  const now = new Date();
  return {
    isDue: (target) => isDue(target, now),
    rankOf: (target, seconds) => rankOf(target, newest.has(target.kernel), seconds),
    onBuilt: () => along.note(),
    end: () => along.end(),
  };
}

/** Seconds from the beginning of a look to that of the next one, when so many looks in a row have failed. */
export function secondsToNext(period: number, failures: number, random: () => number): number {
  const base = Math.min(Math.max(period, LONGEST_SECONDS), period * 2 ** Math.min(failures, 20));
  return base * (1 + JITTER * (2 * random() - 1));
}

function isFatal(error: unknown): boolean {
  return (
    error instanceof LockstepError &&
    /^(?:CONFIG|USAGE|KEY_|FLAVOUR_|SUITE_UNKNOWN)/.test(error.code)
  );
}

/**
 * Looks at the archives again and again, builds what changed and publishes each build as it is there. A look that fails
 * because of the machine or the network is no end: the next one comes later each time.
 *
 * @throws LockstepError what no later look can mend (CONFIG_*, KEY_UNUSABLE ...); returns when the signal fires, after
 *   the builds in work were dropped cleanly
 */
export async function watch(options: WatchOptions): Promise<void> {
  const { period, looks = Number.POSITIVE_INFINITY, signal } = options;
  let failures = 0;
  for (let count = 1; count <= looks && !signal.aborted; count += 1) {
    const began = Date.now();
    let result: RunResult | undefined;
    let error: Error | undefined;
    try {
      const context = await options.open();
      try {
        result = await run(context, (survey) => progressive(context, survey));
      } finally {
        await context.close();
      }
      failures = 0;
    } catch (problem) {
      if (signal.aborted) {
        return;
      }
      if (isFatal(problem) || !(problem instanceof LockstepError)) {
        throw problem;
      }
      error = problem;
      failures += 1;
    }
    const seconds = secondsToNext(period, failures, Math.random);
    const next = new Date(Math.max(Date.now(), began + seconds * 1000));
    options.onLook({ result, error, next });
    if (count < looks) {
      await sleep(next.getTime() - Date.now(), undefined, { signal }).catch(() => undefined);
    }
  }
}
