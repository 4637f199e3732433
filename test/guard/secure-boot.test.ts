import * as fs from 'node:fs/promises';
import * as path from 'node:path';
import { describe, expect, test } from 'vitest';
import { slow } from '../support/tier.ts';
import { cloudReleases, type FirmwareMachine, PACK_ESP, startFromEsp } from './firmware.ts';
import { DEVICE_ID, type GrubRoot, grubRoot } from './grub-root.ts';

const MACHINE: FirmwareMachine = {
  firmware: '/usr/share/OVMF/OVMF_CODE_4M.secboot.fd',
  variables: '/usr/share/OVMF/OVMF_VARS_4M.ms.fd',
  args: ['-M', 'q35,smm=on', '-global', 'driver=cfi.pflash01,property=secure,value=on'],
  seconds: 300,
};
const NEEDED = ['shim-signed', 'shim-helpers-amd64-signed', 'grub-efi-amd64-signed'];

/** The kernels of the suite and of its security updates, the older first. */
async function unpackKernels({ root }: GrubRoot): Promise<[string, string]> {
  const [a = '', b = ''] = await cloudReleases(root);
  for (const name of [`linux-image-${a}`, `linux-image-${b}`, ...NEEDED]) {
    const [deb = ''] = await root.download([name]);
    await root.writeFile('/tmp/package.deb', await fs.readFile(deb));
    await root.must(['dpkg-deb', '-x', '/tmp/package.deb', '/unpacked']);
  }
  await root.must(['sh', '-c', 'cp /unpacked/boot/vmlinuz-* /boot/']);
  return [a, b];
}

/** A disk as Debian's installer makes it, with everything on the ESP: shim, the signed GRUB, kernels, grub.cfg. */
async function makeDisk({ root }: GrubRoot, environment: string): Promise<string> {
  const block = `# GRUB Environment Block\n${environment}`.padEnd(1024, '#');
  await root.writeFile('/boot/grub/grubenv', block);
  await root.must([
    'sh',
    '-euc',
    `rm -rf /esp /esp.img && mkdir -p /esp/EFI/BOOT /esp/EFI/debian /esp/boot/grub
     cp /unpacked/usr/lib/shim/shimx64.efi.signed /esp/EFI/BOOT/BOOTX64.EFI
     cp /unpacked/usr/lib/shim/mmx64.efi.signed /esp/EFI/BOOT/mmx64.efi
     cp /unpacked/usr/lib/grub/x86_64-efi-signed/grubx64.efi.signed /esp/EFI/BOOT/grubx64.efi
     printf 'set prefix=($root)/boot/grub\\nconfigfile $prefix/grub.cfg\\n' >/esp/EFI/debian/grub.cfg
     cp /boot/grub/grub.cfg /boot/grub/grubenv /esp/boot/grub/ && cp /boot/vmlinuz-* /esp/boot/
     ${PACK_ESP}`,
  ]);
  return path.join(root.path, 'esp.img');
}

describe.runIf(slow)("Debian's signed GRUB under Secure Boot", () => {
  test('starts the kernel that has the module, and another one once', async () => {
    await using grub = await grubRoot('trixie');
    await grub.root.must([
      ...['apt-get', 'install', '--yes', '--no-install-recommends'],
      ...['ovmf', 'mtools', 'dosfstools'],
    ]);
    const [a, b] = await unpackKernels(grub);
    await grub.kernelModules(a, ['example']);
    await grub.want('example', 'cloud-amd64');
    const settings = {
      GRUB_CMDLINE_LINUX: 'console=ttyS0 panic=-1',
      GRUB_TERMINAL: 'console',
      GRUB_DEFAULT: 'saved',
    };
    await grub.configure([{ settings }]);
    await grub.root.must(['lockstep-guard', 'refresh']);
    const id = `gnulinux-advanced-${DEVICE_ID}>gnulinux-${b}-advanced-${DEVICE_ID}`;
    const disk = await makeDisk(grub, `saved_entry=${id}\n`);
    const first = await startFromEsp(grub.root, MACHINE, disk);
    expect(first.release, first.text.slice(-3000)).toBe(a);
    expect(first.text).toMatch(/secureboot: Secure boot enabled/);
    expect(first.text).not.toMatch(/error:.*(?:lockstep|regexp)/);
    // grub-reboot, whose note GRUB takes away itself.
    const again = await makeDisk(grub, `saved_entry=${id}\nnext_entry=${id}\n`);
    expect((await startFromEsp(grub.root, MACHINE, again)).release).toBe(b);
    expect((await startFromEsp(grub.root, MACHINE, again)).release).toBe(a);
  }, 1_800_000);
});
