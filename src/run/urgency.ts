import type { Target } from '../model/plans.ts';
import type { BuildRecord } from '../model/records.ts';

const MINUTE = 60_000;
/** A build of so many seconds is a long one, beside which a short one may run. */
export const LONG_SECONDS = 120;
/** The longest time between two tries of a build that failed because of the machine. */
const LONGEST_WAIT = 6 * 60 * MINUTE;

/**
 * The order of a watch's builds: kernels of security suites first, then those that a metapackage points to, then the
 * others; among equals the shorter ones, so that no long build holds a short one back.
 *
 * @param seconds what the build is expected to take
 */
export function rankOf({ kernel, ahead }: Target, isNewest: boolean, seconds: number): number {
  const isSecurity = kernel.suites.some((suite) => suite.endsWith('-security'));
  const place = (isNewest ? 0 : 2) + (isSecurity ? 0 : 1) + (ahead.length > 0 ? 4 : 0);
  return place * 1_000_000 + Math.min(seconds, 999_999);
}

/** Milliseconds to wait before a build is tried again that was broken so many times: 5 minutes, 10, 20 ... 6 hours. */
export function waitAfter(attempts: number): number {
  return Math.min(LONGEST_WAIT, 5 * MINUTE * 2 ** Math.min(20, Math.max(0, attempts - 1)));
}

/** Whether a queued target is to be tried now: one that was broken rests longer each time. */
export function isDue(
  { record }: { record: Pick<BuildRecord, 'outcome' | 'finished' | 'attempts'> | undefined },
  now: Date,
): boolean {
  return (
    record?.outcome !== 'broken' ||
    now.getTime() - Date.parse(record.finished) >= waitAfter(record.attempts)
  );
}
