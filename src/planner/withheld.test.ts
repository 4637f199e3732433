import { describe, expect, test } from 'vitest';
import type { Module } from '../model/modules.ts';
import { makePlan, type PlanInputs } from './plan.ts';
import {
  choiceOf,
  makeInputs,
  makeKernel,
  makeModule,
  makePublication,
  makeRecord,
  makeSuite,
} from './testing/inputs.ts';

const WHY = 'demo is from contrib, and the configuration does not say `publish: nonfree`';
const KERNEL = makeKernel('6.12.117+deb13-amd64');
const OLD = makeKernel('6.12.107+deb13-amd64');
const FREE = makeModule('demo');
const WITHHELD: Module = { ...FREE, withheld: WHY };

function planOf(candidates: readonly Module[], more: Partial<PlanInputs> = {}) {
  const [first = FREE] = candidates;
  const choice = { ...choiceOf(first), candidates };
  return makePlan(makeInputs([makeSuite('trixie', [KERNEL], [choice])], more));
}

describe('a module that is kept out of the repository', () => {
  test('is built, and its targets say why they are not published', () => {
    const [queued] = planOf([WITHHELD]).targets;
    expect(queued).toMatchObject({
      ...{ verdict: 'queued', reason: `new kernel; it will not be published: ${WHY}` },
    });
    const records = [makeRecord(FREE, KERNEL)];
    const [built] = planOf([WITHHELD], { records }).targets;
    expect(built).toMatchObject({ verdict: 'built', reason: `built; not published: ${WHY}` });
    expect(planOf([FREE], { records }).targets[0]?.reason).not.toContain('not published');
  });

  test('is taken out where it is published, for every kernel', () => {
    const records = [makeRecord(FREE, KERNEL), makeRecord(FREE, OLD)];
    const published = [OLD, KERNEL].map((kernel) =>
      makePublication('trixie', makeRecord(FREE, kernel), kernel),
    );
    const plan = planOf([WITHHELD], { records, published });
    expect(plan.targets[0]).toMatchObject({
      ...{ verdict: 'built', reason: `built; not published: ${WHY}; the next run takes it out` },
    });
    expect(plan.kept).toMatchObject([
      { release: OLD.release, verdict: 'retired', reason: `not published any more: ${WHY}` },
    ]);
    expect(planOf([FREE], { records, published }).kept).toMatchObject([{ verdict: 'published' }]);
  });

  test('stays in another version that is not', () => {
    const published = [makePublication('trixie', makeRecord(FREE, OLD), OLD)];
    const other = { ...makeModule('demo', '2.0-1'), withheld: undefined };
    expect(planOf([WITHHELD, other], { published }).kept).toMatchObject([{ verdict: 'published' }]);
    expect(planOf([], { published }).kept).toMatchObject([{ verdict: 'published' }]);
  });
});
