import { describe, expect, test } from 'vitest';
import { fulfils, parseConditions } from './condition.ts';

describe('conditions on a version', () => {
  test.each<[string, string, boolean]>([
    ['>= 6.12, << 6.17', '6.12.117', true],
    ['>= 6.12, << 6.17', '6.12', true],
    ['>= 6.12, << 6.17', '6.17', false],
    ['>= 6.12, << 6.17', '6.17~rc3', true],
    ['>= 6.12, << 6.17', '6.9.7', false],
    ['>=6.12,<<6.17', '6.13', true],
    ['<= 6.12', '6.12', true],
    ['<= 6.12', '6.12.1', false],
    ['= 6.12.1', '6.12.1', true],
    ['= 6.12.1', '6.12.10', false],
    ['>> 6.12.9', '6.12.10', true],
    ['>> 6.12.9', '6.12.9', false],
  ])('%s of %s: %s', (text, version, expected) => {
    expect(fulfils(version, parseConditions(text) ?? [])).toBe(expected);
  });

  test.each(['', '6.12', '> 6', '< 6', '>= 6.12,', '>= six', '>= 6 7', '>= 6 | << 5'])(
    '%j is none',
    (text) => {
      expect(parseConditions(text)).toBeUndefined();
    },
  );
});
