import { describe, expect, test } from 'vitest';
import { buildPackagesOf, knownBuildPackages } from './build-packages.ts';

describe('the packages of a build', () => {
  test("are the configuration's, the known ones and the package's dependencies, sorted, once", () => {
    expect(
      buildPackagesOf({
        name: 'iptables-netflow',
        configured: ['zlib1g-dev', 'iptables'],
        depends: 'perl:any, file (>= 5.0), libelf-dev | elfutils',
      }),
    ).toEqual([
      ...['file', 'iptables', 'libelf-dev', 'libxtables-dev', 'perl', 'pkg-config', 'zlib1g-dev'],
    ]);
  });

  test('have nothing that only an installation needs', () => {
    const depends =
      'dkms (>= 3.1.8), debconf (>= 0.5) | debconf-2.0, linux-headers-amd64 | linux-headers, ' +
      'lsb-release, kmod, initramfs-tools, nvidia-installer-cleanup, nvidia-kernel-support--v1, firmware-b43-installer';
    expect(buildPackagesOf({ name: 'x', depends })).toEqual([]);
    expect(buildPackagesOf({ name: 'x', depends: 'dkms-helper, libdebconf' })).toEqual([
      ...['dkms-helper', 'libdebconf'],
    ]);
  });

  test("have other modules' sources, which some build with", () => {
    expect(buildPackagesOf({ name: 'x', depends: 'dkms, xtables-addons-dkms (>= 3.13)' })).toEqual([
      'xtables-addons-dkms',
    ]);
  });

  test('are none for a source without package of which nothing is known', () => {
    expect(buildPackagesOf({ name: 'x' })).toEqual([]);
  });

  test('that are known are read from the file', () => {
    expect(knownBuildPackages().get('west-chamber')).toEqual(['xtables-addons-common']);
  });
});
