import { describe, expect, test } from 'vitest';
import { type GuardFolder, guardFolder, SHELLS } from './guard-folder.ts';

const A = '6.12.117+deb13-amd64';
const B = '6.12.118+deb13-amd64';
const HOLD = `${B}\tlinux-image-amd64\t6.12.118-1\tdemo\t1700000000\theld\tdemo-modules-amd64\tTests\n`;

/** dpkg knows the metapackage of A, apt's lists that of B too, and one of the tracking package. */
async function world(folder: GuardFolder, tracking: readonly string[]): Promise<void> {
  await folder.write('var/lib/apt/lists/x', 'x');
  await folder.stub(
    'dpkg-query',
    `printf 'installed\\tlinux-image-amd64\\t6.12.117-1\\tlinux-latest-modules-${A}, x\\n'`,
  );
  const stanzas = [
    `Package: linux-image-amd64\nVersion: 6.12.117-1\nArchitecture: amd64\nProvides: linux-latest-modules-${A}\n`,
    `Package: linux-image-amd64\nVersion: 6.12.118-1\nArchitecture: amd64\nProvides: a, linux-latest-modules-${B}\n`,
    ...tracking.map(
      (release, index) =>
        `Package: demo-modules-amd64\nVersion: ${index}\nArchitecture: amd64\nDepends: demo-modules-${release} (>= 1), linux-latest-modules-${release}, lockstep-guard\n`,
    ),
  ];
  await folder.write('stanzas', stanzas.join('\n'));
  await folder.stub(
    'apt-cache',
    `case "$*" in
      show*) cat "${folder.path}/stanzas" ;;
      *policy*) printf 'linux-image-amd64:\n  Version table:\n     6.12.118-1 500\n        500 x\n *** 6.12.117-1 100\n' ;;
    esac`,
  );
  await folder.stub(
    'dpkg',
    'case "$1" in --compare-versions) [ "$2" \\> "$4" ] ;; *) echo amd64 ;; esac',
  );
}

describe.each(SHELLS)('status, run by %s', (...shell) => {
  test('of a machine that wants nothing', async () => {
    await using folder = await guardFolder(shell);
    const { exitCode, stdout } = await folder.run('status');
    expect(exitCode).toBe(0);
    expect(stdout).toContain('No module is wanted');
    expect(JSON.parse((await folder.run('status', '--json')).stdout)).toEqual({
      status: 0,
      kernels: [],
      holds: [],
    });
  });

  test('pins a version without its module, says so, and takes the pin back when it is published', async () => {
    await using folder = await guardFolder(shell);
    await folder.kernel(A, ['demo']);
    await folder.want({ module: 'demo', flavour: 'amd64' });
    await world(folder, [A]);
    const held = await folder.run('status', '--json');
    expect(held.exitCode, held.stderr).toBe(1);
    expect(JSON.parse(held.stdout)).toMatchObject({
      status: 1,
      kernels: [{ release: A, module: 'demo', present: true }],
      holds: [
        { release: B, metapackage: 'linux-image-amd64', version: '6.12.118-1', state: 'held' },
      ],
    });
    const pins = await folder.read('etc/apt/preferences.d/lockstep-guard');
    expect(pins).toMatch(
      /^Package: linux-image-amd64 .*\nPin: version 6\.12\.118-1\nPin-Priority: -1$/m,
    );
    const text = await folder.run('status');
    expect(text.stdout).toContain(
      `Linux ${B} lacks the module demo: linux-image-amd64 is held back`,
    );

    await world(folder, [A, B]);
    await folder.write('var/lib/apt/lists/y', 'y');
    const free = await folder.run('status', '--json');
    expect(free.exitCode, free.stderr).toBe(0);
    expect(await folder.read('etc/apt/preferences.d/lockstep-guard')).toBeUndefined();
  });

  test('marks the kernel that boots next, and ends with 2 when that lacks a module', async () => {
    await using folder = await guardFolder(shell);
    await folder.kernel(B);
    await folder.want({ module: 'demo', flavour: 'amd64' });
    const { exitCode, stdout } = await folder.run('status');
    expect(exitCode).toBe(2);
    expect(stdout).toMatch(/6\.12\.118\+deb13-amd64 +demo +MISSING +next boot/);
  });

  // busybox has a uname of its own.
  test.skipIf(shell[0] === 'busybox')(
    'says once that the running kernel lacks a module, and which package brings it',
    async () => {
      await using folder = await guardFolder(shell);
      await folder.kernel(A);
      await folder.kernel(B, ['demo']);
      await folder.stub('uname', `echo ${A}`);
      await folder.stub(
        'apt-cache',
        `case "$*" in *demo-modules-${A}*) echo 'demo-modules-${A} | 1 | x' ;; esac`,
      );
      await folder.want({ module: 'demo', flavour: 'amd64' });
      const said = `Linux ${A} (running) lacks the module demo: apt install demo-modules-${A}`;
      expect((await folder.run('refresh')).stdout).toContain(`lockstep-guard: ${said}`);
      expect((await folder.run('refresh')).stdout).not.toContain(said);
      expect(await folder.read('var/lib/lockstep-guard/notice')).toBe(`${said}\n`);
    },
  );

  test('what others have written can not break out of JSON or metrics', async () => {
    await using folder = await guardFolder(shell);
    await folder.kernel(A, ['demo']);
    await folder.want({ module: 'demo', flavour: 'amd64', origin: 'a"b\\c\u001b[31m<x>' });
    await world(folder, [A]);
    const json: unknown = JSON.parse((await folder.run('status', '--json')).stdout);
    expect(json).toMatchObject({ holds: [{ module: 'demo' }] });
    const metrics = (await folder.run('status', '--prometheus')).stdout;
    for (const line of metrics.trim().split('\n')) {
      expect(line).toMatch(/^(# (HELP|TYPE) .*|[a-z_]+(\{([a-z]+="[^"\\]*",?)*\})? \d+)$/);
    }
  });

  test('allow and forbid a kernel', async () => {
    await using folder = await guardFolder(shell);
    await folder.kernel(A, ['demo']);
    await folder.want({ module: 'demo', flavour: 'amd64' });
    await world(folder, [A]);
    expect((await folder.run('allow', B)).exitCode).toBe(0);
    expect(JSON.parse((await folder.run('status', '--json')).stdout)).toMatchObject({
      holds: [{ state: 'allowed' }],
    });
    expect((await folder.run('forbid', B)).exitCode).toBe(0);
    expect(await folder.read('var/lib/lockstep-guard/holds')).toContain('\theld\t');
    for (const wrong of [
      ['allow'],
      ['allow', 'a b'],
      ['allow', '../x'],
      ['allow', '--help'],
      ['status', '--x'],
      ['x'],
      [],
    ]) {
      const { exitCode, stderr } = await folder.run(...wrong);
      expect(exitCode).toBe(64);
      expect(stderr).not.toBe('');
    }
  });

  test('a kernel is allowed before it, or its metapackage, is known', async () => {
    await using folder = await guardFolder(shell);
    await folder.kernel(A, ['demo']);
    await folder.want({ module: 'demo', flavour: 'amd64' });
    await world(folder, [A]);
    const later = '6.12.119+deb13-amd64';
    expect((await folder.run('allow', later)).exitCode).toBe(0);
    await folder.run('refresh');
    await folder.kernel(later);
    await folder.run('kernel-hook');
    expect(await folder.read('var/lib/lockstep-guard/boot')).toBeUndefined();
    expect((await folder.run('forbid', later)).exitCode).toBe(0);
    expect(await folder.read('var/lib/lockstep-guard/boot')).toContain(`avoid ${later}`);
  });

  test('a kernel whose module does not count waits with its metapackage, and this is told', async () => {
    await using folder = await guardFolder(shell);
    await folder.kernel(A, ['demo']);
    await folder.want({ module: 'demo', flavour: 'amd64' });
    await world(folder, [A]);
    await folder.write('etc/lockstep/guard.conf', 'except=demo\n');
    const { exitCode, stdout } = await folder.run('status');
    expect(exitCode).toBe(1);
    expect(stdout).toContain(
      `Linux ${B} needs nothing of demo-modules-amd64, but linux-image-amd64 waits for it: apt install linux-image-${B}`,
    );
    expect(await folder.read('etc/apt/preferences.d/lockstep-guard')).toContain('6.12.118-1');
    await folder.kernel(B);
    expect((await folder.run('status')).exitCode).toBe(0);
  });

  test('the log is told of a hold once, not each day anew', async () => {
    await using folder = await guardFolder(shell);
    await folder.kernel(A, ['demo']);
    await folder.want({ module: 'demo', flavour: 'amd64' });
    await world(folder, [A]);
    const log = 'var/log/unattended-upgrades/unattended-upgrades.log';
    await folder.write(log, '');
    await folder.run('refresh');
    const first = await folder.read(log);
    expect(first).toContain(`lacks the module demo`);
    await folder.write('var/lib/lockstep-guard/holds', HOLD);
    await folder.run('refresh');
    expect(await folder.read('var/lib/lockstep-guard/notice')).toContain('2023-11-14');
    expect(await folder.read(log)).toBe(first);
    await folder.run('allow', B);
    expect(await folder.read(log)).not.toBe(first);
  });

  test("unattended-upgrades' pattern is of this origin, whatever its name", async () => {
    await using folder = await guardFolder(shell);
    await folder.kernel(A, ['demo']);
    await folder.want({ module: 'demo', flavour: 'amd64', origin: 'Example, Inc. "x" *[a]=${b}' });
    await world(folder, [A]);
    await folder.write('usr/bin/unattended-upgrade', '');
    await folder.stub('apt-config', "echo 'Unattended-Upgrade::Origins-Pattern:: origin=Debian'");
    await folder.run('refresh');
    expect(await folder.read('etc/apt/apt.conf.d/51lockstep-guard-origins')).toContain(
      '\nUnattended-Upgrade::Origins-Pattern:: "origin=Example? Inc. ?x? ??a????b?";\n',
    );
  });

  test('a metapackage that was installed from a file, newer than those of the lists', async () => {
    await using folder = await guardFolder(shell);
    await folder.kernel(A, ['demo']);
    await folder.want({ module: 'demo', flavour: 'amd64' });
    await world(folder, [A]);
    await folder.run('refresh');
    expect(await folder.read('var/lib/lockstep-guard/holds')).toContain(B);
    const local = '6.12.119+deb13-amd64';
    await folder.kernel(local, ['demo']);
    await folder.stub(
      'dpkg-query',
      `printf 'installed\\tlinux-image-amd64\\t6.12.119-1\\tlinux-latest-modules-${local}\\n'`,
    );
    await folder.stub(
      'apt-cache',
      `case "$*" in
        show*) cat "${folder.path}/stanzas" ;;
        *policy*) printf 'linux-image-amd64:\\n *** 6.12.119-1 100\\n     6.12.118-1 500\\n     6.12.117-1 500\\n' ;;
      esac`,
    );
    await folder.run('refresh');
    expect(await folder.read('var/lib/lockstep-guard/holds')).toBe('');
    expect(await folder.read('etc/apt/preferences.d/lockstep-guard')).toBeUndefined();
  });

  test("apt's lists are read anew only when something has changed", async () => {
    await using folder = await guardFolder(shell);
    await folder.kernel(A, ['demo']);
    await folder.want({ module: 'demo', flavour: 'amd64' });
    await world(folder, [A]);
    await folder.write('calls', '');
    await folder.stub(
      'apt-cache',
      `echo "$1" >>"${folder.path}/calls"
      case "$*" in
        show*) cat "${folder.path}/stanzas" ;;
        *policy*) printf 'linux-image-amd64:\\n     6.12.118-1 500\\n *** 6.12.117-1 100\\n' ;;
      esac`,
    );
    const shown = async (): Promise<number> =>
      ((await folder.read('calls')) ?? '').split('\n').filter((word) => word === 'show').length;
    for (const _ of [1, 2, 3]) {
      await folder.run('refresh');
      expect(await shown()).toBe(1);
    }
    await folder.write('var/lib/apt/lists/x_Packages', 'x');
    await folder.run('refresh');
    expect(await shown()).toBe(2);
    await folder.want({ module: 'demo', flavour: 'amd64', origin: 'Other' });
    await folder.run('refresh');
    expect(await shown()).toBe(3);
  });

  test('what was held stays held when dpkg, or apt, can not be asked', async () => {
    await using folder = await guardFolder(shell);
    await folder.kernel(A, ['demo']);
    await folder.want({ module: 'demo', flavour: 'amd64' });
    await world(folder, [A]);
    await folder.run('refresh');
    const pins = await folder.read('etc/apt/preferences.d/lockstep-guard');
    expect(pins).toContain('6.12.118-1');
    await folder.stub('dpkg-query', 'exit 2');
    await folder.run('refresh');
    expect(await folder.read('etc/apt/preferences.d/lockstep-guard')).toBe(pins);
    await world(folder, [A]);
    await folder.stub(
      'apt-cache',
      `case "$*" in show*) cat "${folder.path}/stanzas" ;; *) exit 100 ;; esac`,
    );
    await folder.write('var/lib/apt/lists/x_Packages', 'new');
    await folder.run('refresh');
    expect(await folder.read('etc/apt/preferences.d/lockstep-guard')).toBe(pins);
  });

  test('since when a kernel is missed is remembered', async () => {
    await using folder = await guardFolder(shell);
    await folder.kernel(A, ['demo']);
    await folder.want({ module: 'demo', flavour: 'amd64' });
    await world(folder, [A]);
    await folder.write('var/lib/lockstep-guard/holds', HOLD);
    await folder.run('refresh');
    expect(await folder.read('var/lib/lockstep-guard/holds')).toBe(HOLD);
    await folder.write('etc/lockstep/guard.conf', 'max-hold-days=30\n');
    await folder.run('refresh');
    expect(await folder.read('var/lib/lockstep-guard/holds')).toContain('\tpast\t');
  });
});
