import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type GrubRoot, grubRoot } from './grub-root.ts';

const A = '6.12.117+deb13-amd64';
const B = '6.12.118+deb13-amd64';
const MODULE = `/usr/lib/modules/${B}/updates/example/example.ko.xz`;
const SCRIPT = '/etc/grub.d/06_lockstep_guard';

let grub: GrubRoot;
let untouched: string;

/** What is there of the guard beside its package. */
async function traces(): Promise<string[]> {
  const found = await grub.root.must([
    ...[
      'find',
      '/etc',
      '/boot',
      '/run',
      '(',
      '-name',
      '*lockstep*',
      '-o',
      '-name',
      '*.dpkg-new',
      ')',
    ],
    ...['!', '-path', '/etc/lockstep*'],
  ]);
  return found.split('\n').filter((file) => file !== '');
}

/** Runs the kernel's hooks as its maintainer scripts do. */
async function hooks(kind: string, release: string): Promise<void> {
  const words = [`--arg=${release}`, `--arg=/boot/vmlinuz-${release}`, `/etc/kernel/${kind}.d`];
  await grub.root.must(['run-parts', '--verbose', '--exit-on-error', ...words]);
}

beforeAll(async () => {
  grub = await grubRoot('trixie');
  await grub.kernel(A, ['example']);
  await grub.configure([{}]);
  // The tracking package, as dpkg sees it.
  const at = '/tmp/tracking/usr/share/lockstep-guard/wanted/example-modules-amd64';
  const wanted = [
    ...['Module: example', 'Flavour: amd64', 'Package: example-modules-amd64'],
    ...['Prefix: example-modules-', 'Files: example', 'Origin: Tests', ''],
  ];
  await grub.root.writeFile(at, wanted.join('\n'));
  const control = [
    ...['Package: example-modules-amd64', 'Version: 1', 'Architecture: all'],
    ...[
      'Depends: lockstep-guard',
      'Maintainer: A Test <t@localhost.invalid>',
      'Description: test',
      '',
    ],
  ];
  await grub.root.writeFile('/tmp/tracking/DEBIAN/control', control.join('\n'));
  await grub.root.must(['dpkg-deb', '-Znone', '-b', '/tmp/tracking', '/tmp/tracking.deb']);
  await grub.root.must(['dpkg', '-i', '/tmp/tracking.deb']);
  await grub.kernel(B);
  await grub.root.must(['update-grub']);
  untouched = await grub.root.readFile('/boot/grub/grub.cfg');
}, 300_000);

afterAll(async () => {
  await grub[Symbol.asyncDispose]();
});

/** A kernel comes that lacks the module. */
async function forced(): Promise<void> {
  await hooks('postinst', B);
  const cfg = await grub.root.readFile('/boot/grub/grub.cfg');
  expect(cfg).toContain(`# lockstep-guard: default ${A} avoid ${B}`);
  expect(await grub.root.must(['ls', SCRIPT])).toContain(SCRIPT);
}

describe('the boot default goes back by itself, to the byte', () => {
  test('when the kernel is covered', async () => {
    await forced();
    await grub.root.writeFile(MODULE, '');
    await grub.root.must(['dpkg-trigger', '--no-await', 'lockstep-guard-modules']);
    await grub.root.must(['dpkg', '--triggers-only', '-a']);
    expect(await grub.root.readFile('/boot/grub/grub.cfg')).toBe(untouched);
    expect((await grub.root.run(['ls', SCRIPT])).exitCode).not.toBe(0);
    await grub.root.must(['rm', MODULE]);
  });

  test('when the kernel is removed', async () => {
    await forced();
    await grub.root.must(['mv', `/boot/vmlinuz-${B}`, '/tmp/vmlinuz']);
    await hooks('postrm', B);
    expect(await grub.root.readFile('/boot/grub/grub.cfg')).not.toContain('lockstep');
    expect((await grub.root.run(['ls', SCRIPT])).exitCode).not.toBe(0);
    await grub.root.must(['mv', '/tmp/vmlinuz', `/boot/vmlinuz-${B}`]);
  });

  test('when the module is no longer wanted', async () => {
    await forced();
    await grub.root.must(['dpkg', '--purge', 'example-modules-amd64']);
    expect(await traces()).toEqual([]);
    expect(await grub.root.readFile('/boot/grub/grub.cfg')).toBe(untouched);
    await grub.root.must(['dpkg', '-i', '/tmp/tracking.deb']);
  });

  test('when the guard is purged', async () => {
    await forced();
    await grub.root.must(['dpkg', '--purge', 'example-modules-amd64', 'lockstep-guard']);
    expect(await traces()).toEqual([]);
    expect(await grub.root.readFile('/boot/grub/grub.cfg')).toBe(untouched);
    const left = await grub.root.must(['find', '/usr', '/var', '-path', '*lockstep*']);
    expect(left.split('\n').filter((name) => !name.includes('/proc/'))).toEqual(['']);
  });
});
