import { execFileSync } from 'node:child_process';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { splitSourceFolder } from '../dkms-conf.ts';
import {
  literalOf,
  upstreamVersion,
  versionOfCommit,
  versionOfTag,
  versionOfTree,
} from './version.ts';

describe('a version', () => {
  test.each<[string, string | undefined]>([
    ['1.2.3', '1.2.3'],
    ['1.2-rc1', '1.2~rc1'],
    ['1.2rc1', '1.2~rc1'],
    ['1.2_beta-2', '1.2~beta+2'],
    ['1.2-3', '1.2+3'],
    ['2024.01.02-dev', '2024.01.02~dev'],
    ['1.0-predator', '1.0+predator'],
    ['#MODULE_VERSION#', undefined],
    ['v1', undefined],
    ['', undefined],
    ['1.0 2', undefined],
    ['1:2', undefined],
    [`1${'0'.repeat(64)}`, undefined],
  ])('of %j is %j', (text, expected) => {
    expect(upstreamVersion(text)).toBe(expected);
  });

  test.each<[string, string | undefined]>([
    ['v0.15.0', '0.15.0'],
    ['release/v3.1-rc2', '3.1~rc2'],
    ['driver2-1.4', '1.4'],
    ['Driver2_1.4', '1.4'],
    ['upstream/9', '9'],
    ['stable', undefined],
  ])('of the tag %j is %j', (tag, expected) => {
    expect(versionOfTag(tag, 'driver2')).toBe(expected);
  });

  test('of a commit rises with its date, of a tree says which it is', () => {
    expect(versionOfCommit('abcdef0123'.repeat(4), 1_700_000_000)).toBe('0+git20231114.abcdef0');
    expect(versionOfTree('0123456789abcdef'.repeat(4))).toBe('0+01234567');
  });

  test('is one to dpkg, and can be told from the name of its folder (any)', () => {
    const versions = fc
      .stringMatching(/^[0-9a-cx-zRC.+~ _/:-]{1,20}$/)
      .map((text) => upstreamVersion(text) ?? '0');
    fc.assert(
      fc.property(versions, (version) => {
        const args = ['--validate-version', version];
        expect(() => execFileSync('dpkg', args, { stdio: 'ignore' })).not.toThrow();
        expect(splitSourceFolder(`a-module-${version}`)).toEqual({ name: 'a-module', version });
      }),
      { numRuns: 150 },
    );
  });
});

describe('a literal of a dkms.conf', () => {
  test.each<[string, string | undefined]>([
    ['PACKAGE_VERSION="1.0"', '1.0'],
    ["  PACKAGE_VERSION='1.0' # the version", '1.0'],
    ['export PACKAGE_VERSION=1.0', '1.0'],
    ['PACKAGE_VERSION[0]="1.0"\r', '1.0'],
    ['PACKAGE_VERSION="1.0"\nPACKAGE_VERSION="1.0"', '1.0'],
    ['PACKAGE_VERSION="1.0"\nPACKAGE_VERSION="1.1"', undefined],
    ['PACKAGE_VERSION="$(cat VERSION)"', undefined],
    ['PACKAGE_VERSION=`cat VERSION`', undefined],
    ['PACKAGE_VERSION=$V', undefined],
    ['PACKAGE_VERSION="1.0"; PACKAGE_VERSION=2', undefined],
    ['PACKAGE_VERSION=1.0\nPACKAGE_VERSION=$V', undefined],
    ['# PACKAGE_VERSION="1.0"', undefined],
    ['OTHER_PACKAGE_VERSION="1.0"', undefined],
    ['PACKAGE_VERSION=""', undefined],
  ])('%j is %j', (conf, expected) => {
    expect(literalOf(`${conf}\n`, 'PACKAGE_VERSION')).toBe(expected);
  });
});
