import { describe, expect, test } from 'vitest';
import type { BuildOutcome } from '../model/records.ts';
import { judgeEdge } from './edges.ts';
import { makePlan } from './plan.ts';
import {
  choiceOf,
  makeInputs,
  makeKernel,
  makeModule,
  makePublication,
  makeRecord,
  makeSuite,
} from './testing/inputs.ts';

const MODULE = makeModule('demo', '2.0-1');
const OLD = makeKernel('6.12.107+deb13-amd64');
const NEW = makeKernel('6.12.117+deb13-amd64');

/** How the edge of `demo-modules-amd64` fares when linux-image-amd64 points to the newer kernel. */
function judged(
  depends: string,
  { outcome, track = 'amd64' }: { outcome?: BuildOutcome; track?: string } = {},
): { state: string; why: string } {
  const record = outcome === undefined ? undefined : makeRecord(MODULE, NEW, outcome);
  const inputs = makeInputs([makeSuite('trixie', [NEW], [choiceOf(MODULE)])], {
    records: record === undefined ? [] : [record],
    published: outcome === 'built' && record ? [makePublication('trixie', record, NEW)] : [],
  });
  const { targets } = makePlan(inputs);
  const { state, why } = judgeEdge(
    { module: 'demo', track, architecture: 'amd64', depends },
    {
      kernels: [
        { kernel: OLD, tracks: [], ahead: undefined },
        { kernel: NEW, tracks: ['amd64'], ahead: undefined },
      ],
      targets,
      known: new Set([OLD, NEW].map(({ release }) => `${release}/amd64`)),
    },
  );
  return { state, why };
}

const to = (release: string): string =>
  `demo-modules-${release} (>= 2.0-1), linux-latest-modules-${release}, lockstep-guard (>= 1.0)`;

describe('the edge of a tracking package', () => {
  test('is whole when a metapackage of the suite points to its kernel', () => {
    expect(judged(to(NEW.release))).toEqual({ state: 'whole', why: '' });
    // Also one of another name.
    expect(judged(to(NEW.release), { track: 'rt-amd64' }).state).toBe('whole');
  });

  test.each(['failed', undefined] as const)(
    'is held while the module for what the metapackage points to is not there (%s)',
    (outcome) => {
      const { state, why } = judged(to(OLD.release), outcome === undefined ? {} : { outcome });
      expect(state).toBe('held');
      expect(why).toContain(`linux-image-amd64 points to ${NEW.release}`);
      expect(why).toContain(outcome ?? 'queued');
    },
  );

  test('is held when its metapackage is gone', () => {
    const { state, why } = judged(to(OLD.release), { track: '6.12-amd64' });
    expect([state, why]).toEqual(['held', expect.stringContaining('no metapackage linux-image-6')]);
  });

  test('is broken when the module is published and it points elsewhere', () => {
    const { state, why } = judged(to(OLD.release), { outcome: 'built' });
    expect(state).toBe('broken');
    expect(why).toContain(`${NEW.release}, for which the module is published`);
  });

  test('is broken when there never was such a kernel, and when there is none', () => {
    expect(judged(to('9.9-amd64')).state).toBe('broken');
    expect(judged('demo-modules-x, lockstep-guard').state).toBe('broken');
    // An alternative holds nothing.
    const either = `linux-latest-modules-${NEW.release} | lockstep-guard`;
    expect(judged(either).state).toBe('broken');
  });
});
