import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { expect, test } from 'vitest';
import { armour, armourBody, dearmour, joinArmoured, joinSigned } from './armour.ts';

test.each([1, 2, 3, 47, 48, 49, 1000])('gpg reads what was armoured: %d bytes', (size) => {
  const bytes = randomBytes(size);
  const text = armour('PUBLIC KEY BLOCK', bytes);
  const read = execFileSync('gpg', ['--no-options', '--dearmor'], { input: text, stdio: 'pipe' });
  expect(read).toEqual(bytes);
  expect(dearmour(text)).toEqual(bytes);
  // gpg's own armour differs in the block's name only.
  const gpgs = execFileSync('gpg', ['--no-options', '--enarmor'], { input: bytes, stdio: 'pipe' });
  const named = gpgs
    .toString()
    .replace(/^Comment: .*\n/gm, '')
    .replaceAll('ARMORED FILE', 'X');
  expect(armour('X', bytes)).toBe(named.replaceAll('PGP X', 'PGP X'));
  expect(armourBody(named)).toBe(bytes.toString('base64'));
});

test('one armoured text stays what it is, several become one', () => {
  const texts = ['a', 'bc'].map((text) => armour('SIGNATURE', Buffer.from(text)));
  expect(joinArmoured('SIGNATURE', texts.slice(0, 1))).toBe(texts[0]);
  expect(dearmour(joinArmoured('SIGNATURE', texts)).toString()).toBe('abc');
});

test('signatures of different texts are not joined', () => {
  const message = (text: string): string =>
    `-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA512\n\n${text}\n${armour('SIGNATURE', Buffer.from('x'))}`;
  expect(joinSigned([message('a')])).toBe(message('a'));
  expect(() => joinSigned([message('a'), message('b')])).toThrow('different texts');
});
