import type { LockstepEvent, Phase } from '../model/events.ts';
import { unreachable } from '../core/errors.ts';

const PHASES: Record<Phase, string> = {
  setup: 'set up',
  archive: 'archive',
  kernels: 'kernels',
  plan: 'plan',
  fetch: 'fetch',
  build: 'build',
  package: 'package',
  publish: 'publish',
  cache: 'clear the cache',
};

/** Bytes for people: `12.3 MB`. */
export function formatBytes(bytes: number): string {
  if (bytes < 1000) {
    return `${bytes} B`;
  }
  const units = ['kB', 'MB', 'GB', 'TB'];
  let value = bytes / 1000;
  // What would be rounded to 1000.0 is one of the next unit.
  while (value >= 999.95 && units.length > 1) {
    units.shift();
    value /= 1000;
  }
  return `${value.toFixed(1)} ${units[0]}`;
}

/** Seconds for people: `0.4 s`, `12 s`, `3 min 20 s`. */
export function formatSeconds(seconds: number): string {
  if (seconds < 10) {
    return `${seconds.toFixed(1)} s`;
  }
  const whole = Math.round(seconds);
  return whole < 60 ? `${whole} s` : `${Math.floor(whole / 60)} min ${whole % 60} s`;
}

/**
 * Text from outside made safe for a terminal: control characters, which could move the cursor or set colours, are
 * shown as `?`.
 */
export function printable(text: string): string {
  // eslint-disable-next-line no-control-regex -- control characters are what it replaces
  return text.replace(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/g, '?');
}

/** One line for an event; undefined when plain output says nothing about it. */
export function eventLine(event: LockstepEvent): string | undefined {
  switch (event.type) {
    case 'phase':
      return `${PHASES[event.phase]}: ${event.detail}`;
    case 'phase-done': {
      const detail = event.detail === '' ? '' : `: ${event.detail}`;
      return `${PHASES[event.phase]} done in ${formatSeconds(event.seconds)}${detail}`;
    }
    case 'warning':
      return `warning: ${event.code}: ${event.message}`;
    case 'fetch':
      return `fetching ${event.what} (${formatBytes(event.bytes)})`;
    case 'plan':
      return `${event.total} targets, ${event.queued} to build`;
    case 'target-started':
      return `building ${event.module} for ${event.release}`;
    case 'target-done':
      return `${event.verdict}: ${event.module} for ${event.release} in ${formatSeconds(event.seconds)}: ${event.reason}`;
    case 'published':
      return `published ${event.suite}: ${event.packages} packages, ${event.added.length} new`;
    case 'unchanged':
      return 'nothing new: nothing built, nothing published';
    default:
      return unreachable(event);
  }
}
