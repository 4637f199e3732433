import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { LockstepEvent } from '../model/events.ts';
import { eventLine, formatBytes, formatSeconds, printable } from './text.ts';

describe('amounts for people', () => {
  test.each([
    [0, '0 B'],
    [999, '999 B'],
    [1000, '1.0 kB'],
    [12_345_678, '12.3 MB'],
    [999_949, '999.9 kB'],
    [999_950, '1.0 MB'],
    [5e9, '5.0 GB'],
    [2e12, '2.0 TB'],
    [3e15, '3000.0 TB'],
  ])('%d bytes are %s', (bytes, expected) => {
    expect(formatBytes(bytes)).toBe(expected);
  });

  test('any number of bytes is a number below 1000 that is right to a tenth (any)', () => {
    const factors: Record<string, number> = { B: 1, kB: 1e3, MB: 1e6, GB: 1e9, TB: 1e12 };
    fc.assert(
      fc.property(fc.nat(999_000_000_000_000), (bytes) => {
        const [number = '', unit = ''] = formatBytes(bytes).split(' ');
        expect(Number(number)).toBeLessThan(1000);
        const factor = factors[unit] ?? Number.NaN;
        expect(Math.abs(Number(number) * factor - bytes)).toBeLessThanOrEqual(0.0501 * factor);
      }),
    );
  });

  test.each([
    [0, '0.0 s'],
    [0.44, '0.4 s'],
    [9.94, '9.9 s'],
    [12.4, '12 s'],
    [59.4, '59 s'],
    [59.6, '1 min 0 s'],
    [200, '3 min 20 s'],
    [7199.7, '120 min 0 s'],
  ])('%d seconds are %s', (seconds, expected) => {
    expect(formatSeconds(seconds)).toBe(expected);
  });
});

describe('text from outside', () => {
  test('is shown without what could move the cursor, set colours or ring', () => {
    expect(printable('\u001b[31mred\u001b[0m\u0007\r\u009b2J\u007f\b')).toBe('?[31mred?[0m???2J??');
    expect(printable('ümläut €😀\tand\nlines')).toBe('ümläut €😀\tand\nlines');
  });

  test('has no control character left but tab and line feed (any)', () => {
    const unit = fc.oneof(
      fc.integer({ min: 0, max: 0x2ff }).map((code) => String.fromCharCode(code)),
      fc.string({ unit: 'grapheme', minLength: 1, maxLength: 1 }),
    );
    fc.assert(
      fc.property(fc.array(unit), (parts) => {
        const text = parts.join('');
        const shown = printable(text);
        expect(shown).not.toMatch(/(?![\t\n])\p{Cc}/u);
        expect(shown).toHaveLength(text.length);
      }),
    );
  });
});

test.each<[LockstepEvent, string | undefined]>([
  [{ type: 'phase', phase: 'setup', detail: 'key' }, 'set up: key'],
  [
    { type: 'phase-done', phase: 'archive', seconds: 12, detail: '3 suites' },
    'archive done in 12 s: 3 suites',
  ],
  [{ type: 'phase-done', phase: 'plan', seconds: 0.1, detail: '' }, 'plan done in 0.1 s'],
  [{ type: 'warning', code: 'ARCHIVE_EXPIRED', message: 'm' }, 'warning: ARCHIVE_EXPIRED: m'],
  [{ type: 'fetch', what: '3 packages', bytes: 1500 }, 'fetching 3 packages (1.5 kB)'],
  [{ type: 'plan', total: 9, queued: 4 }, '9 targets, 4 to build'],
  [{ type: 'target-started', module: 'a', release: '6.12' }, 'building a for 6.12'],
  [
    {
      ...{ type: 'target-done', module: 'a', release: '6.12', verdict: 'failed' },
      ...{ reason: 'no', seconds: 3 },
    },
    'failed: a for 6.12 in 3.0 s: no',
  ],
  [
    { type: 'published', suite: 'trixie', packages: 7, added: ['x'], removed: [] },
    'published trixie: 7 packages, 1 new',
  ],
  [{ type: 'unchanged' }, 'nothing new: nothing built, nothing published'],
])('the line of an event: %j', (event, expected) => {
  expect(eventLine(event)).toBe(expected);
});
