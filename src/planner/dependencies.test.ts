import { describe, expect, test } from 'vitest';
import { compareText } from '../core/compare.ts';
import type { Module } from '../model/modules.ts';
import type { Target } from '../model/plans.ts';
import type { BuildRecord } from '../model/records.ts';
import { hashOnTopOf } from './dependencies.ts';
import { makePlan, type PlanInputs, type PlanSuite } from './plan.ts';
import {
  choiceOf,
  makeInputs,
  makeKernel,
  makeModule,
  makePublication,
  makeRecord,
  makeSuite,
} from './testing/inputs.ts';

const KERNEL = makeKernel('6.12.117+deb13-amd64');
const TOP = makeModule('top');
const OLD = makeModule('base', '1.0-1');
const NEW = makeModule('base', '2.0-1');
/** What `top` says without what it needs. */
const BLOCKED = makeRecord(TOP, KERNEL, 'blocked', { needs: ['base'] });

function builtBase(module: Module, more: Partial<BuildRecord> = {}): BuildRecord {
  return makeRecord(module, KERNEL, 'built', {
    dkms: { name: module.name, version: '1' },
    ...more,
  });
}

const BUILT_OLD = builtBase(OLD);
const BUILT_NEW = builtBase(NEW, { finished: '2026-03-03T00:00:00.000Z' });

function suiteOf(name: string, ...modules: readonly Module[]): PlanSuite {
  return makeSuite(
    name,
    [KERNEL],
    modules.map((module) => choiceOf(module)),
  );
}

/** By suite, backwards. */
function topsOf(suites: readonly PlanSuite[], more: Partial<PlanInputs>): Target[] {
  const { targets } = makePlan(makeInputs(suites, more));
  return targets
    .filter(({ module }) => module.name === 'top')
    .toSorted((a, b) => compareText(b.suites.join(), a.suites.join()));
}

function shown({ suites, verdict, builtOn }: Target): unknown[] {
  return [suites, verdict, builtOn.map(({ moduleVersion }) => moduleVersion)];
}

/** The record of `top` on some builds. */
function onTopOf(records: readonly BuildRecord[], more: Partial<BuildRecord> = {}): BuildRecord {
  const keys = records.map(({ key }) => key);
  const inputs = records.map((record) => record.inputs);
  return {
    ...makeRecord(TOP, KERNEL),
    key: hashOnTopOf(BLOCKED.key, keys),
    inputs: hashOnTopOf(BLOCKED.inputs, inputs),
    needs: ['base'],
    builtOn: records.map(({ module, key }) => ({ module, key })),
    ...more,
  };
}

describe('what a module is built on', () => {
  test('is the version that the suite uses, not the newest build', () => {
    const records = [BLOCKED, BUILT_OLD, BUILT_NEW];
    const suites = [suiteOf('trixie', TOP, OLD), suiteOf('sid', TOP, NEW)];
    expect(topsOf(suites, { records }).map(shown)).toEqual([
      [['trixie'], 'queued', ['1.0-1']],
      [['sid'], 'queued', ['2.0-1']],
    ]);
    const [first, second] = topsOf(suites, { records });
    expect(first?.key).not.toBe(second?.key);
  });

  test('is one build for suites that use the same', () => {
    const records = [BLOCKED, BUILT_OLD, onTopOf([BUILT_OLD])];
    const suites = [suiteOf('trixie', TOP, OLD), suiteOf('sid', TOP, OLD)];
    expect(topsOf(suites, { records }).map(shown)).toEqual([
      [['sid', 'trixie'], 'built', ['1.0-1']],
    ]);
  });

  test('is never what only another suite has', () => {
    const records = [BLOCKED, BUILT_NEW];
    const suites = [suiteOf('trixie', TOP, OLD), suiteOf('sid', TOP, NEW)];
    expect(topsOf(suites, { records }).map(shown)).toEqual([
      [['trixie'], 'blocked', []],
      [['sid'], 'queued', ['2.0-1']],
    ]);
  });

  test('stays what is published until the version that the suite uses is built', () => {
    const records = [BLOCKED, BUILT_OLD, onTopOf([BUILT_OLD])];
    const published = [makePublication('trixie', BUILT_OLD, KERNEL)];
    const suites = [suiteOf('trixie', TOP, NEW)];
    expect(topsOf(suites, { records, published }).map(shown)).toEqual([
      [['trixie'], 'built', ['1.0-1']],
    ]);
    expect(topsOf(suites, { records: [...records, BUILT_NEW], published }).map(shown)).toEqual([
      [['trixie'], 'queued', ['2.0-1']],
    ]);
  });

  test('may be more than was known before some of it was there', () => {
    const second = builtBase(makeModule('second'));
    const suites = [suiteOf('trixie', TOP, OLD, makeModule('second'))];
    const more = onTopOf([BUILT_OLD], { outcome: 'blocked', needs: ['base', 'second'] });
    const records = [BLOCKED, BUILT_OLD, more];
    const [waiting] = topsOf(suites, { records });
    expect(waiting?.verdict).toBe('blocked');
    expect(waiting?.reason).toContain('it is built on second, not built for this kernel');
    const [queued] = topsOf(suites, { records: [...records, second] });
    expect(queued).toMatchObject({ verdict: 'queued', builtOn: [BUILT_OLD, second] });
    // One that still says the same when all is there ends so.
    const stuck = onTopOf([BUILT_OLD, second], { outcome: 'blocked', needs: ['base', 'second'] });
    const [ended] = topsOf(suites, { records: [...records, second, stuck] });
    expect(ended).toMatchObject({ verdict: 'blocked', reason: 'because built' });
  });

  test('is missing when modules need each other', () => {
    const base = makeRecord(OLD, KERNEL, 'blocked', { needs: ['top'] });
    const [top] = topsOf([suiteOf('trixie', TOP, OLD)], { records: [BLOCKED, base] });
    expect(top).toMatchObject({ verdict: 'blocked' });
    const both = [
      ...[
        BLOCKED,
        base,
        { ...base, key: 'b', outcome: 'built' as const, dkms: { name: 'base', version: '1' } },
      ],
      ...[{ ...BLOCKED, key: 't', outcome: 'built' as const, dkms: { name: 'top', version: '1' } }],
    ];
    expect(topsOf([suiteOf('trixie', TOP, OLD)], { records: both })).toHaveLength(1);
  });
});

describe('a module that is built on one that is not published', () => {
  const why = 'base is from non-free, and the configuration does not say `publish: nonfree`';
  const withheld = { ...OLD, withheld: why };
  const reason = `it is built on base, which is not published: ${why}`;
  const suites = [suiteOf('trixie', TOP, withheld)];
  const built = onTopOf([BUILT_OLD]);

  test('is built, and says why it is not published either', () => {
    const [queued] = topsOf(suites, { records: [BLOCKED, BUILT_OLD] });
    expect(queued?.reason).toContain(`; it will not be published: ${reason}`);
    const [target] = topsOf(suites, { records: [BLOCKED, BUILT_OLD, built] });
    expect(target).toMatchObject({
      ...{ verdict: 'built', withheld: reason, reason: `built; not published: ${reason}` },
    });
  });

  test('is taken out where it is published, for every kernel', () => {
    const before = makeKernel('6.12.107+deb13-amd64');
    const published = [
      makePublication('trixie', built, KERNEL),
      makePublication('trixie', makeRecord(TOP, before), before),
    ];
    const records = [BLOCKED, BUILT_OLD, built];
    const { targets, kept } = makePlan(makeInputs(suites, { records, published }));
    const target = targets.find(({ module }) => module.name === 'top');
    expect(target?.reason).toContain('the next run takes it out');
    expect(kept).toMatchObject([
      { release: before.release, verdict: 'retired', reason: `not published any more: ${reason}` },
    ]);
  });

  test('is published where the other is', () => {
    const records = [BLOCKED, BUILT_OLD, built];
    const both = [...suites, suiteOf('sid', TOP, OLD)];
    expect(topsOf(both, { records }).map((target) => [target.suites, target.withheld])).toEqual([
      [['trixie'], reason],
      [['sid'], undefined],
    ]);
  });
});
