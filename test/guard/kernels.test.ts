import * as fs from 'node:fs/promises';
import * as path from 'node:path';
import { describe, expect, test } from 'vitest';
import { guardFolder, SHELLS } from './guard-folder.ts';

const A = '6.12.117+deb13-amd64';

describe.each(SHELLS.map((shell) => ({ shell })))('with $shell', ({ shell }) => {
  test('a release is of one flavour alone', async () => {
    await using guard = await guardFolder(shell);
    const cases: [release: string, flavour: string, is: boolean][] = [
      [A, 'amd64', true],
      ['6.12.117+deb13-cloud-amd64', 'amd64', false],
      ['6.12.117+deb13-cloud-amd64', 'cloud-amd64', true],
      ['6.12.117+deb13-rt-amd64', 'amd64', false],
      ['6.1.0-56-amd64', 'amd64', true],
      ['6.1.0-56-cloud-amd64', 'amd64', false],
      ['6.1.0-0.deb11.52-rt-amd64', 'rt-amd64', true],
      ['6.12.115+deb13.1-amd64', 'amd64', true],
      ['6.12.9+bpo-amd64', 'amd64', true],
      ['6.13-rc7-amd64', 'amd64', true],
      ['6.13-rc7-cloud-amd64', 'amd64', false],
      ['6.1.0-56-686-pae', '686-pae', true],
      ['6.1.0-56-686', '686', true],
      ['6.1.0-56-686', '686-pae', false],
      ['6.1.0-56-4kc-malta', '4kc-malta', true],
      ['6.1.0-56-5kc-malta', '4kc-malta', false],
      ['7.2.13+deb14-arm64-16k', 'arm64-16k', true],
      ['7.2.13+deb14-arm64-16k', 'arm64', false],
      ['7.2.13+deb14-arm64-16k', '16k', false],
      ['6.12.117-custom-amd64', 'amd64', false],
      ['amd64', 'amd64', false],
    ];
    const lines = cases.map(
      ([release, flavour]) => `is_flavour '${release}' '${flavour}' && echo yes || echo no`,
    );
    const { stdout } = await guard.sh(lines.join('\n'));
    const answers = stdout.trim().split('\n');
    expect(
      cases.map(([release, flavour], at) => [release, flavour, answers[at] === 'yes']),
    ).toEqual(cases);
  });

  test('installed kernels come newest first, and nothing else that lies there', async () => {
    await using guard = await guardFolder(shell);
    for (const release of [
      '6.12.9+bpo-amd64',
      A,
      '6.12.118+deb13-amd64',
      '6.1.0-56-amd64',
      '7.2-rc4-amd64',
      '7.2.1+deb14-amd64',
    ]) {
      await guard.kernel(release);
    }
    await guard.write('boot/vmlinux-6.1.0-9-powerpc64le', '');
    for (const name of [
      `vmlinuz-${A}.old`,
      `vmlinuz-${A}.dpkg-new`,
      `vmlinuz-${A}.efi.signed`,
      'vmlinuz',
      'initrd.img-9.9',
    ]) {
      await guard.write(`boot/${name}`, '');
    }
    const { stdout } = await guard.sh('installed_kernels');
    expect(stdout.trim().split('\n')).toEqual([
      '7.2.1+deb14-amd64',
      '7.2-rc4-amd64',
      '6.12.118+deb13-amd64',
      A,
      '6.12.9+bpo-amd64',
      '6.1.0-56-amd64',
      '6.1.0-9-powerpc64le',
    ]);
  });

  test('without a kernel there is none', async () => {
    await using guard = await guardFolder(shell);
    expect(await guard.sh('installed_kernels')).toMatchObject({
      exitCode: 0,
      stdout: '',
      stderr: '',
    });
  });

  test('a module is there by its files, all of them, in either place', async () => {
    await using guard = await guardFolder(shell);
    await guard.want({ module: 'two', flavour: 'amd64', files: 'one_a one_b' });
    await guard.kernel(A);
    const lacking = async (): Promise<string> =>
      (await guard.sh(`lacking '${A}' "$(wanted)"`)).stdout;
    expect(await lacking()).toBe('two\n');
    await guard.write(`lib/modules/${A}/updates/two/one_a.ko`, '');
    expect(await lacking()).toBe('two\n');
    await guard.write(`usr/lib/modules/${A}/updates/two/one_b.ko.zst`, '');
    expect(await lacking()).toBe('');
  });

  test('a file that is not unpacked yet is none', async () => {
    await using guard = await guardFolder(shell);
    await guard.want({ module: 'm', flavour: 'amd64' });
    await guard.kernel(A);
    await guard.write(`usr/lib/modules/${A}/updates/m/m.ko.xz.dpkg-new`, '');
    expect((await guard.sh(`lacking '${A}' "$(wanted)"`)).stdout).toBe('m\n');
  });

  test("DKMS's build counts when the administrator says so", async () => {
    await using guard = await guardFolder(shell);
    await guard.want({ module: 'm', flavour: 'amd64' });
    await guard.kernel(A);
    await guard.write(`lib/modules/${A}/updates/dkms/m.ko.xz`, '');
    const script = `lacking '${A}' "$(wanted)"`;
    expect((await guard.sh(script)).stdout).toBe('m\n');
    await guard.write('etc/lockstep/guard.conf', 'fallback=dkms\n');
    expect((await guard.sh(script)).stdout).toBe('');
  });

  test("another maker's kernel may bring the module itself", async () => {
    await using guard = await guardFolder(shell);
    await guard.want({ module: 'm', flavour: 'amd64', files: 'm-one m_two' });
    const lacking = async (release: string): Promise<string> =>
      (await guard.sh(`lacking '${release}' "$(wanted)"`)).stdout;
    const custom = '6.14.8-2-pve';
    await guard.kernel(custom);
    expect(await lacking(custom)).toBe('m\n');
    await guard.write(`lib/modules/${custom}/modules.builtin`, 'kernel/drivers/m-one.ko\n');
    expect(await lacking(custom)).toBe('m\n');
    const dep = `lib/modules/${custom}/modules.dep`;
    await guard.write(dep, 'updates/dkms/m_two.ko.xz:\nkernel/xm_two.ko: kernel/m_two.ko\n');
    expect(await lacking(custom)).toBe('m\n');
    await guard.write(dep, 'extra/m-two.ko.zst: kernel/x.ko\n');
    expect(await lacking(custom)).toBe('');
    await guard.write(`lib/modules/${A}/modules.dep`, 'kernel/m_one.ko:\nkernel/m_two.ko:\n');
    expect(await lacking(A)).toBe('m\n');
  });

  test('an exception and a kernel that has the module itself lack nothing', async () => {
    await using guard = await guardFolder(shell);
    await guard.want({ module: 'm', flavour: 'amd64' });
    await guard.want({ module: 'in', flavour: 'amd64', files: '', inTree: A });
    await guard.kernel(A);
    await guard.write('etc/lockstep/guard.conf', 'except=m:amd64 other\n');
    expect((await guard.sh(`lacking '${A}' "$(wanted)"`)).stdout).toBe('');
    expect((await guard.sh(`lacking '6.12.118+deb13-amd64' "$(wanted)"`)).stdout).toBe('in\n');
  });

  test('a wanted file that is damaged does not count, and spoils no other', async () => {
    await using guard = await guardFolder(shell);
    await guard.want({ module: 'good', flavour: 'amd64' });
    const at = 'usr/share/lockstep-guard/wanted';
    await guard.write(`${at}/a-empty`, '');
    await guard.write(`${at}/b-noise`, Buffer.from([0, 255, 10, 13, 0x3a, 200, 10, 0]));
    await guard.write(`${at}/c-half`, 'Module: half\nFlav');
    await guard.write(`${at}/d-bad`, 'Module: $(reboot)\nFlavour: amd64\nPackage: x\nPrefix: y-\n');
    await guard.write(
      `${at}/e-bad`,
      'Module: m\nFlavour: amd64\nPackage: p\nPrefix: m-\nFiles: ../../etc/x\n',
    );
    await guard.write(
      `${at}/z-windows`,
      'Module: crlf\r\nFlavour: amd64\r\nPackage: crlf-modules-amd64\r\nPrefix: crlf-modules-\r\nOrigin: T\r\n',
    );
    const { stdout, stderr, exitCode } = await guard.sh('wanted');
    expect(exitCode).toBe(0);
    expect(stdout.trimEnd().split('\n')).toEqual([
      'good\tamd64\tgood-modules-amd64\tgood-modules-\tgood\t-\tTests',
      'crlf\tamd64\tcrlf-modules-amd64\tcrlf-modules-\t-\t-\tT',
    ]);
    for (const name of ['b-noise', 'c-half', 'd-bad', 'e-bad']) {
      expect(stderr).toContain(`wanted/${name} can not be understood`);
    }
  });

  test('a folder and a link to nothing among the wanted files spoil none', async () => {
    await using guard = await guardFolder(shell);
    await guard.want({ module: 'good', flavour: 'amd64' });
    const at = 'usr/share/lockstep-guard/wanted';
    await guard.write(`${at}/a-folder/file`, 'Module: x\n');
    await fs.symlink('nowhere', path.join(guard.path, at, 'b-link'));
    await guard.write(`${at}/sub/c`, '');
    expect(await guard.sh('wanted')).toMatchObject({
      exitCode: 0,
      stdout: 'good\tamd64\tgood-modules-amd64\tgood-modules-\tgood\t-\tTests\n',
      stderr: '',
    });
  });

  test('when it can not be told what is wanted, all stays as it is', async () => {
    await using guard = await guardFolder(shell);
    await guard.want({ module: 'm', flavour: 'amd64' });
    await guard.kernel(A);
    await guard.run('refresh');
    const before = await guard.tree();
    expect(before).toHaveProperty('etc/apt/apt.conf.d/80lockstep-guard');
    await guard.stub('awk', 'exit 127');
    expect((await guard.run('refresh')).exitCode).toBe(0);
    expect((await guard.run('kernel-hook')).exitCode).toBe(0);
    expect(await guard.tree()).toEqual(before);
    expect((await guard.run('status')).exitCode).toBe(2);
  });

  test("a file is written whole by two at a time, and through nobody's link", async () => {
    await using guard = await guardFolder(shell);
    await guard.write('secret', 'old');
    const { stdout } = await guard.sh(`
      for name in "$$" 1; do
        ln -s secret "$ROOT/a.$name.dpkg-new"
      done
      mkdir "$ROOT/var"
      printf 'one\\n' | put_file "$ROOT/a"
      echo $?
      printf 'one\\n' | put_file "$ROOT/a"
      echo $?
      printf 'two\\n' | put_file "$ROOT/b/c" 755
      echo $? "$(stat -c %a "$ROOT/a" "$ROOT/b/c" | tr '\\n' ' ')"`);
    expect(stdout).toBe('3\n0\n3 644 755 \n');
    expect(await guard.read('secret')).toBe('old');
    expect(await guard.read('a')).toBe('one\n');
    const one = "printf 'x\\n%.0s' $(seq 400)";
    const many = Array.from({ length: 12 }, () =>
      guard.sh(`${one} | put_file "$ROOT/many"; [ $? -ne 1 ] || echo failed`),
    );
    for (const { stdout: said } of await Promise.all(many)) {
      expect(said).toBe('');
    }
    expect(await guard.read('many')).toBe('x\n'.repeat(400));
  });

  test('without a wanted file nothing is wanted, and nothing is said', async () => {
    await using guard = await guardFolder(shell);
    expect(await guard.sh('wanted')).toMatchObject({ exitCode: 0, stdout: '', stderr: '' });
    await guard.kernel(A);
    expect(await guard.run('refresh')).toMatchObject({ exitCode: 0, stdout: '', stderr: '' });
    expect(await guard.tree()).toEqual({ [`boot/vmlinuz-${A}`]: '' });
  });
});
