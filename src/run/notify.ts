import * as path from 'node:path';
import { errorLinesOf } from '../builder/log.ts';
import type { Outcome } from '../model/timeline.ts';
import { channelNames, deliver } from '../notify/deliver.ts';
import { type Notice, noticesOf } from '../notify/notices.ts';
import { type Pending, readSpool, writeSpool } from '../notify/spool.ts';
import type { Context } from './context.ts';

/** After so many tries in vain a notice is given up: the status site and its feed have it too. */
const MAX_ATTEMPTS = 10;
const MAX_LINES = 5;

async function withLines({ ledger }: Context, notice: Notice): Promise<Notice> {
  if (notice.key === undefined) {
    return notice;
  }
  const lines = await errorLinesOf(ledger.logFile(notice.key), MAX_LINES).catch(() => []);
  return { ...notice, lines };
}

/**
 * Tells those whom the configuration names of modules that fail and of those that are mended: once each, and again at
 * later runs where it could not be delivered. Trouble with it is a warning.
 *
 * @param outcomes what was noted for the first time by this run
 */
export async function notify(context: Context, outcomes: readonly Outcome[]): Promise<void> {
  const { config, emit, signal } = context;
  const channels = config.notify;
  const names = channelNames(channels);
  const file = path.join(config.state, 'notices.json');
  const before = await readSpool(file);
  const fresh = await Promise.all(noticesOf(outcomes).map((notice) => withLines(context, notice)));
  const wanted = [
    ...before,
    ...fresh.map((notice): Pending => ({ notice, channels: names, attempts: 0 })),
  ];
  const pending = wanted.flatMap(({ notice, channels: left, attempts }): Pending[] => {
    const still = left.filter((name) => names.includes(name));
    return still.length === 0 ? [] : [{ notice, channels: still, attempts }];
  });
  if (pending.length === 0 && before.length === 0) {
    return;
  }
  // Known before it is tried: a run that is killed here tells twice rather than never.
  await writeSpool(file, pending);
  const left: Pending[] = [];
  for (const entry of pending) {
    const failed: Pending['channels'] = [];
    for (const name of entry.channels) {
      try {
        await deliver(name, channels, entry.notice, config.repository.origin, signal);
      } catch (error) {
        failed.push(name);
        const message = error instanceof Error ? error.message : String(error);
        emit({ type: 'warning', code: 'NOTIFY_FAILED', message: `${name}: ${message}` });
      }
    }
    if (failed.length > 0 && entry.attempts + 1 < MAX_ATTEMPTS) {
      left.push({ ...entry, channels: failed, attempts: entry.attempts + 1 });
    }
  }
  await writeSpool(file, left);
}
