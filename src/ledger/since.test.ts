import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { parseSince } from './since.ts';

const NOW = new Date('2026-11-24T12:00:00.000Z');

test.each([
  ['2026-11-01', '2026-11-01T00:00:00.000Z'],
  [' 2026-11-01 ', '2026-11-01T00:00:00.000Z'],
  ['2024-02-29', '2024-02-29T00:00:00.000Z'],
  ['2026-11-01T03:12', '2026-11-01T03:12:00.000Z'],
  // As the history prints it.
  ['2026-11-01 03:12', '2026-11-01T03:12:00.000Z'],
  ['2026-11-01T03:12:05.678Z', '2026-11-01T03:12:05.678Z'],
  ['2026-11-01t03:12:05z', '2026-11-01T03:12:05.000Z'],
  ['2026-11-01T03:12:05+02:00', '2026-11-01T01:12:05.000Z'],
  ['3d', '2026-11-21T12:00:00.000Z'],
  ['12h', '2026-11-24T00:00:00.000Z'],
  ['2w', '2026-11-10T12:00:00.000Z'],
  ['2 W', '2026-11-10T12:00:00.000Z'],
  ['0d', '2026-11-24T12:00:00.000Z'],
])('%j is an instant', (text, expected) => {
  const since = parseSince(text, NOW);
  expect(since instanceof Date ? since.toISOString() : since).toBe(expected);
});

test.each([
  ['12', 12],
  ['#12', 12],
  ['0', 0],
  ['#007', 7],
  ['2026', 2026],
])('%j is a run', (text, expected) => {
  expect(parseSince(text, NOW)).toBe(expected);
});

test.each([
  ...[
    '',
    ' ',
    '#',
    '# 1',
    '-1',
    '1.5',
    '1e3',
    '0x10',
    '+3d',
    '-3d',
    '3m',
    '3 days',
    'd',
    'yesterday',
  ],
  ...['2026-02-30', '2026-13-01', '2026-00-10', '2026-11', '2026-11-1', '26-11-01', '11/01/2026'],
  ...['2026-11-01T25:00', '2026-11-01T03', '2026-11-01T03:12:05+99:00', '2026-11-01Z'],
  ...[
    '99999999999999999999',
    '#99999999999999999999',
    '999999999999999d',
    '2026-11-01\n2026-11-02',
  ],
])('%j is neither', (text) => {
  expect(parseSince(text, NOW)).toBeUndefined();
});

test('reads back any instant and any run (any)', () => {
  const from = new Date('1000-01-01T00:00:00.000Z');
  fc.assert(
    fc.property(
      fc.date({ noInvalidDate: true, min: from, max: new Date('9999-12-31T00:00:00.000Z') }),
      fc.nat(),
      (date, run) => {
        expect(parseSince(date.toISOString(), NOW)).toEqual(date);
        expect(parseSince(String(run), NOW)).toBe(run);
      },
    ),
  );
});

test('is an instant that exists, a whole number or nothing for any text (any)', () => {
  const text = fc.string({ unit: fc.constantFrom(...'0123456789-:TZ#dhw+ .'.split('')) });
  fc.assert(
    fc.property(fc.oneof(text, fc.string()), (input) => {
      const since = parseSince(input, NOW);
      const value = since instanceof Date ? since.getTime() : (since ?? 0);
      expect(Number.isSafeInteger(value)).toBe(true);
    }),
  );
});
