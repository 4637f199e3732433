import * as fs from 'node:fs/promises';
import * as path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type ClientRoot, clientRoot } from '../support/client-root.ts';
import { slow } from '../support/tier.ts';
import { cloudReleases, type FirmwareMachine, PACK_ESP, startFromEsp } from './firmware.ts';
import { guardFolder } from './guard-folder.ts';

const CONF = 'boot/efi/loader/loader.conf';
const MACHINE: FirmwareMachine = {
  firmware: '/usr/share/OVMF/OVMF_CODE_4M.fd',
  variables: '/usr/share/OVMF/OVMF_VARS_4M.fd',
  args: ['-M', 'q35'],
  seconds: 240,
};

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
     ${PACK_ESP}`,
  ]);
  return path.join(root.path, 'esp.img');
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
    releases = await cloudReleases(root);
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
    const started = async (): Promise<string> =>
      (await startFromEsp(root, MACHINE, await makeEsp(root, guard.path, [a, b]))).release;
    expect(await started()).toBe(b);
    await guard.run('refresh');
    expect(await started()).toBe(a);
    await guard.run('clean');
    expect(await started()).toBe(b);
    await root[Symbol.asyncDispose]();
  }, 1_200_000);
});
