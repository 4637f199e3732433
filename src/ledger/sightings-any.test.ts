import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { compareVersions } from '../debian/version.ts';
import type { KernelSighting, SeenKernel } from '../model/sightings.ts';
import { NO_SIGHTINGS, sightingId, type Sightings } from './look.ts';
import { historyLineSchema, sightingsSchema } from './schema.ts';
import { applyLine, note } from './sightings.ts';
import { day, EVERYWHERE, lookArbitrary, replay, withoutLast } from './testing/kernels.ts';

describe('any sequence of looks', () => {
  const looks = fc.array(lookArbitrary, { minLength: 1, maxLength: 6 });

  test('leaves what the history adds up to', () => {
    fc.assert(
      fc.property(looks, (list) => {
        const { sightings, lines } = replay(list);
        const folded = lines.reduce(applyLine, NO_SIGHTINGS);
        expect(withoutLast(folded.kernels)).toEqual(withoutLast(sightings.kernels));
        expect(folded.run).toBe(lines.length);
        for (const line of lines) {
          expect(historyLineSchema.parse(JSON.parse(JSON.stringify(line)))).toEqual(line);
        }
        const kernels = [...sightings.kernels.values()];
        const file: unknown = JSON.parse(JSON.stringify({ run: 1, kernels }));
        expect(sightingsSchema.parse(file).kernels).toEqual(kernels);
      }),
    );
  });

  test('says of each suite what its indices say, as far as they were read', () => {
    fc.assert(
      fc.property(looks, (list) => {
        let before: Sightings = NO_SIGHTINGS;
        for (const [index, { seen, complete }] of list.entries()) {
          const at = day(index + 1);
          const { sightings } = note(before, { seen, complete, firstSeen: new Map(), at });
          for (const { suite, architecture } of EVERYWHERE) {
            const isComplete = complete.some(
              (entry) => entry.suite === suite && entry.architecture === architecture,
            );
            const there = seen.filter(
              (kernel) => kernel.architecture === architecture && suite in kernel.suites,
            );
            const had = inSuite(before, suite, architecture);
            const has = inSuite(sightings, suite, architecture);
            const expected = new Set([
              ...there.map(sightingId),
              ...(isComplete ? [] : had.map(sightingId)),
            ]);
            expect(new Set(has.map(sightingId))).toEqual(expected);
            for (const kernel of has) {
              const since = before.kernels.get(sightingId(kernel))?.suites[suite]?.since;
              expect(kernel.suites[suite]?.since).toBe(since ?? at);
            }
            checkTracks({ suite, isComplete, there, had, has });
          }
          checkKernels(before, sightings, at, seen);
          before = sightings;
        }
      }),
    );
  });

  function inSuite(state: Sightings, suite: string, architecture: string): KernelSighting[] {
    return [...state.kernels.values()].filter(
      (kernel) => kernel.architecture === architecture && kernel.suites[suite] !== undefined,
    );
  }

  /** Each metapackage points to one kernel: the newest that is said, which is never older where not all is known. */
  function checkTracks(input: {
    suite: string;
    isComplete: boolean;
    there: SeenKernel[];
    had: KernelSighting[];
    has: KernelSighting[];
  }): void {
    const { suite, isComplete, there, had, has } = input;
    for (const track of ['amd64', 'rt-amd64', '6.12-amd64']) {
      const holds = (kernel: KernelSighting) => kernel.suites[suite]?.tracks.includes(track);
      const versions = (kernels: readonly { version: string }[]) =>
        kernels.map(({ version }) => version).toSorted(compareVersions);
      const said = versions(there.filter((kernel) => kernel.suites[suite]?.includes(track)));
      const old = versions(had.filter(holds));
      const now = versions(has.filter(holds));
      const expected = isComplete ? said.slice(-1) : [...said, ...old].toSorted(compareVersions);
      expect(now).toEqual(expected.slice(-1));
    }
  }

  function checkKernels(
    before: Sightings,
    after: Sightings,
    at: string,
    seen: readonly SeenKernel[],
  ): void {
    for (const [id, kernel] of before.kernels) {
      expect(after.kernels.get(id)?.first).toBe(kernel.first);
    }
    for (const [id, kernel] of after.kernels) {
      const isGone = Object.keys(kernel.suites).length === 0;
      const known = before.kernels.get(id);
      const left = known !== undefined && 'left' in known ? known.left : at;
      expect(kernel.left).toBe(isGone ? left : undefined);
      const hasHeaders = seen.some((one) => sightingId(one) === id && one.hasHeaders);
      expect(hasHeaders ? kernel.headers.state : 'there').toBe('there');
      const hadNone = known === undefined || known.headers.neverSeen;
      expect(kernel.headers.neverSeen).toBe(hadNone && kernel.headers.state === 'gone');
      const isSame = known?.headers.state === kernel.headers.state;
      expect(kernel.headers.since).toBe(isSame ? known.headers.since : at);
    }
  }

  test('takes nothing from where not all was read', () => {
    fc.assert(
      fc.property(looks, (list) => {
        const { lines } = replay(list);
        for (const { at, changes } of lines) {
          const { complete } = list[new Date(at).getUTCDate() - 1] ?? { complete: [] };
          const isRead = (suite: string, architecture: string) =>
            complete.some((one) => one.suite === suite && one.architecture === architecture);
          const taken = changes.filter(
            (change) =>
              change.type === 'left' || (change.type === 'track-moved' && change.to === undefined),
          );
          const isEachRead = taken.map(
            (change) => 'suite' in change && isRead(change.suite, change.architecture),
          );
          expect(isEachRead).not.toContain(false);
        }
        const unread = replay(list.map((look) => ({ ...look, complete: [] })));
        const types = new Set(
          unread.lines.flatMap(({ changes }) => changes.map(({ type }) => type)),
        );
        expect(types).not.toContain('left');
      }),
    );
  });

  test('is the same in any order', () => {
    const reversed = <T>(list: readonly T[]): T[] => [...list].reverse();
    fc.assert(
      fc.property(looks, (list) => {
        const first = replay(list);
        const second = replay(
          list.map(({ seen, complete }) => ({
            complete: reversed(complete),
            seen: reversed(seen).map((kernel) => {
              const suites = reversed(Object.entries(kernel.suites)).map(
                ([suite, tracks]) => [suite, reversed(tracks)] as const,
              );
              return Object.assign({}, kernel, { suites: Object.fromEntries(suites) });
            }),
          })),
        );
        expect(JSON.stringify(second.lines)).toBe(JSON.stringify(first.lines));
        const state = ({ sightings }: typeof first) =>
          [...sightings.kernels].map((entry) => JSON.stringify(entry)).toSorted();
        expect(state(second)).toEqual(state(first));
      }),
    );
  });

  test('changes nothing when the last look is repeated', () => {
    fc.assert(
      fc.property(looks, (list) => {
        const { sightings } = replay(list);
        const last = list.at(-1) ?? { seen: [], complete: [] };
        const again = note(sightings, { ...last, firstSeen: new Map(), at: day(90) });
        expect(again.line).toBeUndefined();
        expect(again.sightings).toBe(sightings);
      }),
    );
  });
});
