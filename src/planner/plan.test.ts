import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Kernel } from '../model/kernels.ts';
import type { Module } from '../model/modules.ts';
import type { Target } from '../model/plans.ts';
import type { BuildOutcome } from '../model/records.ts';
import { VERDICTS } from '../model/verdicts.ts';
import { kernelId } from './names.ts';
import { makePlan } from './plan.ts';
import { inputsArbitrary, shuffle } from './testing/arbitrary.ts';
import { inputsFor, keyFor, makeKernel } from './testing/inputs.ts';
import { settle } from './testing/ledger.ts';
import { faultOf, targetId, wantedBy } from './testing/wants.ts';

function placeOf({ name }: Module, kernel: Kernel): string {
  return `${name} ${kernelId(kernel)}`;
}

const outcomesArbitrary = fc.array(
  fc.constantFrom<BuildOutcome>('built', 'built', 'failed', 'excluded', 'in-tree'),
  { minLength: 5, maxLength: 11 },
);

describe('a plan', () => {
  test('that was done leaves nothing to do, and planning again changes nothing (any)', () => {
    fc.assert(
      fc.property(inputsArbitrary, outcomesArbitrary, (given, outcomes) => {
        const { inputs, plan } = settle(given, outcomes);
        const open = plan.targets.filter(
          ({ verdict, suites }) =>
            verdict === 'queued' || (verdict === 'built' && suites.length > 0),
        );
        expect(open).toEqual([]);
        expect(makePlan(inputs)).toEqual(plan);
      }),
      { numRuns: 300 },
    );
  });

  test('is the same whatever the order of what it is made from (any)', () => {
    fc.assert(
      fc.property(inputsArbitrary, fc.nat(50), (given, turn) => {
        const other = makePlan({
          ...given,
          suites: shuffle(given.suites, turn).map((suite) =>
            Object.assign({}, suite, {
              kernels: shuffle(suite.kernels, turn + 1),
              modules: shuffle(suite.modules, turn + 2),
            }),
          ),
          records: shuffle(given.records, turn + 3),
          published: shuffle(given.published, turn + 4),
        });
        expect(other).toEqual(makePlan(given));
      }),
      { numRuns: 500 },
    );
  });

  test('of a kernel more says the same of every other (any)', () => {
    const extras = [
      makeKernel('9.9-extra'),
      makeKernel('9.9-extra', { architecture: 'riscv64', headers: undefined }),
      // A later upload of a release that others may have.
      makeKernel('6.1.0-50-amd64', { version: '6.1.0-99' }),
    ];
    fc.assert(
      fc.property(
        inputsArbitrary,
        fc.constantFrom(...extras),
        fc.subarray([0, 1, 2, 3], { minLength: 1 }),
        fc.boolean(),
        (given, extra, places, isAhead) => {
          const entry = { kernel: extra, tracks: [], ahead: isAhead ? 'sid' : undefined };
          const suites = given.suites.map((suite, index) =>
            places.includes(index)
              ? Object.assign({}, suite, { kernels: [...suite.kernels, entry] })
              : suite,
          );
          const more = makePlan({ ...given, suites }).targets;
          expect(more.filter(({ kernel }) => kernel !== extra)).toEqual(makePlan(given).targets);
        },
      ),
    );
  });

  test('has one target for every suite × module × kernel, and every target once (any)', () => {
    fc.assert(
      fc.property(inputsArbitrary, (given) => {
        const plan = makePlan(given);
        const { targets } = plan;
        expect(new Set(targets.map(targetId)).size).toBe(targets.length);
        const wanted = wantedBy(given);
        expect(wanted.map((want) => faultOf(want, plan)).filter((fault) => fault !== '')).toEqual(
          [],
        );
        const possible = new Set(wanted.flatMap(({ ids }) => ids));
        expect(targets.filter((target) => !possible.has(targetId(target)))).toEqual([]);
        expect(targets.filter(({ verdict }) => !VERDICTS.includes(verdict))).toEqual([]);
        expect(targets.filter(({ reason, since }) => reason === '' || since === '')).toEqual([]);
        expect(
          targets.filter(({ verdict, cause }) => (verdict === 'queued') !== (cause !== undefined)),
        ).toEqual([]);
      }),
      { numRuns: 300 },
    );
  });

  test('never builds again what was built of the same inputs, unless it shall (any)', () => {
    fc.assert(
      fc.property(inputsArbitrary, (given) => {
        const isQueued = (target: Target): boolean => target.verdict === 'queued';
        const keep = { ...given, policy: { ...given.policy, toolchain: 'keep' as const } };
        for (const { module, kernel } of makePlan(keep).targets.filter(isQueued)) {
          const inputs = inputsFor(module, kernel);
          expect(
            given.records.filter(
              (record) => record.inputs === inputs && record.outcome === 'built',
            ),
          ).toEqual([]);
        }
        const rebuild = { ...given, policy: { ...given.policy, toolchain: 'rebuild' as const } };
        for (const target of makePlan(rebuild).targets) {
          const isProvided = target.kernel.provides.includes(`${target.module.name}-modules`);
          const key = isProvided ? undefined : keyFor(target.module, target.kernel);
          const record = given.records.find((entry) => entry.key === key);
          const isOpen = record === undefined || record.outcome === 'broken';
          expect(isQueued(target)).toBe(key !== undefined && isOpen && !given.building.has(key));
        }
      }),
    );
  });

  test('after a change of the toolchain tries again what failed, and nothing else (any)', () => {
    fc.assert(
      fc.property(inputsArbitrary, outcomesArbitrary, (given, outcomes) => {
        const { inputs, plan } = settle(
          {
            ...given,
            policy: { ...given.policy, toolchain: 'keep' },
            records: given.records.filter((record) => record.inputs !== ''),
          },
          outcomes,
        );
        const after = makePlan({
          ...inputs,
          keyOf: (module, kernel) => keyFor(module, kernel, { toolchain: 7 }),
        });
        const queued = after.targets.filter(({ verdict }) => verdict === 'queued');
        const hasFailed = ({ module, kernel }: Target): boolean =>
          inputs.records.some(
            (record) => record.outcome === 'failed' && record.inputs === inputsFor(module, kernel),
          );
        expect(queued.filter((target) => target.cause !== 'new toolchain')).toEqual([]);
        expect(queued.filter((target) => !hasFailed(target))).toEqual([]);
        // What was used for want of a preferred version that failed may give way to it; all else stays as it is.
        const isSettled = ({ passedOver, verdict }: Target): boolean =>
          passedOver.length === 0 && verdict !== 'failed';
        const changed = new Set(queued.map(({ module, kernel }) => placeOf(module, kernel)));
        const others = (targets: readonly Target[]): Target[] =>
          targets.filter(
            (target) => isSettled(target) && !changed.has(placeOf(target.module, target.kernel)),
          );
        expect(others(after.targets)).toEqual(others(plan.targets));
      }),
      { numRuns: 300 },
    );
  });
});
