import { execFileSync } from 'node:child_process';
import * as fs from 'node:fs/promises';
import { beforeAll, describe, expect, test } from 'vitest';
import { sha256File } from '../core/hash.ts';
import { useScratch } from '../core/testing/scratch.ts';
import type { Module } from '../model/modules.ts';
import {
  makeModulePackage,
  makeTrackingPackage,
  modulePackageIdentity,
  type PackagerOptions,
  trackingPackageIdentity,
} from './packages.ts';
import { KERNEL, MODULE, RECORD } from './testing/inputs.ts';

const at = useScratch('packages');
let options: PackagerOptions;

beforeAll(async () => {
  options = { directory: at('out'), maintainer: 'A <a@example.org>', suite: 'trixie' };
  await fs.mkdir(options.directory);
  await fs.writeFile(at('demo.ko'), Buffer.alloc(5000, 'elf'));
});

function ask(program: string, ...args: string[]): string {
  return execFileSync(program, args, { encoding: 'utf8' });
}

const inputs = () => ({
  module: MODULE,
  kernel: KERNEL,
  record: RECORD,
  files: [{ name: 'demo.ko', path: at('demo.ko') }],
  copyright: Buffer.from('copyright'),
  rebuild: 0,
});

describe('a module package', () => {
  test('is for its kernel, and says where it comes from', async () => {
    const made = await makeModulePackage(inputs(), options);
    expect(made).toMatchObject({
      name: 'demo-modules-6.12.117+deb13-amd64',
      version: '1:0.15.0-2+6.12.117+1',
      architecture: 'amd64',
    });
    const field = (name: string): string => ask('dpkg-deb', '-f', made.file, name).trim();
    expect(field('Depends')).toBe('linux-image-6.12.117+deb13-amd64');
    expect(field('Provides')).toBe('');
    expect(field('Built-Using')).toBe('linux (= 6.12.117-1), demo-source (= 1:0.15.0-2)');
    const files = ask('dpkg-deb', '-c', made.file)
      .split('\n')
      .flatMap((line) => (line.startsWith('-') ? [line.split(/\s+/)[5]] : []));
    expect(files).toContain('./usr/lib/modules/6.12.117+deb13-amd64/updates/demo/demo.ko.xz');
  });

  test.each([
    ['none', '', 'cat'],
    ['gzip', '.gz', 'zcat'],
    ['xz', '.xz', 'xzcat'],
    ['zstd', '.zst', 'zstdcat'],
  ] as const)('has its module compressed as the kernel has: %s', async (compression, end, cat) => {
    const record = { ...RECORD, compression, modulesDirectory: '/lib/modules' as const };
    const made = await makeModulePackage({ ...inputs(), record }, options);
    await fs.mkdir(at(`x-${compression}`));
    ask('dpkg-deb', '-x', made.file, at(`x-${compression}`));
    const file = at(`x-${compression}`, `lib/modules/${KERNEL.release}/updates/demo/demo.ko${end}`);
    expect(execFileSync(cat, [file])).toEqual(await fs.readFile(at('demo.ko')));
  });

  test('has scripts without a placeholder left, that a shell can read', async () => {
    const made = await makeModulePackage(inputs(), options);
    for (const name of ['postinst', 'postrm']) {
      const text = ask('dpkg-deb', '-I', made.file, name);
      expect(text).toContain(`release='${KERNEL.release}'`);
      expect(text).not.toMatch(/@[A-Z_]+@/);
      execFileSync('sh', ['-n'], { input: text });
    }
  });

  test('has the same bytes when it is made again', async () => {
    const first = await makeModulePackage(inputs(), options);
    const hash = await sha256File(first.file);
    await fs.mkdir(at('again'));
    const again = await makeModulePackage(inputs(), { ...options, directory: at('again') });
    expect(again.file).not.toBe(first.file);
    expect(await sha256File(again.file)).toBe(hash);
    expect((await fs.readdir(at('again'))).filter((name) => name.startsWith('.tmp'))).toEqual([]);
  });
});

test('a tracking package carries the edge and nothing else', async () => {
  const made = await makeTrackingPackage(
    {
      ...{ module: MODULE, kernel: KERNEL, version: '5', moduleVersion: '1:0.15.0-2+6.12.117+1' },
      ...{ copyright: undefined, epoch: 1_700_000_000 },
    },
    options,
  );
  expect(made.name).toBe('demo-modules-amd64');
  expect(ask('dpkg-deb', '-f', made.file, 'Depends')).toBe(
    'demo-modules-6.12.117+deb13-amd64 (>= 1:0.15.0-2+6.12.117+1), linux-latest-modules-6.12.117+deb13-amd64\n',
  );
  expect(ask('dpkg-deb', '-f', made.file, 'Breaks', 'Conflicts', 'Protected')).toBe('');
});

describe('what a package is made of', () => {
  const withModule = (more: Partial<Module>): Module => ({ ...MODULE, ...more });

  test('is known by its identity', () => {
    const identity = modulePackageIdentity(inputs(), options);
    const others = [
      modulePackageIdentity({ ...inputs(), record: { ...RECORD, key: 'd'.repeat(64) } }, options),
      modulePackageIdentity({ ...inputs(), record: { ...RECORD, modules: [] } }, options),
      modulePackageIdentity({ ...inputs(), module: withModule({ summary: 'x' }) }, options),
      modulePackageIdentity({ ...inputs(), kernel: { ...KERNEL, version: '6.12.117-2' } }, options),
      modulePackageIdentity(
        { ...inputs(), kernel: { ...KERNEL, image: 'linux-modules' } },
        options,
      ),
      modulePackageIdentity(inputs(), { ...options, maintainer: 'B <b@example.org>' }),
      modulePackageIdentity(inputs(), { ...options, suite: 'sid' }),
    ];
    expect(new Set([identity, ...others]).size).toBe(others.length + 1);
    const tracking = (module: Module, version = '1'): string =>
      trackingPackageIdentity({ module, kernel: KERNEL, moduleVersion: version }, options);
    expect(tracking(MODULE)).not.toBe(tracking(MODULE, '2'));
    expect(tracking(MODULE)).not.toBe(tracking(withModule({ summary: 'x' })));
  });

  test('does not change with the mirror, the suites or what is newest', () => {
    const moved = withModule({ package: { ...MODULE.package, uri: 'http://other.example/x' } });
    const kernel = { ...KERNEL, suites: ['trixie-security'], newest: false };
    expect(modulePackageIdentity({ ...inputs(), module: moved, kernel }, options)).toBe(
      modulePackageIdentity(inputs(), options),
    );
    const tracking = (module: Module): string =>
      trackingPackageIdentity({ module, kernel: KERNEL, moduleVersion: '1' }, options);
    expect(tracking(moved)).toBe(tracking(MODULE));
  });
});
