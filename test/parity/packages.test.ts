import { expect, test } from 'vitest';
import { isHeavy, readPackages } from './packages.ts';

test('readPackages: names, versions and components, heavy ones last', () => {
  const shown = `Package: zfs-dkms
Version: 2.3.2-2
Section: contrib/kernel
Description: a
 b

Package: v4l2loopback-dkms
Version: 0.15.0-2
Section: kernel


Package: acpi-call-dkms
Version: 1:1.2.2
Section: non-free/kernel
`;
  expect(readPackages(shown)).toEqual([
    { name: 'acpi-call-dkms', version: '1:1.2.2', component: 'non-free' },
    { name: 'v4l2loopback-dkms', version: '0.15.0-2', component: 'main' },
    { name: 'zfs-dkms', version: '2.3.2-2', component: 'contrib' },
  ]);
});

test('isHeavy', () => {
  expect(['zfs-dkms', 'nvidia-kernel-dkms', 'nat-rtsp-dkms', 'evdi-dkms'].filter(isHeavy)).toEqual([
    'zfs-dkms',
    'nvidia-kernel-dkms',
  ]);
});
