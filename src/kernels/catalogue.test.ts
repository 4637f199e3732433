import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Kernel } from '../model/kernels.ts';
import { isKernelPackage, makeCatalogue } from './catalogue.ts';
import { splitRelease } from './releases.ts';
import type { IndexedPackage } from './scan.ts';
import { BOOKWORM, metapackage, packagesOf, SID, suiteInput, trixie } from './testing/index.ts';

/** The kernels of one architecture in one published suite. */
function kernelsOf(
  packages: readonly IndexedPackage[],
  architecture: string,
): (Kernel & { newest: boolean })[] {
  const catalogue = makeCatalogue([suiteInput('stable', packages)], [architecture]);
  return (catalogue.get('stable') ?? []).map(({ kernel, tracks }) =>
    Object.assign({}, kernel, { newest: tracks.length > 0 }),
  );
}

/** What matters of kernels, in short. */
function short(kernels: readonly (Kernel & { newest: boolean })[]): string[] {
  return kernels.map(({ release, abi, flavour, version, newest, image, headers }) =>
    [
      `${release} = ${abi} | ${flavour}, ${version}${newest ? ', newest' : ''}, ${image}`,
      ...(headers === undefined
        ? ['  gone']
        : [
            `  ${[...headers.packages, ...headers.tools].map((ref) => `${ref.name} ${ref.version}`).join(', ')}`,
            `  + ${headers.requires.join(', ')}`,
          ]),
    ].join('\n'),
  );
}

const KERNEL_117 = trixie('6.12.117+deb13', '6.12.117-1', ['amd64', 'cloud-amd64']);
const KERNEL_107 = trixie('6.12.107+deb13', '6.12.107-1', ['amd64', 'cloud-amd64']);
const TRIXIE = [
  KERNEL_107,
  KERNEL_117,
  metapackage('amd64', '6.12.117+deb13', '6.12.117-1'),
  metapackage('cloud-amd64', '6.12.117+deb13', '6.12.117-1'),
].join('\n');

describe('the layouts of Debian', () => {
  test('bookworm: kbuild shared, compiler package', () => {
    expect(short(kernelsOf(packagesOf(BOOKWORM), 'amd64'))).toEqual([
      '6.1.0-50-amd64 = 6.1.0-50 | amd64, 6.1.176-1, newest, linux-image-6.1.0-50-amd64\n' +
        '  linux-headers-6.1.0-50-amd64 6.1.176-1, linux-headers-6.1.0-50-common 6.1.176-1, linux-compiler-gcc-12-x86 6.1.176-1, linux-kbuild-6.1 6.1.176-1\n' +
        '  + gcc-12, libc6, libelf1, libssl3',
      '6.1.0-47-amd64 = 6.1.0-47 | amd64, 6.1.170-3, linux-image-6.1.0-47-amd64\n' +
        '  linux-headers-6.1.0-47-amd64 6.1.170-3, linux-headers-6.1.0-47-common 6.1.170-3, linux-compiler-gcc-12-x86 6.1.176-1, linux-kbuild-6.1 6.1.176-1\n' +
        '  + gcc-12, libc6, libelf1, libssl3',
    ]);
  });

  test('trixie: headers that depend on the image, which a build does not need', () => {
    expect(short(kernelsOf(packagesOf(TRIXIE), 'amd64')).slice(0, 2)).toEqual([
      '6.12.117+deb13-amd64 = 6.12.117+deb13 | amd64, 6.12.117-1, newest, linux-image-6.12.117+deb13-amd64\n' +
        '  linux-headers-6.12.117+deb13-amd64 6.12.117-1, linux-headers-6.12.117+deb13-common 6.12.117-1, linux-kbuild-6.12.117+deb13 6.12.117-1\n' +
        '  + gcc-14, libc6, libelf1t64, linux-base, pahole',
      '6.12.107+deb13-amd64 = 6.12.107+deb13 | amd64, 6.12.107-1, linux-image-6.12.107+deb13-amd64\n' +
        '  linux-headers-6.12.107+deb13-amd64 6.12.107-1, linux-headers-6.12.107+deb13-common 6.12.107-1, linux-kbuild-6.12.107+deb13 6.12.107-1\n' +
        '  + gcc-14, libc6, libelf1t64, linux-base, pahole',
    ]);
  });

  test('sid: the image is split, and its modules are what a module package depends on', () => {
    expect(short(kernelsOf(packagesOf(SID), 'amd64'))).toEqual([
      '7.2.13+deb14-amd64 = 7.2.13+deb14 | amd64, 7.2.13-1, newest, linux-modules-7.2.13+deb14-amd64\n' +
        '  linux-headers-7.2.13+deb14-amd64 7.2.13-1, linux-base-7.2.13+deb14-amd64 7.2.13-1, linux-headers-7.2.13+deb14-common 7.2.13-1, linux-kbuild-7.2.13+deb14 7.2.13-1\n' +
        '  + gcc-16-for-host, libc6, linux-base, pahole',
    ]);
  });

  test('debugging symbols, unsigned twins, templates and metapackages are no kernels', () => {
    const releases = [BOOKWORM, TRIXIE, SID].flatMap((text) =>
      kernelsOf(packagesOf(text), 'amd64').map((kernel) => kernel.release),
    );
    expect(releases.filter((name) => !/^\d[^-]*(?:-\d+)?-(?:cloud-)?amd64$/.test(name))).toEqual(
      [],
    );
    expect(releases).toHaveLength(7);
  });
});

describe('flavours', () => {
  test.each([
    'arm64-16k',
    'rt-armmp',
    '686-pae',
    'powerpc64le-64k',
    'never-seen-before',
    '4kc-malta',
  ])('%s is known by its metapackage', (flavour) => {
    const abi = '6.12.117+deb13';
    const tail = flavour.split('-').at(-1) ?? '';
    const text = [
      trixie(abi, '6.12.117-1', [flavour, tail, `cloud-${flavour}`]),
      metapackage(flavour, abi, '6.12.117-1'),
      metapackage(tail, abi, '6.12.117-1'),
    ].join('\n');
    const names = (without: RegExp): string[][] =>
      kernelsOf(
        packagesOf(text, 'arm64').filter((entry) => !without.test(entry.ref.name)),
        'arm64',
      ).map((kernel) => [kernel.abi, kernel.flavour]);
    // The cloud kernel has no metapackage here: it is no `amd64` of the ABI `…-cloud`.
    expect(names(/^linux-headers/)).toEqual([flavour, tail].toSorted().map((name) => [abi, name]));
    // Its headers say what it is, and what all of them are.
    const all = [flavour, tail, `cloud-${flavour}`].toSorted().map((name) => [abi, name]);
    expect(names(/^$/)).toEqual(all);
    expect(names(/^linux-image-[a-z]/)).toEqual(all);
  });

  test('a kernel that no headers, metapackage or other kernel explains is none', () => {
    const images = packagesOf(KERNEL_117).filter((entry) => entry.ref.name.includes('-image-'));
    expect(images.length > 0 && kernelsOf(images, 'amd64')).toEqual([]);
  });

  test('an ABI that is like no other is read from the headers', () => {
    const odd = trixie('7-next.3', '7.0-1', ['rt-amd64']).replaceAll('-common', '-common-rt');
    const [kernel, ...rest] = kernelsOf(packagesOf(odd), 'amd64');
    expect([kernel?.abi, kernel?.flavour, kernel?.headers?.packages.length, rest]).toEqual([
      ...['7-next.3', 'rt-amd64', 2, []],
    ]);
  });

  test('a metapackage of a flavour that was renamed still points to a kernel', () => {
    const text = packagesOf(
      trixie('6.1.0-56', '6.1.192-2', ['mips64r2el']) +
        metapackage('mips64r2el', '6.1.0-56', '6.1.192-2', 'octeon'),
    ).filter((entry) => !entry.ref.name.startsWith('linux-headers'));
    expect(kernelsOf(text, 'amd64').map(({ abi, flavour }) => [abi, flavour])).toEqual([
      ['6.1.0-56', 'mips64r2el'],
    ]);
  });

  test('the longest that fits is meant (any)', () => {
    const word = fc.stringMatching(/^[a-z0-9]{1,4}$/);
    const name = fc.array(word, { minLength: 1, maxLength: 3 }).map((words) => words.join('-'));
    const abi = fc.constantFrom('6.12.117+deb13', '6.1.0-56', '5.10.0-0.deb10.3', '6.13-rc7', '7');
    fc.assert(
      fc.property(abi, name, fc.array(name), (version, flavour, others) => {
        const known = new Set([flavour, ...others]);
        const release = `${version}-${flavour}`;
        const found = splitRelease(release, known);
        expect(`${found?.abi}-${found?.flavour}`).toBe(release);
        expect((found?.flavour.length ?? 0) >= flavour.length).toBe(true);
      }),
    );
    expect(splitRelease('6.1-amd64', new Set(['arm64']))).toBeUndefined();
    expect(splitRelease('amd64', new Set(['amd64']))).toBeUndefined();
    expect(splitRelease('x-amd64', new Set(['amd64']))).toBeUndefined();
    expect(splitRelease('6.1.0-56-rt-686-pae', new Set(['686-pae']))).toBeUndefined();
  });
});

describe('what is not there', () => {
  const without = (name: RegExp): (Kernel & { newest: boolean })[] =>
    kernelsOf(
      packagesOf(TRIXIE).filter((entry) => !name.test(entry.ref.name)),
      'amd64',
    );
  const gone = (kernels: readonly Kernel[]): string[] =>
    kernels.filter((kernel) => kernel.headers === undefined).map((kernel) => kernel.release);

  test.each([
    [/^linux-headers-6\.12\.107\+deb13-amd64$/, ['6.12.107+deb13-amd64']],
    [
      /^linux-headers-6\.12\.107\+deb13-common$/,
      ['6.12.107+deb13-amd64', '6.12.107+deb13-cloud-amd64'],
    ],
    [/^linux-kbuild-6\.12\.107/, ['6.12.107+deb13-amd64', '6.12.107+deb13-cloud-amd64']],
  ])('without %s the headers are gone, the kernel is not', (name, expected) => {
    const kernels = without(name);
    expect(kernels).toHaveLength(4);
    expect(gone(kernels)).toEqual(expected);
  });

  test('common headers of another version do not do', () => {
    const text = TRIXIE.replace(
      'Package: linux-headers-6.12.107+deb13-common\nSource: linux\nVersion: 6.12.107-1',
      'Package: linux-headers-6.12.107+deb13-common\nSource: linux\nVersion: 6.12.107-2',
    );
    expect(gone(kernelsOf(packagesOf(text), 'amd64'))).toHaveLength(2);
  });

  test('a metapackage that points to an image which is not there makes no other the newest', () => {
    const kernels = without(/^linux-image-6\.12\.117\+deb13-amd64/);
    expect(kernels.map(({ release, newest }) => [release, newest])).toEqual([
      ['6.12.107+deb13-amd64', false],
      ['6.12.117+deb13-cloud-amd64', true],
      ['6.12.107+deb13-cloud-amd64', false],
    ]);
  });

  test('a package that is gone and was of the very version of the headers takes them along', () => {
    const base = packagesOf(SID).filter((entry) => !/^linux-base-\d/.test(entry.ref.name));
    expect(kernelsOf(base, 'amd64').map(({ headers }) => headers)).toEqual([undefined]);
  });

  test('packages of another architecture are not looked at', () => {
    expect(kernelsOf(packagesOf(TRIXIE, 'arm64'), 'amd64')).toEqual([]);
  });
});

describe('suites that are used together', () => {
  const AMD64_107 = trixie('6.12.107+deb13', '6.12.107-1', ['amd64']);
  const AMD64_117 = trixie('6.12.117+deb13', '6.12.117-1', ['amd64']);
  const security = packagesOf(
    AMD64_117 + metapackage('amd64', '6.12.117+deb13', '6.12.117-1'),
    'amd64',
    { suite: 'trixie-security' },
  );
  const main = packagesOf(
    AMD64_107 + AMD64_117 + metapackage('amd64', '6.12.107+deb13', '6.12.107-1'),
  );

  test('the newest metapackage counts, and a kernel names all of its suites', () => {
    const kernels = kernelsOf([...main, ...security], 'amd64');
    expect(kernels.map(({ release, newest, suites }) => [release, newest, suites])).toEqual([
      ['6.12.117+deb13-amd64', true, ['trixie', 'trixie-security']],
      ['6.12.107+deb13-amd64', false, ['trixie']],
    ]);
  });

  test('a new revision of the same ABI takes its own headers', () => {
    const newer = packagesOf(trixie('6.12.117+deb13', '6.12.117-2', ['amd64']), 'amd64', {
      suite: 'trixie-security',
    });
    const [kernel] = kernelsOf([...main, ...newer], 'amd64');
    expect(kernel?.version).toBe('6.12.117-2');
    const { packages = [], tools = [] } = kernel?.headers ?? {};
    expect([...packages, ...tools].map((ref) => ref.version)).toEqual([
      ...['6.12.117-2', '6.12.117-2', '6.12.117-2'],
    ]);
  });

  test('an image that is older than the newest headers takes the headers of its own version', () => {
    const newer = packagesOf(trixie('6.12.117+deb13', '6.12.117-2', ['amd64'])).filter(
      (entry) => !entry.ref.name.startsWith('linux-image-'),
    );
    const [kernel] = kernelsOf([...main, ...newer], 'amd64');
    expect(kernel?.version).toBe('6.12.117-1');
    expect(kernel?.headers?.packages.slice(0, 2).map((ref) => ref.version)).toEqual([
      ...['6.12.117-1', '6.12.117-1'],
    ]);
  });

  test('the order of packages does not matter (any)', () => {
    const all = [
      ...packagesOf(BOOKWORM, 'amd64', { suite: 'bookworm' }),
      ...packagesOf(SID, 'amd64', { suite: 'sid' }),
      ...main,
      ...security,
    ];
    const expected = kernelsOf(all, 'amd64');
    expect(expected).toHaveLength(5);
    const order = fc.shuffledSubarray(all, { minLength: all.length, maxLength: all.length });
    fc.assert(
      fc.property(order, (packages) => {
        expect(kernelsOf(packages, 'amd64')).toEqual(expected);
      }),
    );
  });
});

test('hostile paragraphs make no error and no release that is no name (any)', () => {
  const word = fc.oneof(
    fc.constantFrom('linux-image-', 'linux-headers-', 'linux-latest-modules-', '6.1', '-', 'amd64'),
    fc.constantFrom('..', '/', ' ', '\u0000', '\u001b[31m', '(', '|', ',', ':', '${x}', '1e999'),
  );
  const value = fc.array(word, { maxLength: 6 }).map((words) => words.join(''));
  const stanza = fc.record({
    name: fc.oneof(value, fc.constantFrom('linux-image-amd64', 'linux-image-6.1-amd64')),
    version: fc.oneof(value, fc.constant('1')),
    provides: fc.oneof(value, fc.constant('linux-latest-modules-6.1-amd64')),
    depends: value,
  });
  fc.assert(
    fc.property(fc.array(stanza, { maxLength: 8 }), (list) => {
      const text = list
        .map(
          ({ name, version, provides, depends }) =>
            `Package: ${name}\nVersion: ${version}\nProvides: ${provides}\nDepends: ${depends}`,
        )
        .join('\n\n');
      for (const kernel of kernelsOf(packagesOf(text), 'amd64')) {
        expect(kernel.release).toMatch(/^[0-9][a-z0-9+.-]*$/);
        expect(kernel.release).toBe(`${kernel.abi}-${kernel.flavour}`);
      }
    }),
    { numRuns: 1000 },
  );
});

test('dependencies in a circle come to an end', () => {
  const circle = KERNEL_117.replace(
    'Depends: libc6 (>= 2.38), libelf1t64 (>= 0.144), pahole',
    'Depends: linux-headers-6.12.117+deb13-amd64, linux-headers-6.12.117+deb13-common',
  );
  const text = circle + metapackage('amd64', '6.12.117+deb13', '6.12.117-1');
  const [kernel] = kernelsOf(packagesOf(text), 'amd64');
  expect(kernel?.headers).toMatchObject({ packages: [{}, {}], tools: [{}] });
});

test('kernel packages are known by their names', () => {
  expect(['linux-image-amd64', 'linux-kbuild-6.1'].every(isKernelPackage)).toBe(true);
  expect(['gcc-14', 'util-linux', 'linux'].some(isKernelPackage)).toBe(false);
});
