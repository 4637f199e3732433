import { execFileSync } from 'node:child_process';
import { describe, expect, test } from 'vitest';
import { buildRequires, crossCompiler, crossEnvironment, crossObstacle, crossOf } from './cross.ts';

const ARCHITECTURES = [
  ...['amd64', 'arm64', 'armel', 'armhf', 'i386', 'loong64', 'mips64el', 'mipsel', 'ppc64el'],
  ...['riscv64', 's390x'],
];

describe('the cross compiler', () => {
  test.each(ARCHITECTURES)('of %s is named by the triplet that dpkg knows', (architecture) => {
    const command = ['-a', architecture, '-q', 'DEB_HOST_GNU_TYPE'];
    const triplet = execFileSync('dpkg-architecture', command, {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    }).trim();
    expect(crossCompiler('gcc-14', architecture)).toBe(`gcc-14-${triplet.replaceAll('_', '-')}`);
    const cross = crossOf('other', architecture);
    expect(crossEnvironment(cross)).toMatchObject({
      DEB_HOST_ARCH: architecture,
      DEB_HOST_GNU_TYPE: triplet,
      CROSS_COMPILE: `${triplet}-`,
    });
  });

  test.each([
    ['gcc-16-for-host', 'gcc-16-s390x-linux-gnu'],
    ['linux-compiler-gcc-10-s390', 'gcc-10-s390x-linux-gnu'],
    ['gcc', undefined],
    ['gcc-14-base', undefined],
    ['libgcc-14-dev', undefined],
    ['pahole', undefined],
  ])('for %s is %s', (name, expected) => {
    expect(crossCompiler(name, 's390x')).toBe(expected);
  });

  test('of an architecture that is not known is none', () => {
    expect(crossCompiler('gcc-14', 'hppa')).toBeUndefined();
    expect(crossCompiler('gcc-14', 'toString')).toBeUndefined();
  });
});

describe('what headers require', () => {
  const requires = ['gcc-14', 'libc6', 'pahole'];

  test('has the cross compiler in the compiler’s place', () => {
    expect(buildRequires({ requires }, crossOf('amd64', 'arm64'))).toEqual([
      ...['gcc-14-aarch64-linux-gnu', 'libc6', 'pahole'],
    ]);
  });

  test('is as it is on the kernel’s own architecture', () => {
    expect(buildRequires({ requires }, crossOf('arm64', 'arm64'))).toEqual(requires);
    expect(crossEnvironment(crossOf('arm64', 'arm64'))).toEqual({});
  });
});

describe('what a cross build waits for', () => {
  const headers = { missing: undefined, requires: ['gcc-14', 'pahole'], suite: 'trixie' };
  const cross = { builder: 'amd64', architecture: 'arm64' };

  test('is nothing when all is there', () => {
    expect(crossObstacle(headers, cross, undefined)).toBeUndefined();
  });

  test('is the package that is missing', () => {
    const missing = 'linux-kbuild-6.12';
    expect(crossObstacle({ ...headers, missing }, cross, undefined)).toBe(
      'building for arm64 on this amd64 machine waits for linux-kbuild-6.12 of amd64, which trixie lacks',
    );
    expect(crossObstacle(headers, cross, 'E: Unable to locate package x')).toBe(
      'building for arm64 on this amd64 machine waits for gcc-14-aarch64-linux-gnu: E: Unable to locate package x',
    );
  });

  test('is any cross compiler when the headers name none: the machine’s own never does', () => {
    expect(crossObstacle({ ...headers, requires: ['pahole'] }, cross, undefined)).toMatch(
      /waits for a cross compiler: the headers require pahole$/,
    );
    const unknown = { builder: 'amd64', architecture: 'hppa' };
    expect(crossObstacle(headers, unknown, undefined)).toMatch(/waits for a cross compiler/);
  });
});
