import * as fs from 'node:fs/promises';
import * as path from 'node:path';
import { execa } from 'execa';
import { describe, expect, test } from 'vitest';
import { slow } from '../support/tier.ts';
import { DEVICE_ID, type GrubRoot, grubRoot } from './grub-root.ts';

const FIRMWARE = '/usr/share/OVMF/OVMF_CODE_4M.secboot.fd';
const VARIABLES = '/usr/share/OVMF/OVMF_VARS_4M.ms.fd';
const NEEDED = ['shim-signed', 'shim-helpers-amd64-signed', 'grub-efi-amd64-signed'];

/** The kernels of the suite and of its security updates, the older first. */
async function unpackKernels({ root }: GrubRoot): Promise<[string, string]> {
  const shown = await root.must(['apt-cache', 'show', 'linux-image-cloud-amd64']);
  const [a = '', b = ''] = [...shown.matchAll(/linux-latest-modules-(?<release>[^ ,]+)/g)]
    .map((match) => match.groups?.['release'] ?? '')
    .toSorted();
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
     truncate -s 100M /esp.img && mkfs.vfat -F 32 /esp.img >/dev/null && mcopy -s -i /esp.img /esp/* ::`,
  ]);
  return path.join(root.path, 'esp.img');
}

/** Starts the machine. @returns the kernel's first words, and all of the console */
async function start({ root }: GrubRoot, disk: string): Promise<{ release: string; text: string }> {
  const variables = path.join(root.path, 'variables');
  let text = '';
  for (let attempt = 1; attempt <= 3; attempt += 1) {
    await fs.copyFile(path.join(root.path, VARIABLES), variables);
    const { stdout } = await execa(
      'qemu-system-x86_64',
      [
        ...['-M', 'q35,smm=on', '-global', 'driver=cfi.pflash01,property=secure,value=on'],
        ...['-accel', 'tcg,thread=single', '-cpu', 'qemu64', '-m', '512', '-no-reboot'],
        ...['-nodefaults', '-no-user-config', '-display', 'none', '-serial', 'stdio'],
        ...['-drive', `if=pflash,format=raw,readonly=on,file=${path.join(root.path, FIRMWARE)}`],
        ...['-drive', `if=pflash,format=raw,file=${variables}`],
        ...[
          '-drive',
          `if=none,id=esp,format=raw,file=${disk}`,
          '-device',
          'nvme,drive=esp,serial=esp',
        ],
      ],
      { stdin: 'ignore', reject: false, timeout: 300_000, killSignal: 'SIGKILL' },
    );
    text = stdout;
    const release = /Linux version (?<release>\S+)/.exec(text)?.groups?.['release'];
    if (release !== undefined) {
      return { release, text };
    }
  }
  return { release: 'nothing', text };
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
    const first = await start(grub, disk);
    expect(first.release, first.text.slice(-3000)).toBe(a);
    expect(first.text).toMatch(/secureboot: Secure boot enabled/);
    expect(first.text).not.toMatch(/error:.*(?:lockstep|regexp)/);
    // grub-reboot, whose note GRUB takes away itself.
    const again = await makeDisk(grub, `saved_entry=${id}\nnext_entry=${id}\n`);
    expect((await start(grub, again)).release).toBe(b);
    expect((await start(grub, again)).release).toBe(a);
  }, 1_800_000);
});
