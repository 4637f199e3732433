import { describe, expect, test } from 'vitest';
import type { Target } from '../model/plans.ts';
import type { BuildOutcome } from '../model/records.ts';
import { kernelId } from './names.ts';
import { makePlan, type PlanInputs } from './plan.ts';
import {
  aheadFrom,
  choiceOf,
  type Generation,
  makeInputs,
  makeKernel,
  makeModule,
  makePublication,
  makeRecord,
  makeSuite,
  SEEN,
} from './testing/inputs.ts';
import { targetOf as oneTargetOf } from './testing/targets.ts';

const MODULE = makeModule('demo', '2.0-1');
const OLD = makeModule('demo', '1.0-1');
const KERNEL = makeKernel('6.12.117+deb13-amd64');
const UPLOAD = makeKernel('6.12.117+deb13-amd64', { version: '6.12.117-2' });
const GONE = { ...KERNEL, headers: undefined };

type More = Partial<PlanInputs> & Generation;

function targetOf(more: More = {}, kernel = KERNEL, module = MODULE): Target {
  return oneTargetOf(kernel, choiceOf(module), more);
}

function whyOf(more: More, kernel = KERNEL): [string, string | undefined, string] {
  const { verdict, cause, reason } = targetOf(more, kernel);
  return [verdict, cause, reason];
}

describe('why a target is built', () => {
  test('new kernel', () => {
    expect(targetOf()).toMatchObject({
      verdict: 'queued',
      cause: 'new kernel',
      reason: 'new kernel',
      since: SEEN,
    });
    // Another module's record, or another kernel's, is no earlier build of this one.
    const records = [
      makeRecord(makeModule('other', '2.0-1'), KERNEL),
      makeRecord(MODULE, makeKernel('6.12.107+deb13-amd64')),
      makeRecord(MODULE, { ...KERNEL, architecture: 'arm64' }),
    ];
    expect(whyOf({ records })).toEqual(['queued', 'new kernel', 'new kernel']);
  });

  test('a kernel that was never noted is seen now', () => {
    const now = '2026-05-05T00:00:00.000Z';
    expect(targetOf({ firstSeen: new Map(), now }).since).toBe(now);
  });

  test('new kernel version of the same release, also with a new module version', () => {
    const reason = 'new kernel: 6.12.117-2 after 6.12.117-1';
    for (const module of [MODULE, OLD]) {
      const records = [makeRecord(module, KERNEL)];
      expect(whyOf({ records }, UPLOAD)).toEqual(['queued', 'new kernel', reason]);
    }
  });

  test('new module version', () => {
    const records = [makeRecord(OLD, KERNEL), makeRecord(MODULE, UPLOAD)];
    const reason = 'new module version: 2.0-1 after 1.0-1';
    expect(whyOf({ records })).toEqual(['queued', 'new module version', reason]);
  });

  test('new patch', () => {
    const records = [makeRecord(MODULE, KERNEL), makeRecord(OLD, KERNEL)];
    const reason = 'new patch: source, options, headers or recipe differ';
    expect(whyOf({ records, patch: 1 })).toEqual(['queued', 'new patch', reason]);
    const unknown = [makeRecord(MODULE, KERNEL, 'built', { inputs: '' })];
    expect(whyOf({ records: unknown, patch: 1 })).toEqual([
      'queued',
      'new patch',
      'new patch: what it was built from is not known',
    ]);
  });

  test('new toolchain: what failed is tried again, what is good stays', () => {
    const failed = makeRecord(MODULE, KERNEL, 'failed');
    expect(whyOf({ records: [failed], toolchain: 1 })).toEqual([
      ...['queued', 'new toolchain', 'new toolchain'],
    ]);
    for (const outcome of ['built', 'excluded', 'in-tree'] as const) {
      const records = [makeRecord(MODULE, KERNEL, outcome), failed];
      expect(whyOf({ records: records.slice(0, 1), toolchain: 1 })[0]).toBe(outcome);
      const policy = { graceDays: 90, toolchain: 'rebuild' as const };
      expect(whyOf({ records: records.slice(0, 1), toolchain: 1, policy })).toEqual([
        ...['queued', 'new toolchain', 'new toolchain'],
      ]);
    }
  });

  test('retry', () => {
    const record = makeRecord(MODULE, KERNEL, 'broken', { reason: 'the disk was full' });
    expect(targetOf({ records: [record] })).toMatchObject({
      verdict: 'queued',
      cause: 'retry',
      reason: 'retry after: the disk was full',
      since: record.finished,
    });
  });

  test('what this machine cannot build waits, and says for what', () => {
    const kernel = { ...KERNEL, architecture: 'arm64' };
    expect(targetOf({}, kernel)).toMatchObject({
      verdict: 'queued',
      waitsFor: "this amd64 machine can't build for arm64",
      reason: "new kernel; this amd64 machine can't build for arm64",
    });
    const records = [makeRecord(MODULE, kernel)];
    expect(targetOf({ records }, kernel)).toMatchObject({ verdict: 'built', waitsFor: undefined });
  });
});

describe('what is true of a target', () => {
  test.each<BuildOutcome>(['built', 'excluded', 'in-tree', 'failed'])(
    'whose record says %s',
    (outcome) => {
      const record = makeRecord(MODULE, KERNEL, outcome);
      expect(targetOf({ records: [record] })).toMatchObject({
        verdict: outcome,
        reason: `because ${outcome}`,
        cause: undefined,
        since: record.finished,
        key: record.key,
      });
    },
  );

  test('that is being built, for the first time or again', () => {
    const building = new Set([targetOf().key ?? '']);
    expect(whyOf({ building })).toEqual(['building', undefined, 'in work']);
    const broken = makeRecord(MODULE, KERNEL, 'broken');
    expect(whyOf({ building, records: [broken] })[0]).toBe('building');
    const failed = makeRecord(MODULE, KERNEL, 'failed');
    expect(whyOf({ building, records: [failed] })[0]).toBe('failed');
  });

  test('that was built with several toolchains: the published build, the present one, the newest', () => {
    const records = [1, 2, 3].map((toolchain) =>
      makeRecord(MODULE, KERNEL, 'built', {
        toolchain,
        finished: `2026-01-0${4 - toolchain}T00:00:00.000Z`,
      }),
    );
    const rootOf = (more: More): string | undefined => targetOf(more).record?.root;
    for (const order of [records, records.toReversed()]) {
      expect(rootOf({ records: order })).toBe('toolchain 1');
      expect(rootOf({ records: order, toolchain: 3 })).toBe('toolchain 3');
      const published = records
        .slice(1, 2)
        .map((record) => makePublication('trixie', record, KERNEL));
      expect(rootOf({ records: order, toolchain: 3, published })).toBe('toolchain 2');
      expect(rootOf({ records: order, published })).toBe('toolchain 2');
    }
  });

  test('that is ahead of a suite, before and after it is built', () => {
    const plan = (more: More): Target[] =>
      makePlan(
        makeInputs([makeSuite('forky', [aheadFrom('sid', KERNEL)], [choiceOf(MODULE)])], more),
      ).targets;
    expect(plan({})).toMatchObject([
      { suites: [], ahead: ['forky'], reason: 'new kernel, ahead of forky' },
    ]);
    expect(plan({ records: [makeRecord(MODULE, KERNEL)] })).toMatchObject([
      {
        verdict: 'built',
        reason: 'because built; ready for forky before the kernel is there',
      },
    ]);
  });

  test('whose index can not be read says since when', () => {
    const kernel = { ...KERNEL, unseenSince: '2026-10-10T10:10:10.000Z' };
    const records = [makeRecord(MODULE, KERNEL)];
    expect(targetOf({ records }, kernel)).toMatchObject({
      verdict: 'built',
      reason:
        "because built; the kernel is not seen since 2026-10-10T10:10Z: its index can't be read",
    });
  });
});

describe('a kernel without headers', () => {
  const headersGone = new Map([[kernelId(KERNEL), '2026-08-08T08:08:08.000Z']]);

  test('can not be built for, since it is known when', () => {
    expect(targetOf({ headersGone }, GONE)).toMatchObject({
      verdict: 'headers-gone',
      reason: 'the archive has no headers for this kernel any more, since 2026-08-08',
      since: '2026-08-08T08:08:08.000Z',
      key: undefined,
    });
    expect(targetOf({}, GONE)).toMatchObject({
      verdict: 'headers-gone',
      reason: 'the archive has no headers for this kernel any more',
      since: SEEN,
    });
  });

  test('keeps what was built before; other versions and failures are no build', () => {
    for (const outcome of ['built', 'excluded', 'in-tree'] as const) {
      expect(targetOf({ records: [makeRecord(MODULE, KERNEL, outcome)] }, GONE).verdict).toBe(
        outcome,
      );
    }
    const records = [
      makeRecord(OLD, KERNEL),
      makeRecord(MODULE, UPLOAD),
      makeRecord(MODULE, KERNEL, 'failed'),
      makeRecord(MODULE, KERNEL, 'broken', { toolchain: 1 }),
    ];
    expect(targetOf({ records }, GONE).verdict).toBe('headers-gone');
  });

  test('of several builds keeps the published, else the newest, whatever their order', () => {
    const records = [1, 3, 2].map((day) =>
      makeRecord(MODULE, KERNEL, 'built', {
        toolchain: day,
        finished: `2026-01-0${day}T00:00:00.000Z`,
      }),
    );
    const excluded = makeRecord(MODULE, KERNEL, 'excluded', {
      toolchain: 9,
      finished: '2026-01-09T00:00:00.000Z',
    });
    const twin = makeRecord(MODULE, KERNEL, 'built', {
      key: '~',
      finished: '2026-01-03T00:00:00.000Z',
    });
    const all = [excluded, ...records, twin];
    const published = records.slice(2).map((record) => makePublication('trixie', record, KERNEL));
    for (const order of [all, all.toReversed()]) {
      expect(targetOf({ records: order }, GONE).record?.root).toBe('toolchain 3');
      const target = targetOf({ records: order, published }, GONE);
      expect([target.verdict, target.record?.root]).toEqual(['published', 'toolchain 2']);
    }
  });

  test('is in-tree when its metapackage provides the module', () => {
    const wireguard = makeModule('wireguard');
    const kernel = { ...GONE, provides: ['virtualbox-guest-modules', 'wireguard-modules'] };
    expect(targetOf({}, kernel, wireguard)).toMatchObject({
      verdict: 'in-tree',
      reason: 'the kernel brings it: its metapackage provides wireguard-modules',
      since: SEEN,
    });
    expect(targetOf({}, kernel).verdict).toBe('headers-gone');
    const withHeaders = { ...kernel, headers: KERNEL.headers };
    expect(targetOf({}, withHeaders, wireguard).verdict).toBe('in-tree');
    expect(targetOf({}, withHeaders).verdict).toBe('queued');
  });
});
