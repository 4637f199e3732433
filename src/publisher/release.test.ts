import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { formatRelease, parseRelease, signedText } from './release.ts';

const hash = fc.string({
  unit: fc.constantFrom(...'0123456789abcdef'.split('')),
  minLength: 64,
  maxLength: 64,
});

test('a Release file reads back as it was written (any)', () => {
  const file = fc.record({
    path: fc.constantFrom('main/binary-amd64/Packages', 'main/binary-amd64/Packages.xz'),
    sha256: hash,
    size: fc.nat(),
  });
  const seconds = fc.integer({ min: 0, max: 4_000_000_000 });
  fc.assert(
    fc.property(fc.array(file, { minLength: 1 }), seconds, (files, second) => {
      const date = new Date(second * 1000);
      const fields = {
        origin: 'O',
        label: 'L',
        suite: 's',
        codename: 'c',
        notAutomatic: second % 2 === 0,
        butAutomaticUpgrades: second % 4 === 0,
        architectures: ['amd64'],
        components: ['main'],
        description: undefined,
        files,
      };
      const text = formatRelease(fields, date);
      expect(parseRelease(text)).toEqual({ text, date, files });
    }),
  );
});

test('what is no Release file is none', () => {
  expect(parseRelease('')).toBeUndefined();
  expect(parseRelease('Date: soon\nSHA256:\n a 1 b\n')).toBeUndefined();
});

test('the signed text stands without its dashes', () => {
  const end = '-----BEGIN PGP SIGNATURE-----\n\nabc\n-----END PGP SIGNATURE-----\n';
  const begin = '-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA512\n\n';
  expect(signedText(`${begin}a: b\n- -c\n${end}`)).toBe('a: b\n-c\n');
  expect(signedText(`${begin}a: b\n`)).toBeUndefined();
  expect(signedText(`a: b\n${end}`)).toBeUndefined();
});
