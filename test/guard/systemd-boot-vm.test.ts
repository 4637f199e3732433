import * as fs from 'node:fs/promises';
import * as path from 'node:path';
import { execa } from 'execa';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type ClientRoot, clientRoot } from '../support/client-root.ts';
import { slow } from '../support/tier.ts';
import { guardFolder } from './guard-folder.ts';

const CONF = 'boot/efi/loader/loader.conf';
const FIRMWARE = '/usr/share/OVMF/OVMF_CODE_4M.fd';
const VARIABLES = '/usr/share/OVMF/OVMF_VARS_4M.fd';

/** An ESP of systemd-boot and a machine's entries, as a disk for qemu. */
async function makeEsp(
  root: ClientRoot,
  tree: string,
  kernels: readonly string[],
): Promise<string> {
  await root.must(['rm', '-rf', '/esp', '/esp.img']);
  await fs.cp(path.join(tree, 'boot/efi'), path.join(root.path, 'esp'), { recursive: true });
  const copies = kernels.map(
    (release) => `cp /kernels/boot/vmlinuz-${release} /esp/${release}.efi`,
  );
  await root.must([
    'sh',
    '-euc',
    `mkdir -p /esp/EFI/BOOT && cp /usr/lib/systemd/boot/efi/systemd-bootx64.efi /esp/EFI/BOOT/BOOTX64.EFI
     ${copies.join('\n')}
     truncate -s 100M /esp.img && mkfs.vfat -F 32 /esp.img >/dev/null && mcopy -s -i /esp.img /esp/* ::`,
  ]);
  return path.join(root.path, 'esp.img');
}

/** Starts the machine. @returns the release that says hello */
async function start(root: ClientRoot, esp: string): Promise<string> {
  const variables = path.join(root.path, 'variables');
  await fs.copyFile(path.join(root.path, VARIABLES), variables);
  for (let attempt = 1; attempt <= 3; attempt += 1) {
    const { stdout } = await execa(
      'qemu-system-x86_64',
      [
        ...[
          '-M',
          'q35',
          '-accel',
          'tcg,thread=single',
          '-cpu',
          'qemu64',
          '-m',
          '512',
          '-no-reboot',
        ],
        ...['-nodefaults', '-no-user-config', '-display', 'none', '-serial', 'stdio'],
        ...['-drive', `if=pflash,format=raw,readonly=on,file=${path.join(root.path, FIRMWARE)}`],
        ...['-drive', `if=pflash,format=raw,file=${variables}`],
        ...[
          '-drive',
          `if=none,id=esp,format=raw,file=${esp}`,
          '-device',
          'nvme,drive=esp,serial=esp',
        ],
      ],
      { stdin: 'ignore', reject: false, timeout: 240_000, killSignal: 'SIGKILL' },
    );
    const found = /Linux version (?<release>\S+)/.exec(stdout)?.groups?.['release'];
    if (found !== undefined) {
      return found;
    }
  }
  return 'nothing';
}

describe.runIf(slow)('a machine that boots by systemd-boot', () => {
  let root: ClientRoot;
  let releases: string[];

  beforeAll(async () => {
    root = await clientRoot('trixie');
    await root.must([
      ...['apt-get', 'install', '--yes', '--no-install-recommends'],
      ...['systemd-boot-efi', 'ovmf', 'mtools', 'dosfstools'],
    ]);
    const shown = await root.must(['apt-cache', 'show', 'linux-image-cloud-amd64']);
    releases = [...shown.matchAll(/linux-latest-modules-(?<release>[^ ,]+)/g)]
      .map((match) => match.groups?.['release'] ?? '')
      .toSorted();
    const debs = await root.download(releases.map((release) => `linux-image-${release}`));
    for (const deb of debs) {
      await root.writeFile('/tmp/image.deb', await fs.readFile(deb));
      await root.must(['dpkg-deb', '-x', '/tmp/image.deb', '/kernels']);
    }
  }, 600_000);

  afterAll(async () => {
    await root[Symbol.asyncDispose]();
  });

  test('starts the kernel that has the module, and the newest one afterwards', async () => {
    const [a = '', b = ''] = releases;
    await using guard = await guardFolder(['dash']);
    await guard.want({ module: 'm', flavour: 'cloud-amd64' });
    await guard.kernel(a, ['m']);
    await guard.kernel(b);
    await guard.write(CONF, 'timeout 0\nconsole-mode keep\n');
    for (const [release, count] of [
      [a, ''],
      [b, '+3'],
    ] as const) {
      const lines = ['title Debian', `version ${release}`, `linux /${release}.efi`];
      await guard.write(
        `boot/efi/loader/entries/0123abcd-${release}${count}.conf`,
        [...lines, 'options console=ttyS0 panic=-1', ''].join('\n'),
      );
    }
    expect(await start(root, await makeEsp(root, guard.path, [a, b]))).toBe(b);
    await guard.run('refresh');
    expect(await start(root, await makeEsp(root, guard.path, [a, b]))).toBe(a);
    await guard.run('clean');
    expect(await start(root, await makeEsp(root, guard.path, [a, b]))).toBe(b);
    await root[Symbol.asyncDispose]();
  }, 1_200_000);
});
