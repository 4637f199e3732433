import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Target } from '../model/plans.ts';
import type { BuildOutcome, BuildRecord } from '../model/records.ts';
import { VERDICTS } from '../model/verdicts.ts';
import { kernelId, makePlan, type PlanInputs } from './plan.ts';
import { inputsArbitrary, keyFor, makeKernel, makeModule, makeRecord } from './testing/inputs.ts';

const MODULE = makeModule('demo', '2.0-1');
const KERNEL = makeKernel('6.12.117+deb13-amd64');
const KEY = keyFor(MODULE, KERNEL) ?? '';
const SEEN = '2026-01-01T00:00:00.000Z';

function inputs(more: Partial<PlanInputs> = {}): PlanInputs {
  return {
    kernels: [KERNEL],
    modules: [MODULE],
    keyOf: (module, kernel) => keyFor(module, kernel),
    records: [],
    published: new Map(),
    building: new Set(),
    firstSeen: new Map([[kernelId(KERNEL), SEEN]]),
    ...more,
  };
}

function verdictOf(more: Partial<PlanInputs>): Pick<Target, 'verdict' | 'reason' | 'since'> {
  const { targets } = makePlan(inputs(more));
  expect(targets).toHaveLength(1);
  const { verdict, reason, since } = targets[0] ?? { verdict: 'retired', reason: '', since: '' };
  return { verdict, reason, since };
}

describe('why a target is built', () => {
  test('new kernel', () => {
    expect(verdictOf({})).toEqual({ verdict: 'queued', reason: 'new kernel', since: SEEN });
    // Another module's record, or another kernel's, is no earlier build of this one.
    const others = [
      makeRecord(makeModule('other'), KERNEL, 'other'),
      makeRecord(MODULE, makeKernel('6.12.107+deb13-amd64'), 'older'),
      makeRecord(MODULE, { ...KERNEL, architecture: 'arm64' }, 'elsewhere'),
    ];
    expect(verdictOf({ records: others }).reason).toBe('new kernel');
  });

  test('new module version', () => {
    const old = makeRecord(makeModule('demo', '1.0-1'), KERNEL, 'old');
    expect(verdictOf({ records: [old] })).toMatchObject({
      verdict: 'queued',
      reason: 'new module version',
    });
  });

  test('new toolchain', () => {
    const records = [
      makeRecord(makeModule('demo', '1.0-1'), KERNEL, 'old'),
      makeRecord(MODULE, KERNEL, keyFor(MODULE, KERNEL, 1) ?? ''),
    ];
    expect(verdictOf({ records })).toMatchObject({ verdict: 'queued', reason: 'new toolchain' });
  });

  test('retry', () => {
    const record = makeRecord(MODULE, KERNEL, KEY, 'broken', { reason: 'the disk was full' });
    expect(verdictOf({ records: [record] })).toEqual({
      verdict: 'queued',
      reason: 'retry after: the disk was full',
      since: record.finished,
    });
  });
});

describe('what is true of a target', () => {
  test.each<[BuildOutcome, string]>([
    ['built', 'built'],
    ['excluded', 'excluded'],
    ['in-tree', 'in-tree'],
    ['failed', 'failed'],
  ])('whose record says %s', (outcome, verdict) => {
    const record = makeRecord(MODULE, KERNEL, KEY, outcome);
    expect(verdictOf({ records: [record] })).toEqual({
      verdict,
      reason: `because ${outcome}`,
      since: record.finished,
    });
  });

  test('that is published since', () => {
    const record = makeRecord(MODULE, KERNEL, KEY);
    const published = new Map([[KEY, '2026-03-03T00:00:00.000Z']]);
    expect(verdictOf({ records: [record], published })).toMatchObject({
      verdict: 'published',
      since: '2026-03-03T00:00:00.000Z',
    });
    // What failed is not published, whatever the other list says.
    const failed = { ...record, outcome: 'failed' as const };
    expect(verdictOf({ records: [failed], published }).verdict).toBe('failed');
  });

  test('that is being built, for the first time or again', () => {
    const building = new Set([KEY]);
    expect(verdictOf({ building })).toMatchObject({ verdict: 'building', reason: 'in work' });
    const broken = makeRecord(MODULE, KERNEL, KEY, 'broken');
    expect(verdictOf({ building, records: [broken] }).verdict).toBe('building');
    const failed = makeRecord(MODULE, KERNEL, KEY, 'failed');
    expect(verdictOf({ building, records: [failed] }).verdict).toBe('failed');
  });

  test('whose headers are gone: what was built before stays', () => {
    const kernel = { ...KERNEL, headers: undefined };
    const gone = { kernels: [kernel] };
    expect(verdictOf(gone)).toMatchObject({ verdict: 'headers-gone', since: SEEN });
    const record = makeRecord(MODULE, KERNEL, KEY);
    expect(verdictOf({ ...gone, records: [record] }).verdict).toBe('built');
    const published = new Map([[KEY, SEEN]]);
    expect(verdictOf({ ...gone, records: [record], published }).verdict).toBe('published');
    // Builds of an older module version, and failures, are no build of this one.
    const old = makeRecord(makeModule('demo', '1.0-1'), KERNEL, 'old');
    const failed = makeRecord(MODULE, KERNEL, 'failed', 'failed');
    expect(verdictOf({ ...gone, records: [old, failed] }).verdict).toBe('headers-gone');
  });

  test('whose headers are gone: of builds that ended together always the same counts', () => {
    const kernel = { ...KERNEL, headers: undefined };
    const records = ['b', 'a', 'c'].map((key) => makeRecord(MODULE, KERNEL, key));
    for (const list of [
      records,
      records.toReversed(),
      records.toSorted((x, y) => (x.key < y.key ? 1 : -1)),
    ]) {
      expect(makePlan(inputs({ kernels: [kernel], records: list })).targets[0]?.record?.key).toBe(
        'a',
      );
    }
  });

  test('whose headers are gone: the newest of its builds counts', () => {
    const kernel = { ...KERNEL, headers: undefined };
    const records = [1, 3, 2].map((n) =>
      makeRecord(MODULE, KERNEL, `build-${n}`, 'built', {
        finished: `2026-01-0${n}T00:00:00.000Z`,
      }),
    );
    const { targets } = makePlan(inputs({ kernels: [kernel], records }));
    expect(targets[0]?.record?.key).toBe('build-3');
  });
});

/** A target without what it was made of. */
function essence(target: Target): unknown {
  const { module, kernel, key, verdict, reason, since, record } = target;
  return [module.name, kernelId(kernel), key, verdict, reason, since, record?.key];
}

describe('always', () => {
  test('every module × kernel has exactly one verdict, one that there is (any)', () => {
    fc.assert(
      fc.property(inputsArbitrary, (given) => {
        const { targets } = makePlan(given);
        const ids = targets.map(({ module, kernel }) => `${module.name} ${kernelId(kernel)}`);
        expect(new Set(ids).size).toBe(ids.length);
        expect(ids.length).toBe(given.modules.length * given.kernels.length);
        expect(targets.filter(({ verdict }) => !VERDICTS.includes(verdict))).toEqual([]);
        expect(targets.filter(({ reason, since }) => reason === '' || since === '')).toEqual([]);
      }),
    );
  });

  test('the order of the inputs does not matter (any)', () => {
    const shuffle = <T>(list: readonly T[], turn: number): T[] =>
      list
        .map((value, index): [number, T] => [((index + 1) * 7919 * (turn + 1)) % 101, value])
        .toSorted(([a], [b]) => a - b)
        .map(([, value]) => value);
    fc.assert(
      fc.property(inputsArbitrary, fc.nat(50), (given, turn) => {
        const other = makePlan({
          ...given,
          modules: shuffle(given.modules, turn),
          kernels: shuffle(given.kernels, turn + 1),
          records: shuffle(given.records, turn + 2),
          published: new Map([...given.published].toReversed()),
        });
        expect(other.targets.map(essence)).toEqual(makePlan(given).targets.map(essence));
      }),
      { numRuns: 500 },
    );
  });

  test('a kernel more changes no verdict of another (any)', () => {
    fc.assert(
      fc.property(inputsArbitrary, fc.boolean(), (given, hasHeaders) => {
        const extra = makeKernel('9.9-extra', hasHeaders ? {} : { headers: undefined });
        const more = makePlan({ ...given, kernels: [...given.kernels, extra] });
        const others = more.targets.filter(({ kernel }) => kernel.release !== extra.release);
        expect(others.map(essence)).toEqual(makePlan(given).targets.map(essence));
      }),
    );
  });

  test('what is published stays so while its record lives (any)', () => {
    fc.assert(
      fc.property(inputsArbitrary, (given) => {
        const before = makePlan(given).targets.filter(({ verdict }) => verdict === 'published');
        // The headers leave the archive; more is built and published.
        const after = makePlan({
          ...given,
          kernels: given.kernels.map((kernel) => Object.assign({}, kernel, { headers: undefined })),
          building: new Set(),
        }).targets;
        for (const { module, kernel, record } of before) {
          const now = after.find(
            (target) =>
              target.module.name === module.name && kernelId(target.kernel) === kernelId(kernel),
          );
          // Another build of the same module version may have ended later; then that one counts.
          const newer = now?.record !== undefined && now.record.key !== record?.key;
          expect(['published', newer ? 'built' : 'published']).toContain(now?.verdict);
        }
      }),
    );
  });

  test('when all that is queued was done, nothing is queued any more (any)', () => {
    const outcome = fc.constantFrom<BuildOutcome>('built', 'excluded', 'in-tree', 'failed');
    fc.assert(
      fc.property(inputsArbitrary, fc.array(outcome, { minLength: 5 }), (given, outcomes) => {
        const done: BuildRecord[] = [];
        for (const { module, kernel, key, verdict } of makePlan(given).targets) {
          if (key !== undefined && (verdict === 'queued' || verdict === 'building')) {
            done.push(makeRecord(module, kernel, key, outcomes[done.length % outcomes.length]));
          }
        }
        const keys = new Set(done.map(({ key }) => key));
        const records = [...given.records.filter(({ key }) => !keys.has(key)), ...done];
        const after = { ...given, records, building: new Set<string>() };
        const verdicts = makePlan(after).targets.map(({ verdict }) => verdict);
        expect(verdicts.filter((verdict) => verdict === 'queued')).toEqual([]);
        // And planning is asking, not doing: twice gives the same.
        expect(makePlan(after).targets.map(essence)).toEqual(makePlan(after).targets.map(essence));
      }),
    );
  });

  test('targets are in the order of module, architecture, flavour, release', () => {
    const kernels = ['6.1-b', '6.2-a', '6.1-a'].map((release) => makeKernel(release));
    const { targets } = makePlan(inputs({ kernels, modules: [makeModule('z'), makeModule('a')] }));
    expect(targets.map(({ module, kernel }) => `${module.name} ${kernel.release}`)).toEqual([
      ...['a 6.2-a', 'a 6.1-a', 'a 6.1-b', 'z 6.2-a', 'z 6.1-a', 'z 6.1-b'],
    ]);
  });
});
