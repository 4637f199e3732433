import { unreachable } from '../core/errors.ts';
import type { HistoryLine, KernelChange } from '../model/sightings.ts';
import { printable } from './text.ts';

/** A change as `kernels --since --json` shows it: with the run that found it. */
export type HistoryView = { run: number; at: string } & KernelChange;

/** Each change by itself, oldest first. */
export function historyView(lines: readonly HistoryLine[]): HistoryView[] {
  return lines.flatMap(({ run, at, changes }) => changes.map((change) => ({ run, at, ...change })));
}

/**
 * The kernels' comings and goings for people: one line a change with its time (UTC), run, suite, architecture and what
 * happened; oldest first. Empty when nothing changed.
 */
export function historyText(lines: readonly HistoryLine[]): string {
  const rows = lines.flatMap(({ run, at, changes }) =>
    changes.map((change) =>
      [
        at.slice(0, 16).replace('T', ' '),
        `#${run}`,
        // Headers are a kernel's own: whichever suite has them.
        'suite' in change ? change.suite : '-',
        change.architecture,
        changeText(change),
      ].map((cell) => printable(cell).replaceAll(/[\n\t]/g, ' ')),
    ),
  );
  const widths = [0, 1, 2, 3].map((column) =>
    rows.reduce((most, row) => Math.max(most, row[column]?.length ?? 0), 0),
  );
  return rows
    .map((row) => row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join('  '))
    .map((line) => `${line.trimEnd()}\n`)
    .join('');
}

/** What happened, without where and when. */
function changeText(change: KernelChange): string {
  switch (change.type) {
    case 'appeared': {
      const { release, version, isNew, first, hasHeaders } = change;
      const known = isNew ? '' : `, known since ${first.slice(0, 10)}`;
      return `${release} appeared (${version}${known}${hasHeaders ? '' : ', no headers'})`;
    }
    case 'new-version': {
      const headers = change.hasHeaders ? '' : ', no headers';
      return `${change.release} has a new version (${change.version}, was ${change.from}${headers})`;
    }
    case 'headers-back':
      return `${change.release} has headers now (${change.version})`;
    case 'headers-gone':
      return `${change.release} has no headers any more (${change.version})`;
    case 'track-moved':
      return trackText(change);
    case 'left': {
      const where = change.isLast ? ', no suite has it now' : '';
      return `${change.release} left (${change.version}${where})`;
    }
    default:
      return unreachable(change);
  }
}

function trackText(change: Extract<KernelChange, { type: 'track-moved' }>): string {
  const { track, from, fromVersion, to, toVersion } = change;
  const isSame = from === to;
  const was = from === undefined ? '' : ` (was ${isSame ? (fromVersion ?? from) : from})`;
  return to === undefined
    ? `${track} points to nothing now${was}`
    : `${track} points to ${to}${isSame ? ` ${toVersion ?? ''}` : ''} now${was}`;
}
