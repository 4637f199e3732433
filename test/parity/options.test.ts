import { describe, expect, test } from 'vitest';
import { parseOptions } from './options.ts';

describe('parseOptions', () => {
  test('takes a suite, a kernel and packages', () => {
    expect(parseOptions(['trixie', 'rt-amd64', 'zfs-dkms', '--dkms-only'])).toMatchObject({
      suite: 'trixie',
      release: 'rt-amd64',
      packages: ['zfs-dkms'],
      dkmsOnly: true,
      lockstepOnly: false,
      again: false,
    });
  });

  test('takes the newest amd64 kernel when none is named', () => {
    expect(parseOptions(['trixie'])).toMatchObject({ release: 'amd64', packages: [] });
    expect(parseOptions(['sid', 'zfs-dkms', '--again'])).toMatchObject({
      release: 'amd64',
      packages: ['zfs-dkms'],
      again: true,
    });
  });

  test.each([
    [[], /suite is missing/],
    [['trixie', '--nonsense'], /nonsense/],
    [['sid', '--dkms-only', '--lockstep-only'], /nothing to run/],
  ] as const)('refuses %j', (args, message) => {
    expect(() => parseOptions(args)).toThrow(message);
  });

  test('needs no suite to print its help', () => {
    expect(parseOptions(['--help']).help).toBe(true);
  });
});
