import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { HistoryLine, KernelChange } from '../model/sightings.ts';
import { historyText, historyView } from './history.ts';

const NAME = { release: '6.12.117+deb13-amd64', architecture: 'amd64', version: '6.12.117-1' };
const ABOUT = {
  ...{
    flavour: 'amd64',
    abi: '6.12.117+deb13',
    source: 'linux',
    image: `linux-image-${NAME.release}`,
  },
  ...{ isNew: true, first: '2026-11-24T03:12:00.000Z', hasHeaders: true },
};
const TRACK = {
  type: 'track-moved',
  suite: 'trixie',
  architecture: 'amd64',
  track: 'amd64',
} as const;

function line(run: number, changes: KernelChange[]): HistoryLine {
  return { run, at: '2026-11-24T03:12:44.000Z', changes };
}

describe('the history of kernels', () => {
  test('has one aligned line a change, the newest last', () => {
    const text = historyText([
      line(9, [{ type: 'appeared', suite: 'trixie', ...NAME, ...ABOUT }]),
      line(12, [{ type: 'left', suite: 'trixie-backports', isLast: false, ...NAME }]),
    ]);
    expect(text).toBe(
      '2026-11-24 03:12  #9   trixie            amd64  6.12.117+deb13-amd64 appeared (6.12.117-1)\n' +
        '2026-11-24 03:12  #12  trixie-backports  amd64  6.12.117+deb13-amd64 left (6.12.117-1)\n',
    );
    expect(historyText([])).toBe('');
  });

  test.each<[KernelChange, string]>([
    [
      { type: 'appeared', suite: 'sid', ...NAME, ...ABOUT, isNew: false, hasHeaders: false },
      '6.12.117+deb13-amd64 appeared (6.12.117-1, known since 2026-11-24, no headers)',
    ],
    [
      { type: 'new-version', from: '6.12.117-0', suite: 'sid', ...NAME, ...ABOUT },
      '6.12.117+deb13-amd64 has a new version (6.12.117-1, was 6.12.117-0)',
    ],
    [{ type: 'headers-gone', ...NAME }, `${NAME.release} has no headers any more (6.12.117-1)`],
    [{ type: 'headers-back', ...NAME }, `${NAME.release} has headers now (6.12.117-1)`],
    [
      { type: 'left', suite: 'sid', isLast: true, ...NAME },
      `${NAME.release} left (6.12.117-1, no suite has it now)`,
    ],
    [{ ...TRACK, to: 'b', toVersion: '2' }, 'amd64 points to b now'],
    [{ ...TRACK, from: 'a', fromVersion: '1' }, 'amd64 points to nothing now (was a)'],
    [
      { ...TRACK, from: 'a', fromVersion: '1', to: 'b', toVersion: '2' },
      'amd64 points to b now (was a)',
    ],
    [
      { ...TRACK, from: 'a', fromVersion: '1', to: 'a', toVersion: '2' },
      'amd64 points to a 2 now (was 1)',
    ],
  ])('says what happened: %j', (change, expected) => {
    expect(historyText([line(1, [change])])).toMatch(
      /^2026-11-24 03:12 {2}#1 {2}(?:trixie|sid|-) {2}amd64 {2}/,
    );
    expect(historyText([line(1, [change])])).toContain(`  ${expected}\n`);
  });

  test('is one line a change and safe for a terminal, whatever the names (any)', () => {
    const name = fc.string({
      unit: fc.constantFrom('a', '\n', '\u001b', '\r', '\t', '\u009b', '6'),
    });
    fc.assert(
      fc.property(fc.array(fc.tuple(name, name, name)), (names) => {
        const changes = names.map(
          ([suite, release, version]): KernelChange => ({
            ...{ type: 'left', suite, architecture: 'amd64', release, version, isLast: true },
          }),
        );
        const lines = historyText([line(1, changes)]).split('\n');
        expect(lines).toHaveLength(changes.length + 1);
        expect(lines.join('')).not.toMatch(/\p{Cc}/u);
      }),
    );
  });

  test('is for programs each change with its run', () => {
    const left: KernelChange = { type: 'left', suite: 'sid', isLast: true, ...NAME };
    const gone: KernelChange = { type: 'headers-gone', ...NAME };
    const at = '2026-11-24T03:12:44.000Z';
    const view = historyView([line(1, [gone, left]), line(2, [gone])]);
    expect(view).toEqual([
      { run: 1, at, ...gone },
      { run: 1, at, ...left },
      { run: 2, at, ...gone },
    ]);
    expect(JSON.parse(JSON.stringify(view))).toEqual(view);
  });
});
