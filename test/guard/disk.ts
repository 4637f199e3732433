import * as fs from 'node:fs/promises';
import * as os from 'node:os';
import * as path from 'node:path';
import { runProgram } from '../../src/programs/run.ts';
import type { ClientRoot } from '../support/client-root.ts';
import { runMachine } from '../support/qemu.ts';

const MIB = 1024 * 1024;
const SIZE_MIB = 2048;
const SECTOR = 512;

/**
 * The first process of a machine that a test boots from a disk: runs what the second disk says between two lines, and
 * ends the machine. Kernels without an initrd mount nothing but the root.
 */
const INIT = `#!/bin/sh
PATH=/usr/sbin:/usr/bin:/sbin:/bin
export PATH
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t tmpfs tmpfs /run
mount -o remount,rw /
[ -e /dev/null ] || mount -t devtmpfs devtmpfs /dev
ln -sf /proc/self/fd /dev/fd
exec </dev/null >/dev/console 2>&1
echo 1 >/proc/sys/kernel/printk
tr -d '\\000' </dev/nvme1n1 >/run/step
export HOME=/root LC_ALL=C.UTF-8 DEBIAN_FRONTEND=noninteractive INITRD=No TERM=dumb
echo "step begins"
sh /run/step
echo "step ends $?"
sync
mount -o remount,ro /
echo b >/proc/sysrq-trigger
sleep 60
`;

const INIT_AT = '/sbin/step-init';

const DEFAULT_GRUB = `GRUB_DEFAULT=0
GRUB_TIMEOUT=1
GRUB_DISTRIBUTOR=Debian
GRUB_TERMINAL=serial
GRUB_SERIAL_COMMAND="serial --unit=0 --speed=115200"
GRUB_CMDLINE_LINUX="console=ttyS0 panic=-1 init=${INIT_AT}"
`;

/** A machine that boots by GRUB from a disk of its own. */
export interface DiskMachine extends AsyncDisposable {
  /**
   * Starts it as power on does, and runs a script for sh as root. A boot that never comes to the script's end is tried
   * again from the disk as it was.
   *
   * @returns what the script printed
   */
  boot(script: string, seconds?: number): Promise<{ output: string; exitCode: number }>;
}

/** The boot sector's partition table: one partition, from the first MiB to the end. */
function partitionTable(): Buffer {
  const table = Buffer.alloc(SECTOR - 440);
  table.writeUInt32LE(0x10c4_57e9, 0);
  table.writeUInt8(0x80, 6);
  table.writeUInt8(0x83, 10);
  table.writeUInt32LE(MIB / SECTOR, 14);
  table.writeUInt32LE(((SIZE_MIB - 1) * MIB) / SECTOR, 18);
  table.writeUInt16LE(0xaa55, 70);
  return table;
}

/**
 * Makes a disk of a root and its GRUB. The root has grub-pc-bin and a kernel that needs no initrd on an NVMe disk.
 *
 * @param release the kernel that the first boot starts; the machine's own update-grub follows
 */
export async function diskMachine(root: ClientRoot, release: string): Promise<DiskMachine> {
  const scratch = await fs.mkdtemp(path.join(os.tmpdir(), 'lockstep-disk-'));
  const disk = path.join(scratch, 'disk.img');
  await root.writeFile(INIT_AT, INIT, 0o755);
  await root.writeFile('/etc/default/grub', DEFAULT_GRUB);
  await root.writeFile(
    '/boot/grub/grub.cfg',
    `linux /boot/vmlinuz-${release} root=/dev/nvme0n1p1 ro console=ttyS0 panic=-1 init=${INIT_AT}\nboot\n`,
  );
  await root.must([
    'sh',
    '-euc',
    `mkdir -p /boot/grub/i386-pc && cp /usr/lib/grub/i386-pc/*.mod /usr/lib/grub/i386-pc/*.lst /boot/grub/i386-pc/
     grub-mkimage -O i386-pc -p '(hd0,msdos1)/boot/grub' -o /boot/grub/core.img biosdisk part_msdos ext2 normal linux boot`,
  ]);
  const tree = path.join(scratch, 'tree');
  await fs.mkdir(tree);
  await runProgram('cp', ['-ax', `${root.path}/.`, tree]);
  await fs.rm(path.join(tree, 'usr/sbin/policy-rc.d'), { force: true });
  await runProgram('truncate', ['-s', `${SIZE_MIB}M`, disk]);
  await runProgram('mke2fs', [
    ...['-q', '-F', '-t', 'ext4', '-d', tree, '-E', `offset=${MIB}`, disk, `${SIZE_MIB - 1}M`],
  ]);
  const loader = await fs.readFile(path.join(tree, 'usr/lib/grub/i386-pc/boot.img'));
  const core = await fs.readFile(path.join(tree, 'boot/grub/core.img'));
  await fs.rm(tree, { recursive: true });
  await using file = await fs.open(disk, 'r+');
  await file.write(
    Buffer.concat([loader.subarray(0, 440), partitionTable(), core]),
    0,
    undefined,
    0,
  );
  return {
    boot: (script, seconds = 600) => bootDisk(scratch, disk, script, seconds),
    [Symbol.asyncDispose]: () => fs.rm(scratch, { recursive: true }),
  };
}

async function bootDisk(
  scratch: string,
  disk: string,
  script: string,
  seconds: number,
): Promise<{ output: string; exitCode: number }> {
  const step = path.join(scratch, 'step.img');
  const before = path.join(scratch, 'before.img');
  await fs.writeFile(
    step,
    Buffer.concat([Buffer.from(script), Buffer.alloc(MIB - Buffer.byteLength(script))]),
  );
  await runProgram('cp', ['--sparse=always', disk, before]);
  for (let attempt = 1; ; attempt += 1) {
    const { stdout } = await runMachine(
      'amd64',
      [
        ...['-drive', `file=${disk},format=raw,if=none,id=disk,cache=unsafe`],
        ...['-device', 'nvme,drive=disk,serial=disk,bootindex=0'],
        ...['-drive', `file=${step},format=raw,if=none,id=step,readonly=on`],
        ...['-device', 'nvme,drive=step,serial=step'],
      ],
      seconds,
    );
    const text = stdout.replaceAll('\r', '');
    const found = /^step begins\n(?<output>[^]*)^step ends (?<status>\d+)$/m.exec(text)?.groups;
    if (found !== undefined) {
      return { output: found['output'] ?? '', exitCode: Number(found['status']) };
    }
    if (attempt === 3) {
      throw new Error(`the machine did not come to the script's end:\n${text.slice(-6000)}`);
    }
    await runProgram('cp', ['--sparse=always', before, disk]);
  }
}
