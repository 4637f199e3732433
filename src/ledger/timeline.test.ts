import * as fs from 'node:fs/promises';
import * as path from 'node:path';
import { expect, test } from 'vitest';
import { lockstepErrorOf } from '../core/testing/errors.ts';
import { useScratch } from '../core/testing/scratch.ts';
import type { Arrival, Outcome } from '../model/timeline.ts';
import { newArrivals } from './arrivals.ts';
import { lagsOf } from './lag.ts';
import { Ledger } from './ledger.ts';
import { newOutcomes } from './outcomes.ts';
import { makePublications, makeTarget } from './testing/timeline.ts';

const at = useScratch('timeline');

const RELEASED = '2026-10-31T20:00:00.000Z';

function day(number: number, time = '00:00'): string {
  return `2026-11-${String(number).padStart(2, '0')}T${time}:00.000Z`;
}

function kernel(version: string, when: string, released?: string): Arrival {
  const name = { release: `${version}-amd64`, architecture: 'amd64', version: `${version}-1` };
  return {
    ...{ type: 'kernel', at: when, suite: 'trixie', ...name },
    ...(released === undefined ? {} : { released }),
  };
}

function module(version: string, when: string): Arrival {
  return { type: 'module', at: when, suite: 'trixie', module: 'demo', version };
}

function published(kernelVersion: string, moduleVersion: string, when: string): Outcome {
  return {
    ...{ type: 'published', at: when, suite: 'trixie', module: 'demo', moduleVersion },
    ...{ release: `${kernelVersion}-amd64`, architecture: 'amd64' },
    kernelVersion: `${kernelVersion}-1`,
  };
}

test('an arrival is noted once, and read back', async () => {
  using ledger = await Ledger.open(at('ledger'));
  const { arrivals } = ledger.timeline;
  const first = newArrivals(await arrivals.read(), [
    kernel('6.12', day(1), RELEASED),
    module('1', day(1)),
    module('1', day(1)),
  ]);
  expect(first).toHaveLength(2);
  await arrivals.append(first);
  const second = newArrivals(await arrivals.read(), [kernel('6.12', day(2)), module('2', day(2))]);
  await arrivals.append(second);
  await arrivals.append([]);
  expect(await arrivals.read()).toEqual([
    kernel('6.12', day(1), RELEASED),
    module('1', day(1)),
    module('2', day(2)),
  ]);
});

test('a line that was cut short counts as not written; a damaged one is told', async () => {
  using ledger = await Ledger.open(at('cut'));
  const { outcomes } = ledger.timeline;
  const file = path.join(at('cut'), 'outcomes.jsonl');
  await outcomes.append([published('6.12', '1', day(1))]);
  await fs.appendFile(file, '{"type":"publ');
  expect(await outcomes.read()).toHaveLength(1);
  await outcomes.append([published('6.12', '2', day(2))]);
  expect(await outcomes.read()).toHaveLength(2);
  await fs.appendFile(file, '{"type":"other"}\n');
  expect((await lockstepErrorOf(() => outcomes.read())).code).toBe('REPOSITORY_INVALID');
});

test('what fares otherwise than before is an outcome, once', () => {
  const failed = makeTarget({ verdict: 'failed', reason: 'error: no' });
  const publications = makePublications('trixie', 'demo', '1', day(1));
  const first = newOutcomes([], [failed], publications, day(2));
  expect(first.map(({ type, at: when }) => [type, when])).toEqual([
    ['published', day(1)],
    ['failed', failed.since],
  ]);
  expect(newOutcomes(first, [failed], publications, day(3))).toEqual([]);
  const newer = makeTarget({ verdict: 'failed', version: '2' });
  expect(newOutcomes(first, [newer], publications, day(3))).toMatchObject([
    { type: 'failed', moduleVersion: '2' },
  ]);
  const mended = newOutcomes(first, [makeTarget({ verdict: 'built' })], publications, day(3));
  expect(mended).toMatchObject([{ type: 'mended', at: day(3) }]);
  const all = [...first, ...mended];
  expect(newOutcomes(all, [makeTarget({ verdict: 'built' })], publications, day(4))).toEqual([]);
  // A verdict that says nothing of the failure mends nothing.
  expect(newOutcomes(first, [makeTarget({ verdict: 'queued' })], publications, day(3))).toEqual([]);
});

test('a newer version that fails is an outcome, though an older one serves', () => {
  const target = makeTarget({ verdict: 'published' });
  const passed = { version: '2', from: 'sid', verdict: 'failed' as const, reason: 'error: no' };
  const outcomes = newOutcomes([], [{ ...target, passedOver: [passed] }], {}, day(2));
  expect(outcomes).toMatchObject([{ type: 'failed', moduleVersion: '2', at: day(2) }]);
  expect(newOutcomes(outcomes, [target], {}, day(3))).toMatchObject([{ type: 'mended' }]);
});

test('lag counts from the later of kernel and module', () => {
  const arrivals = [
    kernel('6.12', day(1), RELEASED),
    module('1', day(1)),
    kernel('6.13', day(3), day(2)),
    module('2', day(5)),
  ];
  const lags = lagsOf(arrivals, [
    published('6.12', '1', day(1, '01:00')),
    published('6.13', '1', day(3, '00:05')),
    published('6.13', '2', day(5, '00:10')),
    published('6.14', '1', day(6)),
  ]);
  expect(lags.map(({ seen, released, isCatchUp }) => [seen, released, isCatchUp])).toEqual([
    [day(1), RELEASED, true],
    [day(3), day(2), false],
    [day(5), undefined, false],
  ]);
});

test('a module that is new in the configuration catches up', () => {
  const arrivals = [kernel('6.12', day(1)), module('1', day(4))];
  expect(lagsOf(arrivals, [published('6.12', '1', day(4, '00:30'))])).toMatchObject([
    { seen: day(4), isCatchUp: true },
  ]);
});
