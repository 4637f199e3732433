import { describe, expect, test } from 'vitest';
import type { HistoryLine, KernelChange, KernelSighting } from '../model/sightings.ts';
import { NO_SIGHTINGS, sightingId, type Sightings } from './look.ts';
import { day, replay, seenKernel } from './testing/kernels.ts';

const TRIXIE = [{ suite: 'trixie', architecture: 'amd64' }];

/** A change in few words. */
function words(change: KernelChange): string {
  switch (change.type) {
    case 'track-moved':
      return `${change.suite}: ${change.track} ${change.from ?? '-'} > ${change.to ?? '-'}`;
    case 'appeared':
    case 'new-version':
    case 'left':
      return `${change.suite}: ${change.release} ${change.version} ${change.type}`;
    case 'headers-back':
    case 'headers-gone':
      return `${change.release} ${change.type}`;
  }
}

function changesOf(lines: readonly HistoryLine[], run: number): string[] {
  return lines.filter((line) => line.run === run).flatMap(({ changes }) => changes.map(words));
}

function get({ kernels }: Sightings, release: string): KernelSighting | undefined {
  return [...kernels.values()].find((kernel) => kernel.release === release);
}

const OLD = seenKernel('6.12.111-amd64', { trixie: ['amd64'] });
const NEW = seenKernel('6.12.117-amd64', { trixie: ['amd64'] });
const SUPERSEDED = { ...OLD, suites: { trixie: [] } };

describe('a suite whose ABI is bumped', () => {
  test('has the new kernel, then loses the old one', () => {
    const { sightings, lines } = replay([
      { seen: [OLD] },
      { seen: [OLD] },
      { seen: [SUPERSEDED, NEW] },
      { seen: [NEW] },
    ]);
    expect(lines.map(({ run, at }) => [run, at])).toEqual([
      [1, day(1)],
      [2, day(3)],
      [3, day(4)],
    ]);
    expect(changesOf(lines, 1)).toEqual([
      'trixie: 6.12.111-amd64 6.12.111-1 appeared',
      'trixie: amd64 - > 6.12.111-amd64',
    ]);
    expect(changesOf(lines, 2)).toEqual([
      'trixie: 6.12.117-amd64 6.12.117-1 appeared',
      'trixie: amd64 6.12.111-amd64 > 6.12.117-amd64',
    ]);
    expect(lines[2]?.changes).toEqual([
      {
        ...{ type: 'left', suite: 'trixie', release: '6.12.111-amd64', version: '6.12.111-1' },
        ...{ architecture: 'amd64', isLast: true },
      },
    ]);
    expect(get(sightings, '6.12.117-amd64')).toEqual({
      ...{ release: '6.12.117-amd64', architecture: 'amd64', version: '6.12.117-1' },
      ...{ flavour: 'amd64', abi: '6.12.117', source: 'linux', image: NEW.image },
      ...{ first: day(3), last: day(4) },
      suites: { trixie: { since: day(3), tracks: ['amd64'] } },
      headers: { state: 'there', since: day(3), neverSeen: false },
    });
    expect(get(sightings, '6.12.111-amd64')).toMatchObject({
      ...{ first: day(1), last: day(3), suites: {}, left: day(4), image: OLD.image },
    });
  });

  test('twice in one day has all of it in one line', () => {
    const third = seenKernel('6.12.118-amd64', { trixie: ['amd64'] });
    const { lines } = replay([
      { seen: [OLD] },
      { seen: [{ ...NEW, suites: { trixie: [] } }, third] },
    ]);
    expect(changesOf(lines, 2)).toEqual([
      'trixie: 6.12.117-amd64 6.12.117-1 appeared',
      'trixie: 6.12.118-amd64 6.12.118-1 appeared',
      'trixie: amd64 6.12.111-amd64 > 6.12.118-amd64',
      'trixie: 6.12.111-amd64 6.12.111-1 left',
    ]);
  });

  test('and whose upload is withdrawn points back, and what comes again is as it was', () => {
    const { sightings, lines } = replay([
      { seen: [OLD] },
      { seen: [SUPERSEDED, NEW] },
      { seen: [OLD] },
      { seen: [SUPERSEDED, NEW] },
    ]);
    expect(changesOf(lines, 3)).toEqual([
      'trixie: amd64 6.12.117-amd64 > 6.12.111-amd64',
      'trixie: 6.12.117-amd64 6.12.117-1 left',
    ]);
    const again = get(sightings, '6.12.117-amd64');
    expect(again).toMatchObject({ first: day(2), suites: { trixie: { since: day(4) } } });
    expect(again).not.toHaveProperty('left');
    expect(lines[3]?.changes[0]).toMatchObject({ type: 'appeared', isNew: false, first: day(2) });
  });

  test('that gets another version of a release says so', () => {
    const next = { ...OLD, version: '6.12.111-2' };
    const { sightings, lines } = replay([{ seen: [OLD] }, { seen: [next] }]);
    expect(changesOf(lines, 2)).toEqual([
      'trixie: 6.12.111-amd64 6.12.111-2 new-version',
      'trixie: amd64 6.12.111-amd64 > 6.12.111-amd64',
      'trixie: 6.12.111-amd64 6.12.111-1 left',
    ]);
    expect(lines[1]?.changes.slice(0, 2)).toMatchObject([
      { from: '6.12.111-1', isNew: true, first: day(2) },
      { fromVersion: '6.12.111-1', toVersion: '6.12.111-2' },
    ]);
    expect([...sightings.kernels.values()].map(({ left }) => left)).toEqual([day(2), undefined]);
  });

  test('gets a kernel that migrates, which is no new one', () => {
    const { sightings, lines } = replay([
      { seen: [{ ...NEW, suites: { sid: ['amd64'] } }] },
      { seen: [{ ...NEW, suites: { sid: ['amd64'], trixie: ['amd64'] } }] },
      { seen: [NEW] },
    ]);
    expect(lines[1]?.changes[0]).toMatchObject({ type: 'appeared', suite: 'trixie', isNew: false });
    expect(lines[2]?.changes.at(-1)).toMatchObject({ type: 'left', suite: 'sid', isLast: false });
    expect(get(sightings, '6.12.117-amd64')).toMatchObject({
      first: day(1),
      suites: { trixie: { since: day(2) } },
    });
    expect(get(sightings, '6.12.117-amd64')).not.toHaveProperty('left');
  });
});

describe('headers', () => {
  const bare = { ...OLD, hasHeaders: false };

  test('that go and come are noticed when they do', () => {
    const { lines, states } = replay([{ seen: [OLD] }, { seen: [bare] }, { seen: [OLD] }]);
    expect(lines.slice(1).flatMap(({ changes }) => changes.map(words))).toEqual([
      '6.12.111-amd64 headers-gone',
      '6.12.111-amd64 headers-back',
    ]);
    expect(states.map((state) => get(state, '6.12.111-amd64')?.headers)).toEqual([
      { state: 'there', since: day(1), neverSeen: false },
      { state: 'gone', since: day(2), neverSeen: false },
      { state: 'there', since: day(3), neverSeen: false },
    ]);
  });

  test('that never were there are told from those that went', () => {
    const { lines, states } = replay([{ seen: [bare] }, { seen: [bare] }, { seen: [OLD] }]);
    expect(states.map((state) => get(state, '6.12.111-amd64')?.headers)).toEqual([
      { state: 'gone', since: day(1), neverSeen: true },
      { state: 'gone', since: day(1), neverSeen: true },
      { state: 'there', since: day(3), neverSeen: false },
    ]);
    expect(lines[0]?.changes[0]).toMatchObject({ type: 'appeared', hasHeaders: false });
    expect(changesOf(lines, 2)).toEqual(['6.12.111-amd64 headers-back']);
  });

  test('may lie in any suite of the kernel: none is gone while one of them is not known', () => {
    const suites = { trixie: ['amd64'], sid: [] };
    const { lines, sightings } = replay([
      { seen: [{ ...OLD, suites }] },
      { seen: [{ ...bare, suites: { trixie: ['amd64'] } }], complete: TRIXIE },
    ]);
    expect(lines).toHaveLength(1);
    expect(get(sightings, '6.12.111-amd64')?.headers.state).toBe('there');
  });
});

describe('an index that was not read well', () => {
  test('takes nothing away, and its own news are believed', () => {
    const { lines, sightings } = replay([
      { seen: [OLD, { ...OLD, architecture: 'arm64' }] },
      { seen: [], complete: [{ suite: 'trixie', architecture: 'arm64' }] },
      { seen: [NEW], complete: [] },
    ]);
    expect(changesOf(lines, 2)).toEqual([
      'trixie: amd64 6.12.111-amd64 > -',
      'trixie: 6.12.111-amd64 6.12.111-1 left',
    ]);
    expect(lines[1]?.changes[1]).toMatchObject({ architecture: 'arm64' });
    expect(changesOf(lines, 3)).toEqual([
      'trixie: 6.12.117-amd64 6.12.117-1 appeared',
      'trixie: amd64 6.12.111-amd64 > 6.12.117-amd64',
    ]);
    expect(get(sightings, '6.12.111-amd64')).toMatchObject({ last: day(1) });
    expect(get(sightings, '6.12.111-amd64')?.suites).toHaveProperty('trixie');
  });

  test('moves no track back', () => {
    const { lines } = replay([{ seen: [SUPERSEDED, NEW] }, { seen: [OLD], complete: [] }]);
    expect(lines).toHaveLength(1);
  });
});

test('what an earlier version knew of first sights is taken over, for kernels that are new here', () => {
  const early = '2025-05-05T00:00:00.000Z';
  const next = { ...OLD, version: '6.12.111-2' };
  const { sightings } = replay(
    [{ seen: [OLD, NEW] }, { seen: [OLD, next] }],
    new Map([
      ['6.12.111-amd64/amd64', early],
      ['6.12.117-amd64/arm64', early],
    ]),
  );
  const firsts = [...sightings.kernels].map(([id, { first }]) => [id, first]);
  expect(Object.fromEntries(firsts)).toEqual({
    '6.12.111-amd64/amd64/6.12.111-1': early,
    '6.12.117-amd64/amd64/6.12.117-1': day(1),
    // The release was known, this version of it was not.
    '6.12.111-amd64/amd64/6.12.111-2': day(2),
  });
  const exact = replay([{ seen: [next] }], new Map([[sightingId(next), early]]));
  expect(exact.sightings.kernels.get(sightingId(next))?.first).toBe(early);
});

test('a kernel that no published suite has is not noted', () => {
  const { sightings, lines } = replay([{ seen: [{ ...OLD, suites: {} }] }]);
  expect(sightings).toBe(NO_SIGHTINGS);
  expect(lines).toEqual([]);
});

test('a kernel that is described anew is kept so, without being news', () => {
  const { sightings, lines } = replay([
    { seen: [OLD] },
    { seen: [{ ...OLD, image: 'linux-modules' }] },
  ]);
  expect(lines).toHaveLength(1);
  expect(get(sightings, OLD.release)).toMatchObject({ image: 'linux-modules', last: day(2) });
});
