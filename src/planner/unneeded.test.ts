import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { BuildRecord } from '../model/records.ts';
import { kernelId } from './names.ts';
import { makePlan, type PlanInputs } from './plan.ts';
import { inputsArbitrary } from './testing/arbitrary.ts';
import {
  choiceOf,
  makeInputs,
  makeKernel,
  makeModule,
  makeRecord,
  makeSuite,
} from './testing/inputs.ts';
import { unneededBuilds } from './unneeded.ts';

const NOW = '2026-11-01T12:00:00.000Z';
const KERNEL = makeKernel('6.12.117+deb13-amd64');
const OLD = makeKernel('6.12.107+deb13-amd64');
const MODULE = makeModule('demo', '2.0-1');
const FORMER = makeModule('demo', '1.0-1');

/** Keys of what may go when trixie has only the newer kernel, ninety days being the grace period. */
function goingOf(
  records: readonly BuildRecord[],
  more: Partial<PlanInputs> & { used?: readonly string[]; leftDays?: number } = {},
): string[] {
  const { used = [], leftDays, ...fields } = more;
  const left = new Date(Date.parse(NOW) - (leftDays ?? 0) * 86_400_000).toISOString();
  const inputs = makeInputs([makeSuite('trixie', [KERNEL], [choiceOf(MODULE)])], {
    now: NOW,
    records,
    left: new Map(leftDays === undefined ? [] : [[kernelId(OLD), left]]),
    ...fields,
  });
  const { targets } = makePlan(inputs);
  return unneededBuilds({ ...inputs, published: new Set(used) }, targets).map(
    ({ record }) => record.key,
  );
}

describe('a build of a kernel that has left Debian', () => {
  const gone = makeRecord(MODULE, OLD);

  test('goes when the grace period is over', () => {
    expect(goingOf([gone], { leftDays: 91 })).toEqual([gone.key]);
    expect(goingOf([gone], { leftDays: 89 })).toEqual([]);
  });

  test('stays while a published package is made of it, or of one that was built on it', () => {
    expect(goingOf([gone], { leftDays: 91, used: [gone.key] })).toEqual([]);
    const other = makeRecord(makeModule('other'), OLD, 'built');
    const onIt = { ...other, builtOn: [{ module: 'demo', key: gone.key }] };
    expect(goingOf([gone, onIt], { leftDays: 91, used: [onIt.key] })).toEqual([]);
    expect(goingOf([gone, onIt], { leftDays: 91 })).toEqual([gone.key, onIt.key]);
  });

  test('stays when its kernel is in a suite all the same, or was never seen', () => {
    expect(goingOf([gone], { leftDays: 91, present: [OLD] })).toEqual([]);
    expect(goingOf([gone])).toEqual([]);
  });
});

describe('a build of a kernel that Debian has', () => {
  const day = (month: string): string => `2026-${month}-01T00:00:00.000Z`;
  const former = makeRecord(FORMER, KERNEL, 'built', { finished: day('02') });

  test('stays while it is the newest good one, also of a version that nobody asks for', () => {
    expect(goingOf([former])).toEqual([]);
  });

  test('goes some time after a later one has taken its place', () => {
    const later = makeRecord(MODULE, KERNEL, 'built', { finished: day('03') });
    expect(goingOf([former, later])).toEqual([former.key]);
    const young = { ...former, finished: day('10') };
    const younger = { ...later, finished: '2026-10-02T00:00:00.000Z' };
    expect(goingOf([young, younger])).toEqual([]);
  });

  test('stays when it failed and says why another version is used', () => {
    const failed = makeRecord(MODULE, KERNEL, 'failed', { finished: day('03') });
    const other = makeRecord(FORMER, KERNEL, 'failed', { finished: day('02') });
    const suites = [makeSuite('trixie', [KERNEL], [choiceOf(MODULE, FORMER)])];
    expect(goingOf([failed, other])).toEqual([other.key]);
    expect(goingOf([failed, other], { suites })).toEqual([]);
  });
});

test('without the builds that may go every verdict is the same, and nothing more may go', () => {
  let removed = 0;
  fc.assert(
    fc.property(inputsArbitrary, (given) => {
      const published = new Set(given.published.flatMap(({ key }) => key ?? []));
      const before = makePlan(given);
      const unneeded = unneededBuilds({ ...given, published }, before.targets);
      const gone = new Set(unneeded.map(({ record }) => record.key));
      removed += gone.size;
      const rest = { ...given, records: given.records.filter(({ key }) => !gone.has(key)) };
      const after = makePlan(rest);
      const verdicts = ({ targets }: typeof before): unknown[] =>
        targets.map(({ module, kernel, verdict, key, record }) => [
          ...[module.name, module.version, kernelId(kernel), verdict, key, record?.key],
        ]);
      expect(verdicts(after)).toEqual(verdicts(before));
      expect(unneededBuilds({ ...rest, published }, after.targets)).toEqual([]);
      for (const key of published) {
        expect(gone.has(key)).toBe(false);
      }
    }),
  );
  expect(removed).toBeGreaterThan(0);
});
