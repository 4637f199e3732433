import * as fs from 'node:fs';
import * as path from 'node:path';
import { pino } from 'pino';
import type { LockstepEvent } from '../model/events.ts';

/** How many logs are kept, the newest. */
export const KEPT_LOGS = 30;

/** A log of one run: the events as JSON lines, each with its time. */
export interface RunLog {
  file: string;
  present(event: LockstepEvent): void;
  error(error: unknown): void;
  close(): void;
  /** Closes it and removes the file: nothing in it is worth keeping. */
  discard(): void;
}

/**
 * The logs below `<state>/log` that are too many, oldest first.
 *
 * @param room how many more there are to be
 */
export function oldLogs(state: string, room = 0): string[] {
  const directory = path.join(state, 'log');
  const logs = (fs.existsSync(directory) ? fs.readdirSync(directory) : [])
    .filter((name) => name.endsWith('.jsonl'))
    .toSorted();
  return logs
    .slice(0, Math.max(0, logs.length - KEPT_LOGS + room))
    .map((name) => path.join(directory, name));
}

/** Opens the log of a run below `<state>/log`; the newest 30 are kept. */
export function openRunLog(state: string, command: string): RunLog {
  const directory = path.join(state, 'log');
  fs.mkdirSync(directory, { recursive: true });
  for (const file of oldLogs(state, 1)) {
    fs.unlinkSync(file);
  }
  const stamp = new Date().toISOString().replace(/[:.]/g, '-');
  const file = path.join(directory, `${stamp}-${command}-${process.pid}.jsonl`);
  const destination = pino.destination({ dest: file, sync: true });
  // A log that can't be written (a full disk) stops nothing: what went wrong is said elsewhere too.
  destination.on('error', () => undefined);
  const logger = pino({ base: null, timestamp: pino.stdTimeFunctions.isoTime }, destination);
  return {
    file,
    present(event) {
      logger.info(event, event.type);
    },
    error(error) {
      logger.error({ err: error }, 'error');
    },
    close() {
      destination.flushSync();
      destination.end();
    },
    discard() {
      destination.end();
      fs.rmSync(file, { force: true });
    },
  };
}
