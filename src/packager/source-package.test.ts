import { execFileSync } from 'node:child_process';
import * as fs from 'node:fs/promises';
import * as path from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { sha256File } from '../core/hash.ts';
import { useScratch } from '../core/testing/scratch.ts';
import { compareVersions } from '../debian/version.ts';
import { formatBuildinfo } from './buildinfo.ts';
import { guardSource } from './guard.ts';
import { moduleSource, writeModuleSource } from './module-source.ts';
import { ownSourceRef, sourceVersion, writeOwnSource } from './source-package.ts';
import { MODULE, RECORD, SOURCE_PACKAGE } from './testing/inputs.ts';

const at = useScratch('source-package');
const PATCH = { name: 'a b.patch', path: '/nowhere', sha256: '1'.repeat(64), kernels: undefined };
const INPUTS = { module: MODULE, patches: [PATCH], maintainer: 'A <a@example.org>' };

beforeAll(async () => {
  const tree = at('layer/usr/src/demo-0.15.0');
  await fs.mkdir(path.join(tree, 'debian'), { recursive: true });
  await fs.writeFile(path.join(tree, 'dkms.conf'), 'PACKAGE_NAME=demo\n');
  await fs.writeFile(path.join(tree, 'debian/rules'), 'not ours\n');
  await fs.writeFile(path.join(tree, 'run.sh'), '#!/bin/sh\n', { mode: 0o755 });
  await fs.symlink('/etc/passwd', path.join(tree, 'link'));
  await fs.utimes(path.join(tree, 'dkms.conf'), 1_600_000_000, 1_600_000_000);
});

async function make(name: string): Promise<string> {
  return await writeModuleSource(at(name), INPUTS, {
    unpacked: at('layer'),
    folder: "demo's",
    copyright: Buffer.from('terms\n'),
    patches: [{ name: '1-a b.patch', content: Buffer.from('--- a\n+++ b\n') }],
    epoch: 1_600_000_000,
  });
}

function extract(dsc: string, tree: string): string {
  return execFileSync('dpkg-source', ['--extract', dsc, tree], {
    cwd: at(),
    encoding: 'utf8',
    stdio: 'pipe',
  });
}

describe('a source package that is made', () => {
  test('is taken by dpkg-source, with the tree as it is', async () => {
    const dsc = await make('one');
    expect(path.basename(dsc)).toBe(`demo-modules_0.15.0+2+s${/s(\w+)\.dsc/.exec(dsc)?.[1]}.dsc`);
    extract(dsc, at('tree'));
    const tree = at('tree/source/usr/src/demo-0.15.0');
    execFileSync('diff', ['-r', '--no-dereference', at('layer'), at('tree/source')]);
    expect(await fs.readlink(path.join(tree, 'link'))).toBe('/etc/passwd');
    expect((await fs.stat(path.join(tree, 'run.sh'))).mode & 0o111).toBe(0o111);
    expect((await fs.stat(path.join(tree, 'dkms.conf'))).mtimeMs).toBe(1_600_000_000_000);
    expect(await fs.readFile(at('tree/patches/series'), 'utf8')).toBe('1-a b.patch\n');
    const settings = '. "$0" && printf %s "$folder"';
    expect(
      execFileSync('sh', ['-c', settings, at('tree/recipe/settings')], { encoding: 'utf8' }),
    ).toBe("demo's");
    const changelog = ['-l', at('tree/debian/changelog'), '-S', 'Source'];
    expect(execFileSync('dpkg-parsechangelog', changelog, { encoding: 'utf8' })).toBe(
      'demo-modules\n',
    );
  });

  test('has the same bytes elsewhere, later, and whatever the umask', async () => {
    const first = await make('two');
    const before = process.umask(0o077);
    let second: string;
    try {
      await fs.chmod(at('layer/usr/src'), 0o700);
      await fs.utimes(at('layer/usr/src'), 1, 1);
      second = await make('three');
    } finally {
      process.umask(before);
    }
    for (const end of ['.dsc', '.tar.xz']) {
      const other = second.replace(/\.dsc$/, end);
      expect(await sha256File(first.replace(/\.dsc$/, end))).toBe(await sha256File(other));
    }
  });

  test('has another version with another content, and the same from wherever it was got', () => {
    const { version } = moduleSource(INPUTS);
    const source = { ...MODULE.source, sha256: 'f'.repeat(64) };
    const others = [
      moduleSource({ ...INPUTS, patches: [] }),
      moduleSource({ ...INPUTS, patches: [{ ...PATCH, sha256: '2'.repeat(64) }] }),
      moduleSource({ ...INPUTS, module: { ...MODULE, source } }),
      moduleSource({ ...INPUTS, module: { ...MODULE, version: '1:0.15.1-1' } }),
      moduleSource({ ...INPUTS, maintainer: 'B <b@example.org>' }),
    ].map((ref) => ref.version);
    expect(new Set([version, ...others]).size).toBe(others.length + 1);
    const moved = { ...MODULE, from: 'sid', source: { ...MODULE.source, uri: 'x' } };
    const patches = [{ ...PATCH, path: '/elsewhere', kernels: '>= 6' }];
    expect(moduleSource({ ...INPUTS, module: moved, patches }).version).toBe(version);
  });

  test('is native: its version has no revision, and rises with the module’s', () => {
    const versions = ['1.0~rc1-1', '1.0-1', '1.0-2', '1.0-2.1', '1.1-1', '1:0.9-1'];
    const made = versions.map((version) => sourceVersion(version, 'f'.repeat(64)));
    expect(made[1]).toBe('1.0+1+sffffffffffff');
    expect(made.toSorted(compareVersions)).toEqual(made);
    for (const version of made) {
      expect(version).not.toContain('-');
      execFileSync('dpkg', ['--validate-version', version]);
    }
  });

  test('of the guard has all of it', async () => {
    const source = guardSource();
    extract(await writeOwnSource(at('guard'), source, INPUTS.maintainer), at('guard-tree'));
    const guard = path.join(import.meta.dirname, '../../guard');
    const list = ['-r', '--exclude=debian', guard, at('guard-tree')];
    expect(execFileSync('diff', list, { encoding: 'utf8' })).toBe('');
    expect(ownSourceRef(source, INPUTS.maintainer).name).toBe('lockstep-guard');
  });
});

test('a .buildinfo says what deb-buildinfo(5) asks for', () => {
  const installed = (name: string, architecture: string) => ({
    name,
    version: '1-1',
    architecture,
  });
  const text = formatBuildinfo({
    record: {
      ...RECORD,
      dkms: { name: 'demo', version: '0.15.0' },
      beside: [installed('linux-headers-x', 'arm64')],
    },
    deb: {
      ...{ name: 'demo-modules-x', version: '2', architecture: 'arm64' },
      ...{ file: 'demo-modules-x_2_arm64.deb', sha256: 'e'.repeat(64), size: 7 },
    },
    source: SOURCE_PACKAGE,
    recipe: { name: 'lockstep-recipe', version: '1' },
    root: [installed('make', 'amd64'), installed('dpkg-dev', 'all')],
    origin: 'Test',
  });
  expect(text).toBe(`Format: 1.0
Source: demo-source (1:0.15.0-2)
Binary: demo-modules-x
Architecture: arm64
Version: 2
Checksums-Sha256:
 ${'e'.repeat(64)} 7 demo-modules-x_2_arm64.deb
Build-Origin: Test
Build-Architecture: amd64
Build-Path: /var/lib/dkms/demo/0.15.0/build
Installed-Build-Depends:
 dpkg-dev (= 1-1),
 linux-headers-x:arm64 (= 1-1),
 make (= 1-1)
Environment:
 HOME="/tmp"
 KBUILD_BUILD_HOST="lockstep"
 KBUILD_BUILD_TIMESTAMP="@1700000000"
 KBUILD_BUILD_USER="lockstep"
 LC_ALL="C.UTF-8"
 SOURCE_DATE_EPOCH="1700000000"
 TZ="UTC"
Lockstep-Build-Key: ${RECORD.key}
Lockstep-Recipe: lockstep-recipe (1)
`);
});
