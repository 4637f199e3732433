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
  return headers && [headers.suite, ...headers.packages.map((ref) => ref.version)];
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
