import { expect, test } from 'vitest';
import { parseRecord } from './schema.ts';
import { makeRecord } from './testing/records.ts';

test('text that is no record is none', () => {
  const good = JSON.stringify(makeRecord('demo'));
  expect(parseRecord(good)).toEqual(makeRecord('demo'));
  for (const [from, to] of [
    ['"built"', '"nonsense"'],
    ['"demo.ko"', '"../demo.ko"'],
    ['"demo.ko"', '"/etc/x.ko"'],
    ['"xz"', '"rar"'],
    ['"/usr/lib/modules"', '"/etc"'],
    ['2026-01-01T00:00:00.000Z', 'yesterday'],
    ['"inputs":"', '"inputs":"x'],
  ]) {
    const text = good.replace(from ?? '', to ?? '');
    expect(text).not.toBe(good);
    expect(parseRecord(text)).toBeUndefined();
  }
  for (const json of ['', '{', '[]', 'null', 7, undefined, null]) {
    expect(parseRecord(json)).toBeUndefined();
  }
});

test('a record of an earlier version lacks what that did not keep', () => {
  const { inputs: _inputs, root: _root, ...old } = makeRecord('demo');
  expect(parseRecord(JSON.stringify(old))).toEqual({ ...old, inputs: '', root: '' });
});
