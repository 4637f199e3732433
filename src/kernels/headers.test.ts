import { describe, expect, test } from 'vitest';
import type { KernelHeaders } from '../model/kernels.ts';
import { makeCatalogue, type SuiteInput } from './catalogue.ts';
import type { IndexedPackage } from './scan.ts';
import { packagesOf, suiteInput, trixie } from './testing/index.ts';

const FIRST = trixie('6.12.117+deb13', '6.12.117-1', ['amd64']);
const SECOND = trixie('6.12.117+deb13', '6.12.117-2', ['amd64']);

/** The packages of a suite whose names fit. */
function inSuite(suite: string, text: string, wanted = /^/): IndexedPackage[] {
  return packagesOf(text, 'amd64', { suite }).filter((entry) => wanted.test(entry.ref.name));
}

const IMAGE = /^linux-image/;
const HEADERS = /^linux-(?:headers|kbuild)/;

/** The headers of the only kernel of the first suite: where they are, and of which version. */
function headersIn(...inputs: readonly SuiteInput[]): unknown {
  const [first] = inputs;
  const kernels = makeCatalogue(inputs, ['amd64']).get(first?.suite ?? '') ?? [];
  expect(kernels).toHaveLength(1);
  const headers: KernelHeaders | undefined = kernels[0]?.kernel.headers;
  return (
    headers && [headers.suite, ...[...headers.packages, ...headers.tools].map((ref) => ref.version)]
  );
}

const versions = (version: string): string[] => [version, version, version];

describe('where the headers of a kernel are', () => {
  const image = inSuite('home', FIRST, IMAGE);

  test('in its own suite, though others have them too', () => {
    const others = ['a', 'z'].map((suite) => suiteInput(suite, inSuite(suite, FIRST, HEADERS)));
    expect(headersIn(suiteInput('home', inSuite('home', FIRST)), ...others)).toEqual([
      ...['home', ...versions('6.12.117-1')],
    ]);
  });

  test('in the first other suite that has all of them, when they left its own', () => {
    const home = suiteInput('home', image);
    const partial = suiteInput('partial', inSuite('partial', FIRST, /^linux-headers/));
    const others = ['z', 'a'].map((suite) => suiteInput(suite, inSuite(suite, FIRST, HEADERS)));
    const expected = ['z', ...versions('6.12.117-1')];
    expect(headersIn(home, partial, ...others)).toEqual(expected);
    const older = suiteInput('home', [...image, ...inSuite('home', SECOND, HEADERS)]);
    expect(headersIn(older, partial, ...others)).toEqual(expected);
  });

  test('of another version in its own suite, when those of its version are nowhere', () => {
    const home = suiteInput('home', [...image, ...inSuite('home', SECOND, HEADERS)]);
    const other = suiteInput('other', inSuite('other', SECOND));
    expect(headersIn(home, other)).toEqual(['home', ...versions('6.12.117-2')]);
  });

  test('gone: those of another version in another suite do not do', () => {
    const home = suiteInput('home', image);
    expect(headersIn(home, suiteInput('other', inSuite('other', SECOND)))).toBeUndefined();
  });

  test('for a kernel of several suites, in the first of them that has them', () => {
    const home = suiteInput('home', image);
    const others = ['b', 'a'].map((suite) => suiteInput(suite, inSuite(suite, FIRST)));
    expect(headersIn(home, ...others)).toEqual(['b', ...versions('6.12.117-1')]);
  });
});

describe('kbuild’s programs for a kernel of another architecture', () => {
  const arm64 = (text: string, wanted = /^/) =>
    packagesOf(text, 'arm64').filter((entry) => wanted.test(entry.ref.name));
  const ARM64 = trixie('6.12.117+deb13', '6.12.117-1', ['arm64']);
  const KBUILD = /^linux-kbuild/;

  function headersOf(
    builder: string | undefined,
    ...packages: IndexedPackage[]
  ): KernelHeaders | undefined {
    const catalogue = makeCatalogue([suiteInput('home', packages)], ['arm64'], builder);
    const kernels = catalogue.get('home') ?? [];
    expect(kernels.map(({ kernel }) => kernel.architecture)).toEqual(['arm64']);
    return kernels[0]?.kernel.headers;
  }
  const toolsOf = (headers: KernelHeaders | undefined): string[] | undefined =>
    headers?.tools.map((ref) => `${ref.version} ${ref.architecture}`);

  test('are those of the machine that builds, and all else is the kernel’s own', () => {
    const native = headersOf('arm64', ...arm64(ARM64), ...inSuite('home', FIRST, KBUILD));
    const cross = headersOf('amd64', ...arm64(ARM64), ...inSuite('home', FIRST, KBUILD));
    expect(toolsOf(native)).toEqual(['6.12.117-1 arm64']);
    expect(toolsOf(cross)).toEqual(['6.12.117-1 amd64']);
    expect(cross?.packages).toEqual(native?.packages);
    expect(headersOf(undefined, ...arm64(ARM64))).toEqual(native);
  });

  test('bring what they themselves require in place of the others', () => {
    const other = FIRST.replace('pahole', 'elfutils');
    const cross = headersOf('amd64', ...arm64(ARM64), ...inSuite('home', other, KBUILD));
    expect(cross?.requires).toEqual(['elfutils', 'gcc-14', 'libc6', 'libelf1t64', 'linux-base']);
  });

  test('need not be there for the kernel’s architecture', () => {
    const without = arm64(ARM64).filter((entry) => !KBUILD.test(entry.ref.name));
    const cross = headersOf('amd64', ...without, ...inSuite('home', FIRST, KBUILD));
    expect(toolsOf(cross)).toEqual(['6.12.117-1 amd64']);
    expect(headersOf('arm64', ...without)).toBeUndefined();
  });

  test('are of the version that the kernel’s architecture has, else of the newest that fits', () => {
    const both = inSuite('home', FIRST + SECOND, KBUILD);
    expect(toolsOf(headersOf('amd64', ...arm64(ARM64), ...both))).toEqual(['6.12.117-1 amd64']);
    const second = inSuite('home', SECOND, KBUILD);
    expect(toolsOf(headersOf('amd64', ...arm64(ARM64), ...second))).toEqual(['6.12.117-2 amd64']);
    const strict = arm64(
      ARM64.replace('linux-kbuild-6.12.117+deb13,', 'linux-kbuild-6.12.117+deb13 (<= 6.12.117-1),'),
    );
    const none = headersOf('amd64', ...strict, ...second);
    expect(none).toMatchObject({ tools: [], missing: 'linux-kbuild-6.12.117+deb13' });
  });

  test('are missing, and named, when the machine’s architecture has none', () => {
    const headers = headersOf('amd64', ...arm64(ARM64), ...inSuite('home', FIRST, IMAGE));
    expect(headers).toMatchObject({ tools: [], missing: 'linux-kbuild-6.12.117+deb13' });
    expect(headersOf('arm64', ...arm64(ARM64))?.missing).toBeUndefined();
  });

  test('of another suite do when that has all the rest too', () => {
    const inputs = [
      suiteInput('home', arm64(ARM64)),
      suiteInput('next', [...arm64(ARM64), ...inSuite('next', FIRST, KBUILD)]),
    ];
    const [found] = makeCatalogue(inputs, ['arm64'], 'amd64').get('home') ?? [];
    expect(found?.kernel.headers).toMatchObject({ suite: 'next', missing: undefined });
  });
});
