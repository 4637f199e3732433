import { execFileSync } from 'node:child_process';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { compareVersions, parseVersion, withoutEpoch } from './version.ts';

const SEEDS = [
  '0',
  '1.0-1',
  '1:1.0-1',
  '1.0~rc1-1',
  '1.0~~-1',
  '6.12.117-1',
  '6.1.0-56',
  '6.12.117+deb13-1~bpo12+1',
  '0.15.0-2+6.12.117+1',
  '2.1.11-1+deb12u1',
  '1.2a-b-c',
  '20240101',
  '1.000000000000000000000000000000000000000001-0',
  '1.999999999999999999999999999999999999999999-0',
  '1-0',
  '1-00',
  '1.0',
  '1.0-0',
  '0:1.0',
  '1.0+dfsg',
  '1.0.~1',
  '2147483647:1',
  '1.a',
  '1.A',
  '1.+',
  '1.-1',
  '1..1',
  '1.~',
  '09',
  '9',
  '10',
];

/** Versions that dpkg takes: they begin with a digit, and colons stand only after an epoch. */
const part = fc.string({
  unit: fc.constantFrom('0', '1', '9', 'a', 'Z', '.', '+', '~', '-', '10', '00', '~~', 'rc'),
  maxLength: 8,
});
const version = fc
  .tuple(fc.constantFrom('', '', '0:', '1:', '10:', '2147483647:'), fc.nat(20), part, part)
  .map(([epoch, digits, upstream, revision]) => {
    const end = revision.replaceAll('-', '');
    return `${epoch}${digits}${upstream.replace(/^-+$/, '')}${end === '' ? '' : `-${end}`}`;
  })
  .filter((text) => !text.endsWith('-'));

/** A pair: independent, or a version beside a small change of it, where the hard cases are. */
const changed = fc
  .tuple(version, fc.nat(30), fc.constantFrom('', '0', '~', '+', 'a', '.', '1'))
  .map(([text, place, piece]): [string, string] => {
    const at = Math.max(text.indexOf(':') + 2, Math.min(place, text.length));
    const other = `${text.slice(0, at)}${piece}${text.slice(at + (piece === '' ? 1 : 0))}`;
    return [text, other.endsWith('-') ? `${other}0` : other];
  });
const pair = fc.oneof(changed, fc.tuple(version, version));

/** What dpkg says of each pair: -1, 0, 1, or `invalid`. One shell asks for all of them. */
function askDpkg(pairs: readonly (readonly [string, string])[]): string[] {
  const script = `while IFS=' ' read -r a b; do
    if dpkg --compare-versions "$a" lt "$b" 2>/dev/null; then echo -1
    elif dpkg --compare-versions "$a" eq "$b" 2>/dev/null; then echo 0
    else echo 1; fi
  done`;
  return execFileSync('sh', ['-c', script], {
    input: pairs.map(([a, b]) => `${a} ${b}\n`).join(''),
    encoding: 'utf8',
  })
    .trim()
    .split('\n');
}

function ours(pairs: readonly (readonly [string, string])[]): string[] {
  return pairs.map(([a, b]) => String(compareVersions(a, b)));
}

describe('versions are ordered as dpkg orders them', () => {
  test('those that are known to be hard, each with each', () => {
    const pairs = SEEDS.flatMap((a, index) =>
      SEEDS.slice(index).map((b): [string, string] => [a, b]),
    );
    const name = (list: readonly string[]): string[] =>
      list.map((order, index) => `${pairs[index]?.join(' ')} ${order}`);
    expect(name(ours(pairs))).toEqual(name(askDpkg(pairs)));
  });

  test('generated ones', () => {
    const pairs = fc.sample(pair, 700);
    const name = (list: readonly string[]): string[] =>
      list.map((order, index) => `${pairs[index]?.join(' ')} ${order}`);
    const expected = askDpkg(pairs);
    expect(name(ours(pairs))).toEqual(name(expected));
    // A sample in which nearly everything is equal, or nothing is, would prove little.
    for (const order of ['-1', '0', '1']) {
      expect(expected.filter((entry) => entry === order).length).toBeGreaterThan(20);
    }
  });

  test('the order is one: turned round it is turned, and three have a lowest and a highest (any)', () => {
    fc.assert(
      fc.property(version, version, version, (a, b, c) => {
        expect(compareVersions(a, a)).toBe(0);
        expect(compareVersions(a, b) + compareVersions(b, a)).toBe(0);
        const [low = a, , high = a] = [a, b, c].toSorted(compareVersions);
        expect(compareVersions(low, high)).toBeLessThanOrEqual(0);
        for (const middle of [a, b, c]) {
          expect(compareVersions(low, middle)).toBeLessThanOrEqual(0);
          expect(compareVersions(middle, high)).toBeLessThanOrEqual(0);
        }
      }),
      { numRuns: 1000 },
    );
  });

  test('text that is no version is ordered somehow, always ending (any)', () => {
    fc.assert(
      fc.property(fc.string(), fc.string(), (a, b) => {
        expect([-1, 0, 1, Number.NaN]).toContain(compareVersions(a, b));
      }),
    );
  });
});

test('the parts of a version', () => {
  expect(parseVersion('1:2.0-3-4')).toEqual({ epoch: 1, upstream: '2.0-3', revision: '4' });
  expect(parseVersion('2.0')).toEqual({ epoch: 0, upstream: '2.0', revision: '' });
  expect(withoutEpoch('1:2.0-3')).toBe('2.0-3');
  expect(withoutEpoch('2.0-3')).toBe('2.0-3');
});
