import { describe, expect, test } from 'vitest';
import { lockstepErrorOf } from '../core/testing/errors.ts';
import { findModules, type ModulePackage, moduleNameOf } from './find.ts';

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
    entry('b-dkms', '3', { Homepage: 'https://example.org/' }),
  ];

  test('are the newest of their packages', () => {
    const found = findModules(
      [{ package: 'a-dkms' }, { package: 'b-dkms', initramfs: true }],
      packages,
      'trixie',
    );
    expect(found).toMatchObject([
      {
        name: 'a',
        version: '1:1.0-1',
        summary: 'a module',
        from: 'trixie',
        component: 'contrib',
        homepage: undefined,
        initramfs: false,
      },
      { name: 'b', version: '3', homepage: 'https://example.org/', initramfs: true },
    ]);
  });

  test('that are missing are all named at once', async () => {
    const requests = [{ package: 'x-dkms' }, { package: 'a-dkms' }, { package: 'y-dkms' }];
    const error = await lockstepErrorOf(() => findModules(requests, packages, 'trixie'));
    expect(error).toMatchObject({ code: 'PACKAGE_UNKNOWN', exitCode: 2 });
    expect(error.message).toBe('trixie: no such package: x-dkms, y-dkms');
    expect(error.hint).toContain('components');
  });
});

test.each([
  ['v4l2loopback-dkms', 'v4l2loopback'],
  ['dkms-test-module', 'test-module'],
  ['zfs-dkms-source', 'zfs-dkms-source'],
])('the name of %s', (name, expected) => {
  expect(moduleNameOf(name)).toBe(expected);
});
