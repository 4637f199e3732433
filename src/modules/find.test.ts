import { describe, expect, test } from 'vitest';
import { lockstepErrorOf } from '../core/testing/errors.ts';
import {
  byPackageName,
  findCandidates,
  type ModulePackage,
  moduleNameOf,
  refuseMissing,
} from './find.ts';

function entry(name: string, version: string, more: Record<string, string> = {}): ModulePackage {
  return {
    ref: {
      ...{ name, version, architecture: 'all', sha256: version, size: 1, uri: 'x' },
      ...{ source: name, sourceVersion: version },
    },
    fields: new Map(Object.entries({ Description: 'a module\n long text', ...more })),
    suite: 'trixie',
    component: 'contrib',
  };
}

describe('modules', () => {
  const packages = [
    entry('a-dkms', '1:1.0-1'),
    entry('a-dkms', '2.0-1'),
    entry('a-dkms', '1:1.0~rc1-1'),
    entry('b-dkms', '3', {
      ...{ Homepage: 'https://example.org/', Provides: 'b-modules (= 3), b' },
      Depends: 'dkms, libelf-dev',
    }),
  ];

  test('are the newest of their packages', () => {
    const places = [byPackageName(packages)];
    expect(findCandidates({ package: 'a-dkms' }, places)).toMatchObject([
      {
        name: 'a',
        version: '1:1.0-1',
        summary: 'a module',
        from: 'trixie',
        component: 'contrib',
        homepage: undefined,
        initramfs: false,
        provides: [],
      },
    ]);
    expect(
      findCandidates({ package: 'b-dkms', initramfs: true, buildPackages: ['flex'] }, places),
    ).toMatchObject([
      {
        name: 'b',
        version: '3',
        homepage: 'https://example.org/',
        initramfs: true,
        buildPackages: ['flex', 'libelf-dev'],
        provides: ['b-modules (= 3)', 'b'],
      },
    ]);
  });

  test('of several places come in their order, the same package once', () => {
    const other = byPackageName([
      { ...entry('a-dkms', '9.0-1'), suite: 'sid' },
      { ...entry('b-dkms', '3'), suite: 'sid' },
    ]);
    const versions = (name: string, places: Parameters<typeof findCandidates>[1]): string[] =>
      findCandidates({ package: name }, places).map(({ version, from }) => `${from} ${version}`);
    const own = byPackageName(packages);
    expect(versions('a-dkms', [own, other])).toEqual(['trixie 1:1.0-1', 'sid 9.0-1']);
    expect(versions('a-dkms', [other, own])).toEqual(['sid 9.0-1', 'trixie 1:1.0-1']);
    expect(versions('b-dkms', [own, other])).toEqual(['trixie 3']);
    expect(versions('x-dkms', [own, other])).toEqual([]);
  });

  test('that differ by architecture are candidates each', () => {
    const of = (architecture: string, version: string): ModulePackage => {
      const made = entry('c-dkms', version);
      return { ...made, ref: { ...made.ref, architecture } };
    };
    const place = byPackageName([of('arm64', '1'), of('amd64', '2'), of('amd64', '1.5')]);
    const found = findCandidates({ package: 'c-dkms' }, [place]);
    expect(found.map((module) => `${module.source.architecture} ${module.version}`)).toEqual([
      'amd64 2',
      'arm64 1',
    ]);
  });

  test('that are missing are all named at once', async () => {
    const error = await lockstepErrorOf(() => refuseMissing(['x-dkms', 'y-dkms'], 'trixie'));
    expect(error).toMatchObject({ code: 'PACKAGE_UNKNOWN', exitCode: 2 });
    expect(error.message).toBe('trixie: no such package: x-dkms, y-dkms');
    expect(error.hint).toContain('components');
    expect(() => refuseMissing([], 'trixie')).not.toThrow();
  });
});

test.each([
  ['v4l2loopback-dkms', 'v4l2loopback'],
  ['dkms-test-module', 'test-module'],
  ['zfs-dkms-source', 'zfs-dkms-source'],
])('the name of %s', (name, expected) => {
  expect(moduleNameOf(name)).toBe(expected);
});
