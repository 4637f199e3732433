import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { SuiteKernel } from '../model/kernels.ts';
import { makeCatalogue, type SuiteInput } from './catalogue.ts';
import type { IndexedPackage } from './scan.ts';
import { metapackage, packagesOf, SID, suiteInput, trixie } from './testing/index.ts';

/** Packages as the index of an archive's suite has them. */
function inSuite(suite: string, text: string, architecture = 'amd64'): IndexedPackage[] {
  return packagesOf(text, architecture, { suite });
}

function without(packages: readonly IndexedPackage[], name: RegExp): IndexedPackage[] {
  return packages.filter((entry) => !name.test(entry.ref.name));
}

function kernelsIn(suite: string, ...inputs: readonly SuiteInput[]): SuiteKernel[] {
  return makeCatalogue(inputs, ['amd64']).get(suite) ?? [];
}

/** Release → tracks. */
function tracksIn(suite: string, ...inputs: readonly SuiteInput[]): Record<string, string[]> {
  return Object.fromEntries(
    kernelsIn(suite, ...inputs).map(({ kernel, tracks }) => [kernel.release, tracks]),
  );
}

const K107 = trixie('6.12.107+deb13', '6.12.107-1', ['amd64']);
const K117 = trixie('6.12.117+deb13', '6.12.117-1', ['amd64']);
const M107 = metapackage('amd64', '6.12.107+deb13', '6.12.107-1');
const M117 = metapackage('amd64', '6.12.117+deb13', '6.12.117-1');

describe('tracks', () => {
  test('two lines of one flavour in one suite have a track each', () => {
    const text = [
      trixie('6.1.0-55', '6.1.190-1', ['amd64']),
      trixie('6.1.0-56', '6.1.192-2', ['amd64']),
      metapackage('amd64', '6.1.0-56', '6.1.192-2'),
      trixie('6.12.117+deb12', '6.12.117-1~deb12u1', ['amd64', 'cloud-amd64']),
      metapackage('amd64', '6.12.117+deb12', '6.12.117-1~deb12u1', '6.12-amd64'),
      metapackage('cloud-amd64', '6.12.117+deb12', '6.12.117-1~deb12u1', '6.12-cloud-amd64'),
    ].join('\n');
    const input = suiteInput('bookworm', inSuite('bookworm-security', text));
    expect(tracksIn('bookworm', input)).toEqual({
      '6.12.117+deb12-amd64': ['6.12-amd64'],
      '6.1.0-56-amd64': ['amd64'],
      '6.1.0-55-amd64': [],
      '6.12.117+deb12-cloud-amd64': ['6.12-cloud-amd64'],
    });
    expect(kernelsIn('bookworm', input).map(({ kernel }) => kernel.flavour)).toEqual([
      ...['amd64', 'amd64', 'amd64', 'cloud-amd64'],
    ]);
  });

  test('two metapackages may point to one kernel', () => {
    const other = metapackage('amd64', '6.12.117+deb13', '6.12.117-1', '6.12-amd64');
    const input = suiteInput('trixie', inSuite('trixie', K117 + M117 + other));
    expect(tracksIn('trixie', input)).toEqual({
      '6.12.117+deb13-amd64': ['6.12-amd64', 'amd64'],
    });
  });

  test('the newest metapackage of a published suite counts, each suite for itself', () => {
    const inputs = [
      suiteInput('trixie', [
        ...inSuite('trixie', K107 + M107),
        ...inSuite('trixie-security', K117 + M117),
      ]),
      suiteInput('slow', inSuite('slow', K107 + K117 + M107)),
    ];
    expect(tracksIn('trixie', ...inputs)).toEqual({
      '6.12.117+deb13-amd64': ['amd64'],
      '6.12.107+deb13-amd64': [],
    });
    expect(tracksIn('slow', ...inputs)).toEqual({
      '6.12.117+deb13-amd64': [],
      '6.12.107+deb13-amd64': ['amd64'],
    });
  });

  test('metapackages of images and of modules are no kernels, whatever version is in their names', () => {
    const text = [
      SID,
      metapackage('amd64', '7.2.13+deb14', '7.2.13-1', '7.2-amd64'),
      'Package: linux-modules-7.2-amd64\nVersion: 7.2.13-1\nDepends: linux-modules-7.2.13+deb14-amd64',
      'Package: linux-image-7.1-amd64\nVersion: 7.2.13-1\nDepends: linux-image-7.2-amd64',
    ].join('\n\n');
    expect(tracksIn('sid', suiteInput('sid', inSuite('sid', text)))).toEqual({
      '7.2.13+deb14-amd64': ['7.2-amd64', 'amd64'],
    });
  });

  test('what metapackages provide, any of any suite', () => {
    const more = M117.replace('wireguard-modules (= 1.0.0)', 'zfs-modules, linux-image-extra');
    const inputs = [
      suiteInput('trixie', inSuite('trixie', K107 + K117 + M117)),
      suiteInput('next', inSuite('next', K117 + more)),
    ];
    expect(kernelsIn('trixie', ...inputs).map(({ kernel }) => kernel.provides)).toEqual([
      ['wireguard-modules', 'zfs-modules'],
      [],
    ]);
  });
});

describe('kernels in several suites', () => {
  test('are one kernel, which names all suites of the archive', () => {
    const catalogue = makeCatalogue(
      [
        suiteInput('trixie', [...inSuite('trixie', K107), ...inSuite('trixie-security', K107)]),
        suiteInput('sid', inSuite('sid', K107 + K117)),
      ],
      ['amd64'],
    );
    const [stable] = catalogue.get('trixie') ?? [];
    const [, older] = catalogue.get('sid') ?? [];
    expect(stable?.kernel.suites).toEqual(['sid', 'trixie', 'trixie-security']);
    expect(older?.kernel).toBe(stable?.kernel);
  });

  test('of another version are another kernel; in one suite only the newest version counts', () => {
    const second = trixie('6.12.117+deb13', '6.12.117-2', ['amd64']);
    const inputs = [
      suiteInput('trixie', [...inSuite('trixie', K117), ...inSuite('trixie-security', second)]),
      suiteInput('forky', inSuite('forky', K117)),
    ];
    expect(kernelsIn('trixie', ...inputs).map(({ kernel }) => kernel)).toMatchObject([
      { version: '6.12.117-2', suites: ['trixie-security'] },
    ]);
    expect(kernelsIn('forky', ...inputs).map(({ kernel }) => kernel)).toMatchObject([
      { version: '6.12.117-1', suites: ['forky', 'trixie'] },
    ]);
  });

  test('a flavour is known from any suite, on its own architecture', () => {
    const bare = without(inSuite('old', K107), /headers/);
    const arm64 = suiteInput('trixie', inSuite('trixie', K117 + M117, 'arm64'));
    const amd64 = suiteInput('trixie', inSuite('trixie', K117 + M117));
    expect(kernelsIn('old', suiteInput('old', bare), arm64)).toEqual([]);
    expect(kernelsIn('old', suiteInput('old', bare), amd64)).toHaveLength(1);
  });

  test('packages for all architectures count once for each, the architectures apart', () => {
    const both = suiteInput('trixie', [
      ...inSuite('trixie', K117),
      ...inSuite('trixie', K117, 'arm64'),
    ]);
    const kernels = makeCatalogue([both], ['arm64', 'amd64', 'riscv64']).get('trixie') ?? [];
    expect(kernels.map(({ kernel }) => kernel.architecture)).toEqual(['amd64', 'arm64']);
    for (const { kernel } of kernels) {
      const { packages = [], tools = [] } = kernel.headers ?? {};
      expect([...packages, ...tools].map((ref) => ref.architecture)).toEqual([
        ...[kernel.architecture, 'all', kernel.architecture],
      ]);
    }
    expect(makeCatalogue([], ['amd64'])).toEqual(new Map());
  });
});

describe('images that are there in part', () => {
  /** Release, source and image package of what is left when some packages are gone. */
  const part = (text: string, gone: RegExp): string[][] =>
    kernelsIn('x', suiteInput('x', without(inSuite('x', text), gone))).map(
      ({ kernel: { release, source, image } }) => [release, source, image],
    );

  test('the unsigned image is there before the signed one', () => {
    const release = '6.12.117+deb13-amd64';
    const image = `linux-image-${release}`;
    expect(part(K117, /^$/)).toEqual([[release, 'linux-signed-amd64', image]]);
    expect(part(K117, /amd64$/)).toEqual([]);
    expect(part(K117, /^linux-image.*amd64$/)).toEqual([[release, 'linux', image]]);
  });

  test('the modules are there before the signed image, and may be gone before it', () => {
    const release = '7.2.13+deb14-amd64';
    const modules = `linux-modules-${release}`;
    expect(part(SID, /^linux-image-7/)).toEqual([[release, 'linux', modules]]);
    expect(part(SID, /^linux-modules-7/)).toEqual([[release, 'linux-signed-amd64', modules]]);
  });

  test('the signed image that is there counts, not the unsigned one that it follows', () => {
    const next = without(
      inSuite('x', trixie('6.12.117+deb13', '6.12.117-2', ['amd64'])),
      /^linux-image.*amd64$/,
    );
    const [found, ...rest] = kernelsIn('x', suiteInput('x', [...inSuite('x', K117), ...next]));
    expect([found?.kernel.version, rest]).toEqual(['6.12.117-1', []]);
  });
});

describe('indices that could not be read again', () => {
  const stale = (entries: Record<string, string>): (string | undefined)[] =>
    kernelsIn(
      'trixie',
      suiteInput(
        'trixie',
        [...inSuite('trixie', K107), ...inSuite('trixie-security', K107 + K117)],
        entries,
      ),
    ).map(({ kernel }) => kernel.unseenSince);
  const [early, late] = ['2026-11-01T00:00:00.000Z', '2026-11-20T00:00:00.000Z'];

  test('a kernel is unseen when all indices that carry it are stale, since the last of them', () => {
    expect(stale({})).toEqual([undefined, undefined]);
    expect(stale({ 'trixie/main/amd64': early })).toEqual([undefined, undefined]);
    expect(stale({ 'trixie-security/main/amd64': early })).toEqual([early, undefined]);
    expect(stale({ 'trixie/main/amd64': late, 'trixie-security/main/amd64': early })).toEqual([
      early,
      late,
    ]);
    expect(stale({ 'trixie/main/amd64': early, 'trixie-security/main/arm64': late })).toEqual([
      undefined,
      undefined,
    ]);
  });
});

test('the order of packages does not matter (any)', () => {
  const suites: [string, IndexedPackage[]][] = [
    [
      'trixie',
      [
        ...inSuite('trixie', K107 + M107),
        ...inSuite('trixie-security', K117 + M117),
        ...inSuite('trixie-security', K117 + M117, 'arm64'),
      ],
    ],
    ['sid', [...inSuite('sid', SID), ...without(inSuite('sid', K117), /common/)]],
  ];
  const inputs = suites.map(([suite, packages]) => suiteInput(suite, packages));
  const expected = makeCatalogue(inputs, ['amd64', 'arm64']);
  expect([...expected.values()].map((kernels) => kernels.length)).toEqual([3, 2]);
  const orders = suites.map(([suite, packages]) =>
    fc
      .shuffledSubarray(packages, { minLength: packages.length })
      .map((shuffled) => suiteInput(suite, shuffled)),
  );
  fc.assert(
    fc.property(fc.tuple(...orders), (shuffled) => {
      expect(makeCatalogue(shuffled, ['amd64', 'arm64'])).toEqual(expected);
    }),
  );
});
