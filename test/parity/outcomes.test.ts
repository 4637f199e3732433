import { describe, expect, test } from 'vitest';
import { agree, outcomeOf, summarize } from './outcomes.ts';
import type { DkmsOutcome, Step } from './results.ts';

function step(stage: Step['stage'], status: number, error?: string): Step {
  const rest = error === undefined ? {} : { error };
  return { stage, name: 'foo', version: '1', status, seconds: 3, ...rest };
}

describe('outcomeOf', () => {
  test.each([
    ['3.2.2-1~deb13u1', 0, 'built'],
    ['3.2.2-1~deb13u1', 13, 'blocked'],
    ['3.2.2-1~deb13u1', 77, 'excluded'],
    ['3.0.10-8+deb12u1', 77, 'excluded'],
    ['3.0.10-8+deb12u1', 9, 'failed'],
    ['2.8.4-3', 9, 'excluded'],
    ['2.8.4-3', 10, 'failed'],
    ['3.2.2-1', 7, 'failed'],
    ['3.2.2-1', 124, 'failed'],
  ] as const)('DKMS %s, status %i: %s', (version, status, outcome) => {
    expect(outcomeOf(status, version)).toBe(outcome);
  });
});

describe('summarize', () => {
  test('a package is as good as its worst module, and takes as long as all', () => {
    const result = summarize(
      [step('build', 0), step('build', 10, 'bad'), step('build', 77)],
      '3.2',
    );
    expect(result).toMatchObject({ outcome: 'failed', status: 10, seconds: 9, error: 'bad' });
  });

  test('what other modules took does not count', () => {
    const steps = [step('build', 13), step('depend', 10), step('after', 0)];
    expect(summarize(steps, '3.2')).toMatchObject({
      outcome: 'blocked',
      after: 'built',
      status: 13,
      seconds: 3,
    });
  });

  test('a package without a dkms.conf, or that can’t be installed, is absent', () => {
    expect(summarize([step('none', 0)], '3.2').outcome).toBe('absent');
    const failed = summarize([step('install', 100, 'E: no'), step('none', 0)], '3.2');
    expect(failed).toMatchObject({ outcome: 'absent', status: 100, error: 'E: no' });
  });

  test('a module that was built although the installation failed counts', () => {
    expect(summarize([step('install', 100), step('build', 0)], '3.2').outcome).toBe('built');
  });
});

describe('agree', () => {
  const dkms = (outcome: DkmsOutcome, after?: DkmsOutcome) => ({
    ...summarize([], '3.2'),
    outcome,
    ...(after === undefined ? {} : { after }),
  });

  test.each([
    ['built', 'published', true],
    ['built', 'built', true],
    ['built', 'failed', false],
    ['built', 'queued', false],
    ['excluded', 'in-tree', true],
    ['excluded', 'excluded', true],
    ['excluded', 'failed', false],
    ['failed', 'failed', true],
    ['failed', 'broken', false],
    ['failed', 'built', false],
    ['blocked', 'blocked', true],
    ['absent', 'built', false],
    ['absent', 'failed', true],
  ] as const)('DKMS %s, Lockstep %s: %s', (outcome, verdict, same) => {
    expect(agree(dkms(outcome), { verdict, reason: '' })).toBe(same);
  });

  test('a module that needs others is blocked, or what it is with them', () => {
    const needs = dkms('failed', 'built');
    expect(agree(needs, { verdict: 'blocked', reason: '' })).toBe(true);
    expect(agree(needs, { verdict: 'built', reason: '' })).toBe(true);
    expect(agree(needs, { verdict: 'failed', reason: '' })).toBe(false);
  });
});
