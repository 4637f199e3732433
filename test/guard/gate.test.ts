import { describe, expect, test } from 'vitest';
import { type GuardFolder, guardFolder, SHELLS } from './guard-folder.ts';

const A = '6.12.117+deb13-amd64';
const B = '6.12.118+deb13-amd64';

/** A line of apt's protocol 3 for a package that comes, is configured or goes. */
const comes = (name: string): string =>
  `${name} - - none < 1 amd64 none /var/cache/apt/archives/${name}_1_amd64.deb`;
const goes = (name: string): string => `${name} 1 amd64 none > - - none **REMOVE**`;

async function gate(
  folder: GuardFolder,
  lines: readonly string[],
  config: readonly string[] = [],
): Promise<{ status: number; text: string }> {
  const input = ['VERSION 3', 'APT=', ...config, '', ...lines, ''].join('\n');
  await folder.write('transaction', input);
  const { stderr, exitCode } = await folder.sh(
    `gate <"${folder.path}/transaction"; echo "status $?" >&2`,
  );
  expect(exitCode, stderr).toBe(0);
  return {
    status: Number(/^status (?<status>\d+)$/m.exec(stderr)?.groups?.['status']),
    text: stderr,
  };
}

/** A machine at A that wants `demo` for amd64. */
async function machine(shell: readonly string[]): Promise<GuardFolder> {
  const folder = await guardFolder(shell);
  await folder.kernel(A, ['demo']);
  await folder.want({ module: 'demo', flavour: 'amd64' });
  return folder;
}

describe.each(SHELLS)('the gate, run by %s', (...shell) => {
  test.each<[string, string[], string[], number]>([
    ['a kernel without its module', [comes(`linux-image-${B}`)], [], 10],
    ['its unsigned twin', [comes(`linux-image-${B}-unsigned`)], [], 10],
    ['the binary part of a split one', [comes(`linux-binary-${B}`)], [], 10],
    ['a kernel with its module', [comes(`linux-image-${B}`), comes(`demo-modules-${B}`)], [], 0],
    [
      'the module of another kernel',
      [comes(`linux-image-${B}`), comes(`demo-modules-${A}`)],
      [],
      10,
    ],
    ['another flavour', [comes('linux-image-6.12.118+deb13-cloud-amd64')], [], 0],
    ['debugging symbols', [comes(`linux-image-${B}-dbg`)], [], 0],
    ['headers', [comes(`linux-headers-${B}`)], [], 0],
    ['a metapackage', [comes('linux-image-amd64')], [], 0],
    ['the installed kernel again', [comes(`linux-image-${A}`)], [], 0],
    ['a newer revision of it', [`linux-image-${A} 1 amd64 none < 2 amd64 none /x.deb`], [], 0],
    ['something else', [comes('hello')], [], 0],
    ['a kernel that is allowed', [comes(`linux-image-${B}`)], ['Lockstep::Allow=true'], 0],
    ['… or so', [comes(`linux-image-${B}`)], ['Lockstep::Allow=1'], 0],
    ['a kernel that is not', [comes(`linux-image-${B}`)], ['Lockstep::Allow=false'], 10],
    [
      'the solver takes the tracking package away',
      [comes(`linux-image-${B}`), goes('demo-modules-amd64')],
      ['CommandLine::AsString=apt%20full-upgrade'],
      10,
    ],
    [
      'the administrator takes it away',
      [comes(`linux-image-${B}`), goes('demo-modules-amd64')],
      ['CommandLine::AsString=apt%20install%20linux-image-amd64%20demo-modules-amd64-'],
      0,
    ],
    ['the last kernel goes', [goes(`linux-image-${A}`), goes(`demo-modules-${A}`)], [], 10],
    [
      'the last kernel goes with what is wanted',
      [goes(`linux-image-${A}`), goes(`demo-modules-${A}`), goes('demo-modules-amd64')],
      ['CommandLine::AsString=apt%20purge%20linux-image-*%20demo-modules-*'],
      0,
    ],
    [
      'the last kernel goes, another one comes with its module',
      [goes(`linux-image-${A}`), comes(`linux-image-${B}`), comes(`demo-modules-${B}`)],
      [],
      0,
    ],
  ])('%s', async (_what, lines, config, status) => {
    await using folder = await machine(shell);
    expect((await gate(folder, lines, config)).status).toBe(status);
  });

  test('says which kernel, module and repository, since when, and the ways on', async () => {
    await using folder = await machine(shell);
    await folder.write(
      'var/lib/lockstep-guard/holds',
      `${B}\tlinux-image-amd64\t2\tdemo\t1700000000\theld\tdemo-modules-amd64\tTests\n`,
    );
    const { text } = await gate(folder, [comes(`linux-image-${B}`)]);
    for (const part of [
      B,
      'demo',
      '"Tests"',
      '2023-11-14',
      'Lockstep::Allow=true',
      'apt remove demo-modules-amd64',
    ]) {
      expect(text).toContain(part);
    }
    await folder.stub('apt-cache', `echo demo-modules-${B}`);
    const { text: published } = await gate(folder, [comes(`linux-image-${B}`)]);
    expect(published).toContain(`add  demo-modules-${B}  to the same command`);
  });

  test.each<[string, string, number]>([
    ['nothing set', '', 10],
    ['hold=warn', 'hold=warn\n', 0],
    ['hold=no', 'hold=no\n', 0],
    ['the module is an exception', 'except = zfs demo\n', 0],
    ['… for the flavour', 'except=demo:amd64\n', 0],
    ['… for another one', 'except=demo:cloud-amd64\n', 10],
    ['the longest time is not over', 'max-hold-days=100000\n', 10],
    ['the longest time is over', 'max-hold-days=7\n', 0],
    ['the longest time, with a 0 before it, is not over', 'max-hold-days=09999\n', 10],
    ['the longest time, with a 0 before it, is over', 'max-hold-days=08\n', 0],
    ['no time at all', 'max-hold-days=0\n', 0],
    ['a time that is no number of this machine', `max-hold-days=${'9'.repeat(30)}\n`, 10],
    ['nonsense', 'hold=perhaps\nmax-hold-days=soon\n\u0000\u00ff\n=\nx\n', 10],
  ])('%s', async (_what, conf, status) => {
    await using folder = await machine(shell);
    await folder.write('etc/lockstep/guard.conf', conf);
    await folder.write(
      'var/lib/lockstep-guard/holds',
      `${B}\tlinux-image-amd64\t2\tdemo\t1700000000\theld\tdemo-modules-amd64\tTests\n`,
    );
    expect((await gate(folder, [comes(`linux-image-${B}`)])).status).toBe(status);
  });

  test('one module of two tracks, of which one brings it', async () => {
    await using folder = await machine(shell);
    await folder.want({ module: 'demo', flavour: 'amd64' });
    await folder.write(
      'usr/share/lockstep-guard/wanted/demo-modules-6.12-amd64',
      'Module: demo\nFlavour: amd64\nPackage: demo-modules-6.12-amd64\nPrefix: demo-modules-\nFiles: demo\nOrigin: Tests\n',
    );
    expect(
      (await gate(folder, [comes(`linux-image-${B}`), comes(`demo-modules-${B}`)])).status,
    ).toBe(0);
    const { status, text } = await gate(folder, [comes(`linux-image-${B}`)]);
    expect(status).toBe(10);
    expect(text.match(/not installing/g)).toHaveLength(1);
  });

  test("a module's package that is removed, but not purged", async () => {
    await using folder = await machine(shell);
    await folder.write(`var/lib/dpkg/info/demo-modules-${B}.list`, '/.\n');
    await folder.stub('dpkg-query', 'printf installed');
    expect((await gate(folder, [comes(`linux-image-${B}`)])).status).toBe(0);
    await folder.stub('dpkg-query', 'printf config-files');
    expect((await gate(folder, [comes(`linux-image-${B}`)])).status).toBe(10);
    await folder.write('etc/lockstep/guard.conf', 'fallback=dkms\n');
    await folder.write('var/lib/dpkg/info/demo-dkms.list', '/.\n');
    await folder.write('var/lib/dpkg/info/linux-headers-amd64.list', '/.\n');
    expect((await gate(folder, [comes(`linux-image-${B}`)])).status).toBe(10);
    await folder.stub('dpkg-query', 'printf installed');
    expect((await gate(folder, [comes(`linux-image-${B}`)])).status).toBe(0);
  });

  test('the metapackage comes in the place of the tracking package, the image was there', async () => {
    await using folder = await machine(shell);
    await folder.kernel(B);
    await folder.write(
      'var/lib/lockstep-guard/archive',
      `stamp\nkernel\tlinux-image-amd64\t2\t${B}\nmodule\tdemo-modules-amd64\t1\t${A}\tdemo-modules-${A}\n`,
    );
    const lines = ['linux-image-amd64 1 amd64 none < 2 amd64 none /x.deb'];
    const drop = goes('demo-modules-amd64');
    const named = 'CommandLine::AsString=apt%20install%20linux-image-amd64=2';
    expect(await gate(folder, [...lines, drop], [named])).toMatchObject({ status: 10 });
    expect((await gate(folder, [...lines, drop], [named, 'Lockstep::Allow=true'])).status).toBe(0);
    expect((await gate(folder, [...lines, drop], [`${named}%20demo-modules-amd64-`])).status).toBe(
      0,
    );
    expect((await gate(folder, lines, [named])).status).toBe(0);
    await folder.kernel(B, ['demo']);
    const { status, text } = await gate(folder, [...lines, drop], [named]);
    expect(status).toBe(10);
    expect(text).toContain('demo-modules-amd64-');
    const gone = await gate(folder, [drop], ['CommandLine::AsString=apt%20autoremove']);
    expect(gone.status).toBe(0);
    expect(gone.text).toContain('looked after no more: demo-modules-amd64');
  });

  test('a time that a clock which was not set has told', async () => {
    await using folder = await machine(shell);
    await folder.write('etc/lockstep/guard.conf', 'max-hold-days=7\n');
    await folder.write(
      'var/lib/lockstep-guard/holds',
      `${B}\tlinux-image-amd64\t2\tdemo\t86400\theld\tdemo-modules-amd64\tTests\n`,
    );
    expect((await gate(folder, [comes(`linux-image-${B}`)])).status).toBe(10);
  });

  test('a flavour whose name begins with a digit', async () => {
    await using folder = await guardFolder(shell);
    await folder.kernel('6.1.0-56-686-pae', ['demo']);
    await folder.want({ module: 'demo', flavour: '686-pae' });
    const moved = 'linux-image-686-pae 1 i386 none < 2 i386 none /x.deb';
    const named = 'CommandLine::AsString=apt%20install%20linux-image-686-pae=2';
    expect((await gate(folder, [moved, goes('demo-modules-686-pae')], [named])).status).toBe(10);
    expect((await gate(folder, [moved], [named])).status).toBe(0);
    expect((await gate(folder, [goes('linux-image-686-pae')])).status).toBe(0);
    expect((await gate(folder, [comes('linux-image-6.1.0-57-686-pae')])).status).toBe(10);
  });

  test('an image of an architecture that does not compress it', async () => {
    await using folder = await machine(shell);
    await folder.write(`boot/vmlinux-${B}`, '');
    expect((await gate(folder, [comes(`linux-image-${B}-unsigned`)])).status).toBe(0);
  });

  test('a machine that wants nothing', async () => {
    await using folder = await guardFolder(shell);
    await folder.kernel(A);
    expect(await gate(folder, [comes(`linux-image-${B}`), goes(`linux-image-${A}`)])).toMatchObject(
      { status: 0 },
    );
  });

  test('words that are none of the protocol', async () => {
    await using folder = await machine(shell);
    await folder.write('transaction', '\u0000\u0001 \n\n\nlinux-image-\n- - - - -\n');
    const { stderr } = await folder.sh(`gate <"${folder.path}/transaction"; echo "status $?" >&2`);
    expect(stderr).toMatch(/status [01]\n$/);
  });
});
