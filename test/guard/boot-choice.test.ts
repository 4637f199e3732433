import * as os from 'node:os';
import { describe, expect, test } from 'vitest';
import { type GuardFolder, guardFolder, SHELLS } from './guard-folder.ts';

const A = '6.12.117+deb13-amd64';
const B = '6.12.118+deb13-amd64';
const CFG = 'boot/grub/grub.cfg';
const MADE = '### BEGIN /etc/grub.d/10_linux ###\n';
const SCRIPT = 'etc/grub.d/06_lockstep_guard';

/** What grub-mkconfig would write, in short: our script's first line, and one entry a kernel. */
const MKCONFIG = `
echo "LC_ALL=$LC_ALL" >>"$LOCKSTEP_GUARD_ROOT/calls"
boot=$LOCKSTEP_GUARD_ROOT/var/lib/lockstep-guard/boot
{
  [ ! -e "$LOCKSTEP_GUARD_ROOT/etc/grub.d/06_lockstep_guard" ] || echo "# lockstep-guard: $(tr '\\n' ' ' <"$boot" | sed 's/ $//')"
  echo "### BEGIN /etc/grub.d/10_linux ###"
} >"$2"`;

async function machine(shell: readonly string[]): Promise<GuardFolder> {
  const guard = await guardFolder(shell);
  await guard.want({ module: 'm', flavour: 'amd64' });
  await guard.kernel(A, ['m']);
  await guard.kernel(B);
  return guard;
}

async function withGrub(shell: readonly string[]): Promise<GuardFolder> {
  const guard = await machine(shell);
  await guard.write('etc/grub.d/10_linux', '', 0o755);
  await guard.write('etc/kernel/postinst.d/zz-update-grub', '', 0o755);
  await guard.write(CFG, MADE);
  await guard.stub('grub-mkconfig', MKCONFIG);
  return guard;
}

async function calls(guard: GuardFolder): Promise<number> {
  return (await guard.read('calls'))?.split('\n').length ?? 0;
}

describe.each(SHELLS.map((shell) => ({ shell })))('with $shell', ({ shell }) => {
  test.each([
    {
      name: 'the newest lacks it',
      kernels: { [A]: true, [B]: false },
      choice: `default ${A}\navoid ${B}\n`,
    },
    { name: 'the newest has it', kernels: { [A]: false, [B]: true }, choice: '' },
    { name: 'none has it', kernels: { [A]: false, [B]: false }, choice: '' },
    { name: 'all have it', kernels: { [A]: true, [B]: true }, choice: '' },
    {
      name: 'two newer ones lack it',
      kernels: { [A]: true, [B]: false, '6.12.119+deb13-amd64': false },
      choice: `default ${A}\navoid 6.12.119+deb13-amd64\navoid ${B}\n`,
    },
    {
      name: 'a flavour for which it is not wanted lacks it',
      kernels: { [A]: true, '6.12.117+deb13-rt-amd64': false },
      choice: `default ${A}\navoid 6.12.117+deb13-rt-amd64\n`,
    },
  ])('what boots: $name', async ({ kernels, choice }) => {
    await using guard = await guardFolder(shell);
    await guard.want({ module: 'm', flavour: 'amd64' });
    for (const [release, has] of Object.entries(kernels)) {
      await guard.kernel(release, has ? ['m'] : []);
    }
    expect((await guard.sh('choose_boot "$(wanted)"')).stdout).toBe(choice);
  });

  test('a kernel that is allowed boots, and so does every one with boot-default=no', async () => {
    await using guard = await machine(shell);
    await guard.write('var/lib/lockstep-guard/allowed', `${B}\n`);
    expect((await guard.sh('choose_boot "$(wanted)"')).stdout).toBe('');
    await guard.write('var/lib/lockstep-guard/allowed', '');
    expect((await guard.sh('choose_boot "$(wanted)"')).stdout).not.toBe('');
    await guard.write('etc/lockstep/guard.conf', 'boot-default=no\n');
    expect((await guard.sh('choose_boot "$(wanted)"')).stdout).toBe('');
  });

  test("GRUB's configuration is made when it has to be, in the caller's language, and goes back", async () => {
    await using guard = await withGrub(shell);
    const before = await guard.tree();
    await guard.run('refresh');
    expect(await guard.read(CFG)).toBe(`# lockstep-guard: default ${A} avoid ${B}\n${MADE}`);
    expect(await guard.read(SCRIPT)).toContain('#!/bin/sh');
    expect(await guard.read('calls')).toBe('LC_ALL=C.UTF-8\n');
    await guard.run('refresh');
    expect(await guard.read('calls')).toBe('LC_ALL=C.UTF-8\n');
    // Made anew by somebody without our script: put right.
    await guard.write(CFG, MADE);
    await guard.run('refresh');
    expect(await guard.read(CFG)).toContain(`default ${A}`);

    await guard.run('clean');
    const { calls: _, ...after } = await guard.tree();
    expect(after).toEqual(before);
    const done = await calls(guard);
    await guard.run('clean');
    expect(await calls(guard)).toBe(done);
  });

  test("in a kernel's hook update-grub comes after us, where it does", async () => {
    await using guard = await withGrub(shell);
    expect(await guard.run('kernel-hook')).toMatchObject({ exitCode: 0, stderr: '' });
    expect(await guard.read(SCRIPT)).toContain('#!/bin/sh');
    expect(await calls(guard)).toBe(0);
    await guard.write('etc/kernel/postinst.d/zz-update-grub', '', 0o644);
    await guard.run('kernel-hook');
    expect(await guard.read(CFG)).toContain(`default ${A}`);
  });

  test('a grub-mkconfig that fails is a warning', async () => {
    await using guard = await withGrub(shell);
    await guard.stub('grub-mkconfig', 'exit 1');
    const { exitCode, stderr } = await guard.run('refresh');
    expect(exitCode).toBe(0);
    expect(stderr).toContain('run update-grub');
    await guard.stub('grub-mkconfig', MKCONFIG);
    await guard.run('refresh');
    expect(await guard.read(CFG)).toContain(`default ${A}`);
  });

  test("a configuration that was written by hand stays the administrator's", async () => {
    await using guard = await withGrub(shell);
    await guard.write(CFG, 'linux /vmlinuz\n');
    const { stderr } = await guard.run('refresh');
    expect(stderr).toContain(`see to it that it starts ${A}`);
    expect((await guard.run('refresh')).stderr).toBe('');
    await guard.run('clean');
    expect(await guard.read(CFG)).toBe('linux /vmlinuz\n');
    expect(await calls(guard)).toBe(0);
  });

  test('another boot loader is a warning, once, and the next boot a bad one', async () => {
    await using guard = await machine(shell);
    await guard.write('run/reboot-required', '*** System restart required ***\n');
    const { exitCode, stderr } = await guard.run('refresh');
    expect(exitCode).toBe(0);
    expect(stderr).toContain(`see to it that it starts ${A}`);
    expect((await guard.run('refresh')).stderr).toBe('');
    const why = `the next boot is into Linux ${B}, which lacks: m`;
    expect(await guard.read('run/lockstep-guard/reboot')).toBe(`${why}\n`);
    expect(await guard.read('run/reboot-required')).toBe(
      `*** System restart required ***\n*** not yet: ${why} (lockstep-guard status) ***\n`,
    );
    expect((await guard.run('status')).exitCode).toBe(2);

    await guard.run('allow', B);
    expect(await guard.read('run/lockstep-guard/reboot')).toBeUndefined();
    expect(await guard.read('run/reboot-required')).toBe('*** System restart required ***\n');
    await guard.run('forbid', B);
    expect(await guard.read('run/lockstep-guard/reboot')).toBe(`${why}\n`);
    await guard.write('etc/lockstep/guard.conf', 'reboot=no\n');
    await guard.run('refresh');
    expect(await guard.read('run/lockstep-guard/reboot')).toBeUndefined();
  });

  test('a reboot into what runs already is not a bad one', async () => {
    await using guard = await guardFolder(shell);
    await guard.want({ module: 'm', flavour: 'amd64' });
    await guard.kernel(os.release());
    await guard.run('refresh');
    expect(await guard.read('run/lockstep-guard/reboot')).toBeUndefined();
  });

  test('a state folder that can not be written stops nothing', async () => {
    await using guard = await withGrub(shell);
    await guard.write('var/lib/lockstep-guard', 'a file');
    expect((await guard.run('refresh')).exitCode).toBe(0);
    expect((await guard.run('kernel-hook')).exitCode).toBe(0);
    expect(await guard.read(CFG)).toBe(MADE);
  });
});
