import { expect, test } from 'vitest';
import type { Kernel } from '../model/kernels.ts';
import type { Plan } from '../model/plans.ts';
import { kernelId } from './names.ts';
import { makePlan } from './plan.ts';
import {
  choiceOf,
  inputsFor,
  makeInputs,
  makeKernel,
  makeModule,
  makeSuite,
} from './testing/inputs.ts';
import { FakeLedger } from './testing/ledger.ts';

const CHOICE = choiceOf(makeModule('demo'));
const A = makeKernel('6.12.107+deb13-amd64');
const B = makeKernel('6.12.117+deb13-amd64');
const C = makeKernel('6.12.118+deb13-amd64');

/** Days of an archive: plans, builds and publishes each day, and notes which kernels have left. */
class Replay {
  readonly #ledger = new FakeLedger();
  readonly #left = new Map<string, string>();
  readonly #known = new Set<string>();
  builds = 0;

  day(day: number, suites: Record<string, readonly Kernel[]>, toolchain = 0): Plan {
    const now = new Date(Date.UTC(2026, 0, 1 + day)).toISOString();
    const there = new Set(Object.values(suites).flat().map(kernelId));
    for (const id of there) {
      this.#known.add(id);
      this.#left.delete(id);
    }
    for (const id of this.#known) {
      if (!there.has(id) && !this.#left.has(id)) {
        this.#left.set(id, now);
      }
    }
    const plan = (): Plan =>
      makePlan(
        makeInputs(
          Object.entries(suites).map(([suite, kernels]) => makeSuite(suite, kernels, [CHOICE])),
          {
            now,
            toolchain,
            left: this.#left,
            records: this.#ledger.records,
            published: this.#ledger.published,
          },
        ),
      );
    for (const target of plan().targets.filter(({ verdict }) => verdict === 'queued')) {
      this.#ledger.build(target, 'built', { inputs: inputsFor(target.module, target.kernel), now });
      this.builds += 1;
    }
    this.#ledger.publish(plan(), now);
    const after = plan();
    const lost = Object.values(suites)
      .flat()
      .filter(({ headers }) => headers !== undefined)
      .filter((kernel) =>
        after.targets.every((target) => target.kernel !== kernel || target.verdict !== 'published'),
      );
    if (lost.length > 0 || after.kept.some(({ verdict }) => verdict === 'retired')) {
      throw new Error(`day ${day}: left undone: ${lost.map(kernelId).join(', ')}`);
    }
    return after;
  }

  get published(): string[] {
    return this.#ledger.published.map(({ suite, release }) => `${suite} ${release}`).toSorted();
  }
}

test('two ABI bumps in a day, a withdrawn upload, retirement after the grace period', () => {
  const history = new Replay();
  history.day(0, { trixie: [A] });
  history.day(1, { trixie: [B, C] });
  expect(history.builds).toBe(3);
  expect(history.day(2, { trixie: [B] }).kept.map(({ reason }) => reason)).toEqual([
    'its kernel has left Debian on 2026-01-02; stays until 2026-04-02',
    'its kernel has left Debian on 2026-01-03; stays as the newest of its flavour',
  ]);
  history.day(91, { trixie: [B] });
  expect(history.published).toHaveLength(3);
  history.day(92, { trixie: [B] });
  expect(history.published).toEqual([`trixie ${B.release}`, `trixie ${C.release}`]);
  expect(history.builds).toBe(3);
});

test('a kernel migrates from sid to forky with another root and no build', () => {
  const history = new Replay();
  history.day(0, { sid: [B], forky: [A] });
  history.day(5, { sid: [B], forky: [B] }, 1);
  expect(history.builds).toBe(2);
  expect(history.published).toContain(`forky ${B.release}`);
});

test('headers that vanish after the build take nothing away, before it they are told', () => {
  const history = new Replay();
  history.day(0, { trixie: [A] });
  const { targets } = history.day(1, {
    trixie: [
      { ...A, headers: undefined },
      { ...B, headers: undefined },
    ],
  });
  expect(targets.map(({ verdict }) => verdict)).toEqual(['headers-gone', 'published']);
});

test('an index that can not be read for ten days costs nothing', () => {
  const history = new Replay();
  history.day(0, { trixie: [A] });
  const unseen = { ...A, unseenSince: '2026-01-01T00:00:00.000Z' };
  expect(history.day(10, { trixie: [unseen] }).targets[0]?.reason).toContain(
    'not seen since 2026-01-01T00:00Z',
  );
  expect(history.day(11, { trixie: [A] }).targets[0]?.reason).toBe('because built');
  expect(history.builds).toBe(1);
});
