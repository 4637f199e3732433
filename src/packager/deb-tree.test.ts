import { execFile, execFileSync } from 'node:child_process';
import * as fs from 'node:fs/promises';
import * as path from 'node:path';
import { promisify } from 'node:util';
import { beforeAll, describe, expect, test } from 'vitest';
import { sha256File } from '../core/hash.ts';
import { useScratch } from '../core/testing/scratch.ts';
import { type DebContent, debFileName, writeDeb } from './deb-tree.ts';
import { CONTENT } from './testing/content.ts';

const at = useScratch('deb-tree');
const run = promisify(execFile);

function ask(program: string, ...args: string[]): string {
  return execFileSync(program, args, {
    encoding: 'utf8',
    env: { PATH: '/usr/bin:/bin', TZ: 'UTC' },
  });
}

describe('a package', () => {
  let deb: string;
  beforeAll(async () => {
    deb = await writeDeb(at('one'), CONTENT);
  });

  test('has its name without the epoch, and nothing beside it', async () => {
    expect(path.basename(deb)).toBe('demo-modules-6.12.117+deb13-amd64_1.0-1+6.12.117+1_amd64.deb');
    expect(debFileName(CONTENT)).toBe(path.basename(deb));
    expect(await fs.readdir(at('one'))).toEqual([path.basename(deb)]);
    expect((await fs.readdir(at())).filter((name) => name.startsWith('.tmp'))).toEqual([]);
  });

  test('says what it should to dpkg', () => {
    for (const [name, value] of CONTENT.control) {
      expect(ask('dpkg-deb', '-f', deb, name).trimEnd()).toBe(value ?? '');
    }
    expect(ask('dpkg-deb', '-f', deb, 'Installed-Size')).toBe('3\n');
  });

  test('has files of root, with modes and times that do not depend on who made it', () => {
    const lines = ask('dpkg-deb', '-c', deb).trim().split('\n');
    for (const line of lines) {
      const [mode, owner, , date, time, name = ''] = line.split(/\s+/);
      expect(owner).toBe('root/root');
      expect(mode).toBe(name.endsWith('/') ? 'drwxr-xr-x' : '-rw-r--r--');
      expect(`${date} ${time}`).toBe('2023-11-14 22:13');
    }
    expect(
      lines.map((line) => line.split(/\s+/)[5]).filter((name) => !name?.endsWith('/')),
    ).toEqual(['./lib/modules/6.12/updates/demo.ko.xz', './usr/share/doc/demo/copyright']);
  });

  test('has sums that md5sum agrees with, and its scripts', async () => {
    await fs.mkdir(at('raw'));
    ask('dpkg-deb', '-R', deb, at('raw'));
    const checked = execFileSync('md5sum', ['--check', '--strict', 'DEBIAN/md5sums'], {
      cwd: at('raw'),
      encoding: 'utf8',
    });
    expect(checked.trim().split('\n')).toHaveLength(2);
    expect((await fs.stat(at('raw/DEBIAN/postinst'))).mode & 0o777).toBe(0o755);
    expect(await fs.readFile(at('raw/DEBIAN/postinst'), 'utf8')).toBe('#!/bin/sh\nset -e\n');
    expect(await fs.readFile(at('raw/lib/modules/6.12/updates/demo.ko.xz'))).toEqual(
      Buffer.alloc(3000, 7),
    );
  });

  test('has the same bytes elsewhere, later, and whatever the umask', async () => {
    const hash = await sha256File(deb);
    for (const umask of ['077', '000', '027']) {
      const folder = at(`umask/${umask}`);
      const child = path.join(import.meta.dirname, 'testing/write-child.ts');
      await run(process.execPath, [child, folder, umask]);
      expect(await sha256File(path.join(folder, path.basename(deb)))).toBe(hash);
      expect(ask('stat', '-c', '%a', path.join(folder, path.basename(deb))).trim()).toMatch(/^6/);
    }
    const other = await writeDeb(at('two'), { ...CONTENT, files: CONTENT.files.toReversed() });
    expect(await sha256File(other)).toBe(hash);
  });

  test('has other bytes when anything in it is other', async () => {
    const hash = await sha256File(deb);
    const others: Partial<DebContent>[] = [
      { epoch: CONTENT.epoch + 60 },
      { scripts: {} },
      { files: CONTENT.files.slice(1) },
      { control: [...CONTENT.control, ['Section', 'kernel']] },
    ];
    for (const [index, other] of others.entries()) {
      const made = await writeDeb(at(`other-${index}`), { ...CONTENT, ...other });
      expect(await sha256File(made)).not.toBe(hash);
    }
  });

  test('that is there already is taken as it is', async () => {
    const before = await fs.stat(deb);
    expect(await writeDeb(at('one'), CONTENT)).toBe(deb);
    expect((await fs.stat(deb)).ino).toBe(before.ino);
  });
});

test('a package that cannot be built leaves nothing', async () => {
  const bad = {
    ...CONTENT,
    control: [...CONTENT.control.slice(0, 1), ['Version', 'not a version']],
  };
  const control = bad.control.map(([name, value]): [string, string | undefined] => [
    name ?? '',
    value,
  ]);
  await expect(
    writeDeb(at('bad'), { ...CONTENT, control: [...control, ['Architecture', 'amd64']] }),
  ).rejects.toThrow('dpkg-deb ended with status 2');
  expect(
    (await fs.readdir(at())).filter((name) => name === 'bad' || name.startsWith('.tmp')),
  ).toEqual([]);
});
