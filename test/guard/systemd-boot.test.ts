import * as fs from 'node:fs/promises';
import * as path from 'node:path';
import { describe, expect, test } from 'vitest';
import { type GuardFolder, guardFolder, SHELLS } from './guard-folder.ts';
import { sampled } from '../support/tier.ts';

const A = '6.12.117+deb13-amd64';
const B = '6.12.118+deb13-amd64';
const TOKEN = '0123456789abcdef0123456789abcdef';
const CONF = 'boot/efi/loader/loader.conf';

/** B, the newest, lacks the module that A has; systemd-boot has an entry of each. */
async function machine(shell: readonly string[], conf: string): Promise<GuardFolder> {
  const guard = await guardFolder(shell);
  await guard.want({ module: 'm', flavour: 'amd64' });
  await guard.kernel(A, ['m']);
  await guard.kernel(B);
  await guard.write(CONF, conf);
  await guard.write(`boot/efi/loader/entries/${TOKEN}-${A}.conf`, '');
  await guard.write(`boot/efi/loader/entries/${TOKEN}-${B}+3.conf`, '');
  return guard;
}

async function next(guard: GuardFolder): Promise<string> {
  return (await guard.sh('next_boot')).stdout.trim();
}

describe.each(SHELLS.map((shell) => ({ shell })))('systemd-boot, with $shell', ({ shell }) => {
  const configurations = [
    { name: 'nothing', conf: '' },
    { name: 'no default', conf: 'timeout 3\n#console-mode keep\n' },
    { name: 'a comment', conf: '# default *\ntimeout 3\n' },
    { name: 'a pattern for all', conf: `default ${TOKEN}-*\ntimeout 3\n` },
    { name: "B's entry", conf: `timeout 3\ndefault\t${TOKEN}-${B}.conf` },
    { name: 'two defaults, the last for all', conf: 'default windows.conf\n\ndefault *\n\n\n' },
    { name: 'lines of Windows', conf: `timeout 3\r\ndefault *-${B}.conf\r\n` },
  ];
  test.each(sampled(configurations, 3))(
    '$name: A is the default while B lacks a module; afterwards every byte is back',
    async ({ conf }) => {
      await using guard = await machine(shell, conf);
      const before = await guard.tree();
      expect(await next(guard)).toBe(B);
      expect((await guard.run('refresh')).exitCode).toBe(0);
      const changed = (await guard.read(CONF)) ?? '';
      expect(changed.trimEnd().split('\n').at(-1)).toBe(`default *-${A}.conf`);
      expect(changed.split('\n').filter((line) => line.startsWith('default'))).toHaveLength(1);
      expect(await next(guard)).toBe(A);
      // A second look changes nothing.
      await guard.run('refresh');
      expect(await guard.read(CONF)).toBe(changed);

      await guard.write(`usr/lib/modules/${B}/updates/m/m.ko.xz`, '');
      await guard.run('refresh');
      expect(await guard.read(CONF)).toBe(conf);
      expect(await next(guard)).toBe(B);
      await guard.run('clean');
      const { [`usr/lib/modules/${B}/updates/m/m.ko.xz`]: _, ...after } = await guard.tree();
      expect(after).toEqual(before);
    },
  );

  test.each(['windows.conf', 'auto-windows', `${TOKEN}-${A}.conf`, 'auto-*', '@saved'])(
    'a default that is not B stays: %s',
    async (own) => {
      await using guard = await machine(shell, `default ${own}\n`);
      await guard.run('refresh');
      expect(await guard.read(CONF)).toBe(`default ${own}\n`);
    },
  );

  test('what the administrator changes meanwhile stays', async () => {
    await using guard = await machine(shell, `default ${TOKEN}-*\n`);
    await guard.run('refresh');
    await guard.write(CONF, `${await guard.read(CONF)}timeout 9\n`);
    await guard.run('refresh');
    expect((await guard.read(CONF))?.trimEnd().split('\n').at(-1)).toBe(`default *-${A}.conf`);
    await guard.run('clean');
    expect(await guard.read(CONF)).toBe(`default ${TOKEN}-*\ntimeout 9\n`);
  });

  test("what the firmware's variables say goes before loader.conf, and is told", async () => {
    await using guard = await machine(shell, '');
    const set = (name: string, value: string): Promise<void> =>
      guard.write(
        `sys/firmware/efi/efivars/${name}-4a67b082-0a4c-41cf-b6c7-440b29bb8c4f`,
        Buffer.concat([Buffer.from([7, 0, 0, 0]), Buffer.from(`${value}\0`, 'utf16le')]),
      );
    await guard.run('refresh');
    expect(await next(guard)).toBe(A);
    await set('LoaderEntryDefault', `${TOKEN}-${B}.conf`);
    expect(await next(guard)).toBe(B);
    await guard.run('refresh');
    expect(await guard.read('run/lockstep-guard/reboot')).toContain(B);
    await set('LoaderEntryOneShot', `${TOKEN}-${A}.conf`);
    expect(await next(guard)).toBe(A);
    // Leftovers of GRUB are not what boots.
    await guard.write('etc/grub.d/10_linux', '');
    await guard.write('boot/grub/grub.cfg', '');
    expect(await next(guard)).toBe('');
    await set('LoaderInfo', 'systemd-boot 257.13-1~deb13u1');
    expect(await next(guard)).toBe(A);
  });

  test("a kernel's hooks run before its entry is there", async () => {
    await using guard = await machine(shell, `default ${TOKEN}-*\n`);
    await fs.rm(path.join(guard.path, `boot/efi/loader/entries/${TOKEN}-${B}+3.conf`));
    expect((await guard.run('kernel-hook')).exitCode).toBe(0);
    expect(await guard.read(CONF)).toContain(`\ndefault *-${A}.conf\n`);
  });

  test('another system with the same kernel is not started instead', async () => {
    await using guard = await machine(shell, '');
    await guard.write(`boot/efi/loader/entries/00000000000000000000000000000000-${A}.conf`, '');
    await guard.write('etc/machine-id', `${TOKEN}\n`);
    await guard.run('refresh');
    expect(await guard.read(CONF)).toContain(`\ndefault ${TOKEN}-${A}.conf\n`);
    expect(await next(guard)).toBe(A);
  });

  test('without an entry of the kernel that has the modules nothing is changed', async () => {
    await using guard = await machine(shell, 'timeout 3\n');
    await fs.rm(path.join(guard.path, `boot/efi/loader/entries/${TOKEN}-${A}.conf`));
    await guard.run('refresh');
    expect(await guard.read(CONF)).toBe('timeout 3\n');
  });

  test('unified kernel images have names of their own', async () => {
    await using guard = await machine(shell, '');
    await guard.kernel('6.12.116+deb13-amd64', ['m']);
    await guard.removeKernel(A);
    await guard.write(`boot/efi/EFI/Linux/${TOKEN}-6.12.116+deb13-amd64.efi`, '');
    await guard.run('refresh');
    expect(await guard.read(CONF)).toContain('\ndefault *-6.12.116+deb13-amd64.efi\n');
  });
});
