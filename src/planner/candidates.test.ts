import { describe, expect, test } from 'vitest';
import type { Module } from '../model/modules.ts';
import type { Target } from '../model/plans.ts';
import type { BuildOutcome } from '../model/records.ts';
import { makePlan } from './plan.ts';
import {
  choiceOf,
  type Generation,
  makeInputs,
  makeKernel,
  makeModule,
  makePublication,
  makeRecord,
  makeSuite,
} from './testing/inputs.ts';
import { targetOf } from './testing/targets.ts';

const KERNEL = makeKernel('6.12.117+deb13-amd64');
const OWN = makeModule('openrazer', '3.10-1');
const BACKPORT = makeModule('openrazer', '3.11-1', { from: 'trixie-backports' });
const SID = makeModule('openrazer', '3.12-1', { from: 'sid' });

/** The one target for a kernel when some versions have been tried. */
function used(
  tried: readonly [Module, BuildOutcome][],
  more: { kernel?: typeof KERNEL } & Generation = {},
): Target {
  const { kernel = KERNEL, ...generation } = more;
  const records = tried.map(([module, outcome]) => makeRecord(module, KERNEL, outcome));
  return targetOf(kernel, choiceOf(OWN, BACKPORT, SID), { records, ...generation });
}

function shown({ module, verdict, cause, reason }: Target): unknown[] {
  return [module.version, verdict, cause, reason];
}

describe('the version that is used', () => {
  test('is the preferred one while it is not known whether it builds, and when it does', () => {
    expect(shown(used([]))).toEqual(['3.10-1', 'queued', 'new kernel', 'new kernel']);
    expect(shown(used([[OWN, 'built']]))).toEqual([
      ...['3.10-1', 'built', undefined, 'because built'],
    ]);
    expect(shown(used([[OWN, 'in-tree']]))).toEqual([
      ...['3.10-1', 'in-tree', undefined, 'because in-tree'],
    ]);
    // Whatever is known of others.
    expect(shown(used([[SID, 'built']]))).toEqual([
      '3.10-1',
      'queued',
      'new module version',
      'new module version: 3.10-1 after 3.12-1',
    ]);
  });

  test('is the next when one fails: queued as a new kernel, then used, and why', () => {
    const why = "trixie-backports's 3.11-1 is used since trixie's 3.10-1 is failed";
    const queued = used([[OWN, 'failed']]);
    expect(shown(queued)).toEqual(['3.11-1', 'queued', 'new kernel', `new kernel; ${why}`]);
    expect(queued.passedOver).toEqual([
      { version: '3.10-1', from: 'trixie', verdict: 'failed', reason: 'because failed' },
    ]);
    const built = used([
      [OWN, 'failed'],
      [BACKPORT, 'built'],
    ]);
    expect(shown(built)).toEqual(['3.11-1', 'built', undefined, `because built; ${why}`]);
  });

  test('is a later one when all before it fail or exclude themselves', () => {
    const target = used([
      [OWN, 'excluded'],
      [BACKPORT, 'failed'],
      [SID, 'built'],
    ]);
    expect(shown(target)).toEqual([
      '3.12-1',
      'built',
      undefined,
      "because built; sid's 3.12-1 is used since trixie's 3.10-1 is excluded, trixie-backports's 3.11-1 is failed",
    ]);
  });

  test('is the first that failed when none builds', () => {
    const all = used([
      [OWN, 'failed'],
      [BACKPORT, 'excluded'],
      [SID, 'failed'],
    ]);
    expect(shown(all)).toEqual(['3.10-1', 'failed', undefined, 'because failed']);
    expect(all.passedOver.map(({ version, verdict }) => [version, verdict])).toEqual([
      ['3.12-1', 'failed'],
      ['3.11-1', 'excluded'],
    ]);
    const excluded = used([
      [OWN, 'excluded'],
      [BACKPORT, 'failed'],
      [SID, 'failed'],
    ]);
    expect(shown(excluded)).toEqual(['3.11-1', 'failed', undefined, 'because failed']);
  });

  test('is the first when all exclude themselves', () => {
    const target = used([
      [OWN, 'excluded'],
      [BACKPORT, 'excluded'],
      [SID, 'excluded'],
    ]);
    expect(shown(target)).toEqual(['3.10-1', 'excluded', undefined, 'because excluded']);
  });

  test('is the one that was built, when headers are gone', () => {
    const kernel = { ...KERNEL, headers: undefined };
    expect(used([[BACKPORT, 'built']], { kernel })).toMatchObject({
      module: BACKPORT,
      verdict: 'built',
      reason:
        "because built; trixie-backports's 3.11-1 is used since trixie's 3.10-1 is headers-gone",
    });
    expect(used([[OWN, 'failed']], { kernel })).toMatchObject({
      module: OWN,
      verdict: 'headers-gone',
    });
  });

  test('is tried anew with a new toolchain, from the preferred on', () => {
    const tried: [Module, BuildOutcome][] = [
      [OWN, 'failed'],
      [BACKPORT, 'built'],
    ];
    expect(shown(used(tried, { toolchain: 1 }))).toEqual([
      ...['3.10-1', 'queued', 'new toolchain', 'new toolchain'],
    ]);
  });

  test('is a new module version after another than those passed over', () => {
    const records = [
      makeRecord(makeModule('openrazer', '3.9-1'), KERNEL),
      makeRecord(OWN, KERNEL, 'failed', { finished: '2026-02-02T00:00:00.000Z' }),
    ];
    const suites = [makeSuite('trixie', [KERNEL], [choiceOf(OWN, SID)])];
    expect(makePlan(makeInputs(suites, { records })).targets.map(shown)).toEqual([
      [
        '3.12-1',
        'queued',
        'new module version',
        "new module version: 3.12-1 after 3.9-1; sid's 3.12-1 is used since trixie's 3.10-1 is failed",
      ],
    ]);
  });

  test('of each suite is its own preference; what all passed over is named once', () => {
    const records = [makeRecord(OWN, KERNEL, 'failed'), makeRecord(BACKPORT, KERNEL, 'failed')];
    const suites = [
      makeSuite('trixie', [KERNEL], [choiceOf(OWN, BACKPORT, SID)]),
      makeSuite('forky', [KERNEL], [choiceOf(BACKPORT, SID)]),
      makeSuite('sid', [KERNEL], [choiceOf(SID)]),
      makeSuite('bookworm', [KERNEL], [choiceOf(OWN)]),
    ];
    const { targets } = makePlan(makeInputs(suites, { records }));
    expect(
      targets.map(({ module, verdict, suites: of, passedOver }) => [
        module.version,
        verdict,
        of.join(' '),
        passedOver.map(({ version }) => version).join(' '),
      ]),
    ).toEqual([
      ['3.12-1', 'queued', 'forky sid trixie', '3.10-1 3.11-1'],
      ['3.10-1', 'failed', 'bookworm', ''],
    ]);
  });
});

describe('publication', () => {
  const choice = choiceOf(OWN);
  const suites = [makeSuite('trixie', [KERNEL], [choice]), makeSuite('forky', [KERNEL], [choice])];
  const record = makeRecord(OWN, KERNEL);
  const inForky = makePublication('forky', record, KERNEL, '2026-03-03T00:00:00.000Z');
  const inTrixie = makePublication('trixie', record, KERNEL, '2026-04-04T00:00:00.000Z');

  test('in one of two suites is not enough, and says where it is missing', () => {
    const plan = makePlan(makeInputs(suites, { records: [record], published: [inForky] }));
    expect(plan.targets).toMatchObject([
      { verdict: 'built', reason: 'because built; not yet published in trixie' },
    ]);
  });

  test('in all suites is since the last of them', () => {
    const published = [inTrixie, inForky];
    const plan = makePlan(makeInputs(suites, { records: [record], published }));
    expect(plan.targets).toMatchObject([
      { verdict: 'published', reason: 'because built', since: inTrixie.since },
    ]);
    expect(plan.kept).toEqual([]);
  });

  test('of what failed does not make it good', () => {
    const records = [{ ...record, outcome: 'failed' as const }];
    const plan = makePlan(makeInputs(suites, { records, published: [inTrixie, inForky] }));
    expect(plan.targets).toMatchObject([{ verdict: 'failed' }]);
    expect(plan.kept).toEqual([]);
  });
});
