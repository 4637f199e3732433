import { expect, test } from 'vitest';
import { keptDkms } from './inputs.ts';
import { summarize } from './outcomes.ts';
import type { PackageResult, Results } from './results.ts';
import { withResult } from './store.ts';
import { differenceLines, suitePage } from './table.ts';

function result(name: string, status: number, verdict?: string): PackageResult {
  const step = { stage: 'build', name, version: '1', status, seconds: 4 } as const;
  return {
    package: name,
    version: '1-1',
    component: 'main',
    kernelVersion: '6.1-1',
    more: ['iptables'],
    dkms: summarize([status === 0 ? step : { ...step, error: 'a | b' }], '3.2'),
    ...(verdict === undefined ? {} : { lockstep: { verdict, reason: 'because', seconds: 2.6 } }),
  };
}

const RESULTS: Results = {
  suite: 'sid',
  release: '6.1-amd64',
  flavour: 'amd64',
  results: [result('a-dkms', 0, 'built'), result('b-dkms', 10, 'built'), result('c-dkms', 77)],
};

test('the page has a row a package, and counts what is the same', () => {
  const page = suitePage('sid', [RESULTS]);
  expect(page).toContain(
    'DKMS 3.2: 1 built, 1 excluded, 1 failed. Lockstep: 2 built. The same for 1 of 2.',
  );
  expect(page).toContain('| a-dkms | 1-1 | built | 4 | built | 3 | = |  |');
  expect(page).toContain('| b-dkms | 1-1 | failed (10) | 4 | built | 3 | ≠ | a \\| b |');
  expect(page).toContain('| c-dkms | 1-1 | excluded (77) | 4 |  |  |  | a \\| b |');
});

test('the terminal gets the differences alone', () => {
  expect(differenceLines([RESULTS])).toEqual([
    'sid 6.1-amd64: 1 of 2 the same',
    '  b-dkms 1-1: DKMS failed (10), Lockstep built: a | b',
  ]);
});

test('a result takes the place of the older one, in the order of names', () => {
  const changed = withResult(RESULTS, result('b-dkms', 0));
  expect(changed.results.map((one) => [one.package, one.dkms?.status])).toEqual([
    ['a-dkms', 0],
    ['b-dkms', 0],
    ['c-dkms', 77],
  ]);
});

test('a result is kept while nothing that it depends on has changed', () => {
  const inputs = { version: '1-1', kernelVersion: '6.1-1', dkms: '3.2', more: ['iptables'] };
  expect(keptDkms(RESULTS, 'b-dkms', inputs)?.status).toBe(10);
  expect(keptDkms(RESULTS, 'd-dkms', inputs)).toBeUndefined();
  for (const change of [{ version: '1-2' }, { kernelVersion: '2' }, { dkms: '3' }, { more: [] }]) {
    expect(keptDkms(RESULTS, 'b-dkms', { ...inputs, ...change })).toBeUndefined();
  }
  const slow = withResult(RESULTS, result('b-dkms', 124));
  expect(keptDkms(slow, 'b-dkms', inputs)).toBeUndefined();
});
