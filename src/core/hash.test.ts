import { execFileSync } from 'node:child_process';
import { isDeepStrictEqual } from 'node:util';
import * as fs from 'node:fs/promises';
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { canonicalJson, sha256, sha256File } from './hash.ts';
import { useScratch } from './testing/scratch.ts';

const at = useScratch('hash');

function oracle(content: string | Uint8Array): string {
  return execFileSync('sha256sum', { input: content, encoding: 'utf8' }).slice(0, 64);
}

test('hashes are those of sha256sum', async () => {
  const big = Buffer.alloc(300_000, 'kernel ä\0');
  await fs.writeFile(at('big'), big);
  expect(await sha256File(at('big'))).toBe(oracle(big));
  for (const text of ['', 'ä€😀', 'a\0b\n']) {
    expect(sha256(text)).toBe(oracle(text));
  }
});

/** The same value with the keys of every object in another order. */
function shuffled(value: unknown, turn: number): unknown {
  if (Array.isArray(value)) {
    return value.map((entry) => shuffled(entry, turn));
  }
  if (value !== null && typeof value === 'object') {
    const entries = Object.entries(value).map(([key, inner]) => [key, shuffled(inner, turn)]);
    const cut = entries.length === 0 ? 0 : turn % entries.length;
    return Object.fromEntries([...entries.slice(cut), ...entries.slice(0, cut)].reverse());
  }
  return value;
}

test('canonical JSON does not depend on the order of keys and is what it was made of (any)', () => {
  fc.assert(
    fc.property(fc.jsonValue(), fc.nat(7), (value, turn) => {
      const text = canonicalJson(value);
      expect(canonicalJson(shuffled(value, turn))).toBe(text);
      expect(JSON.parse(text)).toEqual(JSON.parse(JSON.stringify(value)));
    }),
  );
});

test('canonical JSON tells different values apart (any)', () => {
  fc.assert(
    fc.property(fc.jsonValue(), fc.jsonValue(), (left, right) => {
      const same = isDeepStrictEqual(
        JSON.parse(JSON.stringify(left)),
        JSON.parse(JSON.stringify(right)),
      );
      expect(canonicalJson(left) === canonicalJson(right)).toBe(same);
    }),
  );
  expect(canonicalJson([1, 2])).not.toBe(canonicalJson([2, 1]));
  expect(canonicalJson({ a: [{ c: 1, b: undefined, a: 2 }] })).toBe('{"a":[{"a":2,"c":1}]}');
});
