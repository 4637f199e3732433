import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  isArchitecture,
  isFolderName,
  isPackageName,
  isVersion,
  poolPath,
  singleLine,
  slugOf,
} from './names.ts';

describe('a place in the pool', () => {
  test.each([
    ['foo', 'foo', '1.0-1', 'pool/main/f/foo/foo_1.0-1_amd64.deb'],
    [
      'x-modules-6.1+deb12-amd64',
      'x',
      '3:1~rc1+b',
      'pool/main/x/x/x-modules-6.1+deb12-amd64_1~rc1+b_amd64.deb',
    ],
    ['libx-tools', 'libx', '1', 'pool/main/libx/libx/libx-tools_1_amd64.deb'],
    ['libx-tools', 'xtools', '1', 'pool/main/x/xtools/libx-tools_1_amd64.deb'],
  ])('of %s from %s, %s', (name, source, version, expected) => {
    expect(poolPath('main', { name, source, version, architecture: 'amd64' })).toBe(expected);
  });

  test('is one file in its folder, whatever was let through (any)', () => {
    const unit = fc.constantFrom('a', 'b', '1', '2', '.', '+', '-', '~', ':', '/', '_', '\n');
    const text = fc.string({ unit, minLength: 1, maxLength: 5 });
    const names = text.filter(isPackageName);
    const versions = text.filter(isVersion);
    const architectures = text.filter(isArchitecture);
    fc.assert(
      fc.property(names, versions, architectures, (name, version, architecture) => {
        const found = poolPath('main', { name, source: name, version, architecture });
        expect(found).toMatch(
          /^pool\/main\/[a-z0-9][^/_]*\/[a-z0-9][^/_]*\/[^/_]+_[^/_]+_[^/_]+\.deb$/,
        );
      }),
    );
  });
});

test.each<[(text: string) => boolean, string[], string[]]>([
  [isPackageName, ['0ad', 'a+', 'g++', 'x.y-z'], ['', 'a', 'A1', '+a', '.a', 'a/b', 'a_b', 'a b']],
  [
    isVersion,
    ['1', '1:2.0-3', '0~~a+b', '1.a-b-c'],
    ['', 'a', '1/2', '1_2', '1 2', 'x:1', '1:', '1:2:3'],
  ],
  [isArchitecture, ['amd64', 'all', 'kfreebsd-amd64'], ['', 'AMD64', '../x', '-x', 'a/b']],
  [
    isFolderName,
    ['trixie', 'trixie-security', 'non-free'],
    ['', '.', '..', '.x', 'a/b', 'a b', 'a\n'],
  ],
])('%o', (isAllowed, good, bad) => {
  expect(good.filter((text) => !isAllowed(text))).toEqual([]);
  expect(bad.filter(isAllowed)).toEqual([]);
});

test('the part of a file name that stands for an origin', () => {
  expect(slugOf('  Example & Söhne: Modules! ')).toBe('example-s-hne-modules');
  expect(slugOf('///')).toBe('lockstep');
});

test('what does not fit into one line is refused', () => {
  expect(singleLine('label', 'Example Modules')).toBe('Example Modules');
  for (const text of ['', ' x', 'x ', 'a\nSuite: b', 'a\rb', 'a\0b']) {
    expect(() => singleLine('label', text)).toThrow('label');
  }
});
