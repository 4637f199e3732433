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
import { KERNEL, MODULE, SOURCE, SOURCE_PACKAGE, RECORD } from './testing/inputs.ts';

const at = useScratch('packages');
let options: PackagerOptions;

beforeAll(async () => {
  options = { directory: at('out'), maintainer: 'A <a@example.org>', origin: 'Test' };
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
  source: SOURCE_PACKAGE,
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
    expect(field('Source')).toBe('demo-source (1:0.15.0-2)');
    expect(made.source).toBe('demo-source');
    expect(field('Description')).not.toContain('Install demo-modules');
    expect(field('Built-Using')).toBe('linux (= 6.12.117-1), demo-source (= 1:0.15.0-2)');
    const files = ask('dpkg-deb', '-c', made.file)
      .split('\n')
      .flatMap((line) => (line.startsWith('-') ? [line.split(/\s+/)[5]] : []));
    expect(files).toContain('./usr/lib/modules/6.12.117+deb13-amd64/updates/demo/demo.ko.xz');
  });

  test('names its tracking package, when there is one', async () => {
    const made = await makeModulePackage({ ...inputs(), track: '6.12-amd64' }, options);
    expect(ask('dpkg-deb', '-f', made.file, 'Description')).toContain(
      'Install demo-modules-6.12-amd64 instead',
    );
  });

  test('tells depmod to prefer its files to others of their names', async () => {
    const [first] = RECORD.modules;
    const record = {
      ...RECORD,
      modules: first === undefined ? [] : [{ ...first, file: 'a-b.ko' }],
    };
    const made = await makeModulePackage({ ...inputs(), record }, options);
    await fs.mkdir(at('x-conf'));
    ask('dpkg-deb', '-x', made.file, at('x-conf'));
    const conf = at('x-conf', `usr/lib/depmod.d/lockstep-demo-${KERNEL.release}.conf`);
    expect(await fs.readFile(conf, 'utf8')).toBe('override a-b * updates/demo\n');
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
      ...{ module: MODULE, kernel: KERNEL, source: SOURCE_PACKAGE, version: '5' },
      moduleVersion: '1:0.15.0-2+6.12.117+1',
      ...{ track: 'amd64', files: ['demo.ko'], copyright: undefined, epoch: 1_700_000_000 },
    },
    options,
  );
  expect(made.name).toBe('demo-modules-amd64');
  expect(ask('dpkg-deb', '-f', made.file, 'Depends')).toBe(
    'demo-modules-6.12.117+deb13-amd64 (>= 1:0.15.0-2+6.12.117+1), linux-latest-modules-6.12.117+deb13-amd64, lockstep-guard (>= 1.0)\n',
  );
  await fs.mkdir(at('x-wanted'));
  ask('dpkg-deb', '-x', made.file, at('x-wanted'));
  expect(
    await fs.readFile(at('x-wanted/usr/share/lockstep-guard/wanted/demo-modules-amd64'), 'utf8'),
  ).toBe(
    'Module: demo\nFlavour: amd64\nPackage: demo-modules-amd64\nPrefix: demo-modules-\nFiles: demo\nOrigin: Test\n',
  );
  expect(ask('dpkg-deb', '-f', made.file, 'Breaks', 'Conflicts', 'Protected')).toBe('');
});

test('a tracking package follows a kernel that has the module itself, under the name of its track', async () => {
  const made = await makeTrackingPackage(
    {
      ...{ module: MODULE, kernel: KERNEL, track: '6.12-amd64', version: '5' },
      source: SOURCE_PACKAGE,
      ...{ moduleVersion: undefined, files: [], copyright: undefined, epoch: 1_700_000_000 },
    },
    options,
  );
  expect(made.name).toBe('demo-modules-6.12-amd64');
  expect(ask('dpkg-deb', '-f', made.file, 'Depends')).toBe(
    'linux-latest-modules-6.12.117+deb13-amd64, lockstep-guard (>= 1.0)\n',
  );
  const text = ask('dpkg-deb', '-f', made.file, 'Description').replace(/\s+/g, ' ');
  expect(text).toContain('linux-image-6.12-amd64 is held back');
  expect(text).toContain('Linux 6.12.117+deb13-amd64, which has the module itself');
  await fs.mkdir(at('x-in-tree'));
  ask('dpkg-deb', '-x', made.file, at('x-in-tree'));
  const log = at('x-in-tree', `usr/share/doc/${made.name}/changelog.Debian.gz`);
  expect(ask('zcat', log)).toContain('Linux 6.12.117+deb13-amd64 has the module itself');
});

test('module and tracking packages provide no name, whatever the DKMS package does', async () => {
  const module = { ...MODULE, provides: ['demo-modules (= 0.15.0-2)', 'wireguard-modules'] };
  const tracking = { module, kernel: KERNEL, track: 'amd64', version: '5' };
  const rest = { source: SOURCE_PACKAGE, copyright: undefined, epoch: 1, files: [] };
  for (const made of [
    await makeModulePackage({ ...inputs(), module }, options),
    await makeTrackingPackage({ ...tracking, ...rest, moduleVersion: '1' }, options),
    await makeTrackingPackage({ ...tracking, ...rest, moduleVersion: undefined }, options),
  ]) {
    expect(ask('dpkg-deb', '-f', made.file, 'Provides', 'Conflicts', 'Replaces')).toBe('');
  }
});

describe('what a package is made of', () => {
  const source = SOURCE_PACKAGE;
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
      modulePackageIdentity({ ...inputs(), track: 'amd64' }, options),
      modulePackageIdentity({ ...inputs(), source: { ...source, version: '2' } }, options),
      modulePackageIdentity({ ...inputs(), track: '6.12-amd64' }, options),
    ];
    expect(new Set([identity, ...others]).size).toBe(others.length + 1);
    const tracking = (module: Module, version: string | undefined = '1', track = 'amd64'): string =>
      trackingPackageIdentity(
        { module, kernel: KERNEL, source, track, moduleVersion: version, files: [] },
        options,
      );
    const inTree = {
      module: MODULE,
      kernel: KERNEL,
      source,
      track: 'amd64',
      moduleVersion: undefined,
      files: [],
    };
    expect(trackingPackageIdentity(inTree, options)).not.toBe(tracking(MODULE));
    expect(tracking(MODULE)).not.toBe(tracking(MODULE, '1', '6.12-amd64'));
    expect(tracking(MODULE)).not.toBe(tracking(MODULE, '2'));
    expect(tracking(MODULE)).not.toBe(tracking(withModule({ summary: 'x' })));
    const keyring = { ...options, keyring: 'x-archive-keyring (>= 2)' };
    expect(trackingPackageIdentity(inTree, keyring)).not.toBe(
      trackingPackageIdentity(inTree, options),
    );
    expect(trackingPackageIdentity(inTree, { ...options, keyring: undefined })).toBe(
      trackingPackageIdentity(inTree, options),
    );
  });

  test('does not change with the mirror, or the suites', () => {
    const moved = withModule({ source: { ...SOURCE, uri: 'http://other.example/x' } });
    const kernel = { ...KERNEL, suites: ['trixie-security'] };
    expect(modulePackageIdentity({ ...inputs(), module: moved, kernel }, options)).toBe(
      modulePackageIdentity(inputs(), options),
    );
    const tracking = (module: Module): string =>
      trackingPackageIdentity(
        { module, kernel: KERNEL, source, track: 'amd64', moduleVersion: '1', files: [] },
        options,
      );
    expect(tracking(moved)).toBe(tracking(MODULE));
  });
});
