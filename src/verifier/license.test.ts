import { describe, expect, it } from 'vitest';
import { isGplCompatible } from './license.ts';

describe('isGplCompatible', () => {
  it.each([
    ['GPL', true],
    ['GPL v2', true],
    ['GPL and additional rights', true],
    ['Dual BSD/GPL', true],
    ['Dual MIT/GPL', true],
    ['Dual MPL/GPL', true],
    ['CDDL', false],
    ['Proprietary', false],
    ['GPL v3', false],
    ['gpl', false],
    ['', false],
  ])('%j: %s', (license, expected) => {
    expect(isGplCompatible(license)).toBe(expected);
  });
});
