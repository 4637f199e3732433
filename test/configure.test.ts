import * as fs from 'node:fs/promises';
import * as http from 'node:http';
import * as path from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { parseConfig } from '../src/config/load.ts';
import { sha256 } from '../src/core/hash.ts';
import { machineSuite } from '../src/run/configure.ts';
import { commitAll, dkmsFiles, git, writeTree } from './support/module-sources.ts';
import { errorOf, type Scratch, scratch } from './support/program.ts';

let box: Scratch;
let repository: string;
const server = http.createServer((_request, response) => response.end('a tarball'));

const at = (...names: string[]): string => path.join(box.path, ...names);

const resultSchema = z.strictObject({
  ...{ file: z.string(), added: z.array(z.string()), present: z.array(z.string()) },
  ...{ notes: z.array(z.string()), text: z.string().optional() },
});

beforeAll(async () => {
  box = await scratch('configure');
  await writeTree(at('my-driver-1.2'), dkmsFiles('driver', '1.2'));
  await writeTree(at('plain_source'), { Makefile: 'obj-m += one.o two-b.o\none-objs := x.o\n' });
  await writeTree(at('nothing'), { README: 'x' });
  await fs.writeFile(at('nic-2.1.tar.xz'), 'a tarball');
  await writeTree(at('sensor'), dkmsFiles('sensor', '1'));
  await commitAll(at('sensor'), 'v1.9');
  await git(at('sensor'), 'tag', 'v1.10');
  await git(at('sensor'), 'tag', 'v1.11-rc1');
  await git(at('sensor'), 'tag', 'nightly');
  repository = pathToFileURL(at('sensor')).href;
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
});

afterAll(async () => {
  server.close();
  await box[Symbol.asyncDispose]();
});

async function modulesOf(file: string): Promise<unknown[]> {
  return parseConfig(await fs.readFile(file, 'utf8'), 'c.yaml').modules.map(
    (entry) => JSON.parse(JSON.stringify(entry)) as unknown,
  );
}

describe('init', () => {
  test('writes a configuration that is one, for every kind of module', async () => {
    const address = server.address();
    const port = typeof address === 'object' ? address?.port : 0;
    const url = `http://127.0.0.1:${port}/fetched-1.0.tar.gz`;
    const words = ['v4l2loopback', 'acpi-call-dkms', './my-driver-1.2', 'plain_source/'];
    const end = await box.run([
      ...['init', '-c', 'all.yaml', '--suite', 'trixie', '--json', ...words],
      ...['nic-2.1.tar.xz', url, 'git', repository],
    ]);
    expect(end, end.stderr).toMatchObject({ exitCode: 0, stderr: '' });
    expect(resultSchema.parse(JSON.parse(end.stdout))).toMatchObject({
      ...{ file: 'all.yaml', present: [] },
      added: ['v4l2loopback', 'acpi-call', 'my-driver', 'plain-source', 'nic', 'fetched', 'sensor'],
    });
    const hash = sha256('a tarball');
    const where = process.cwd();
    expect(await modulesOf(at('all.yaml'))).toEqual([
      { package: 'v4l2loopback-dkms' },
      { package: 'acpi-call-dkms' },
      { name: 'my-driver', directory: path.join(where, 'my-driver-1.2') },
      {
        ...{ name: 'plain-source', directory: path.join(where, 'plain_source') },
        built: [{ name: 'one' }, { name: 'two-b' }],
      },
      { name: 'nic', tarball: path.join(where, 'nic-2.1.tar.xz'), sha256: hash },
      { name: 'fetched', tarball: url, sha256: hash },
      { name: 'sensor', git: repository, tag: 'v1.10' },
    ]);
    expect(await fs.readdir(box.tmp)).toEqual([]);
  });

  test('overwrites nothing, and says what does instead', async () => {
    await fs.writeFile(at('there.yaml'), 'mine');
    const end = await box.run(['init', '-c', 'there.yaml', '--json', 'acpi-call']);
    expect(end.exitCode).toBe(2);
    expect(errorOf(end)).toMatchObject({
      ...{ code: 'USAGE', hint: 'lockstep add -c there.yaml acpi-call' },
    });
    expect(await fs.readFile(at('there.yaml'), 'utf8')).toBe('mine');
  });

  test('--dry-run writes nothing; without contrib only where that is known', async () => {
    const end = await box.run(['init', '--dry-run', '--json', '--suite', 'sid', 'no-such-module']);
    const { text = '' } = resultSchema.parse(JSON.parse(end.stdout));
    expect(parseConfig(text, 'c.yaml').archives).toMatchObject([
      { suites: ['sid'], components: ['main', 'contrib'] },
    ]);
    expect(await fs.readdir(box.path)).not.toContain('lockstep.yaml');
  });

  test.each<[string, string[]]>([
    ['no folder', ['./missing']],
    ['nothing to build', ['./nothing']],
    ['no name of a package', ['Not_A_Package']],
    ['no address', ['git', 'ext::sh']],
    ['no word after git', ['git']],
    ['one named twice', ['zfs', 'zfs-dkms']],
    ['a tarball that is not there', ['missing.tar.gz']],
  ])('refuses %s', async (_what, words) => {
    const end = await box.run(['init', '-c', 'refused.yaml', '--json', ...words]);
    expect(end.exitCode).toBe(2);
    expect(errorOf(end)).toMatchObject({ code: 'USAGE' });
    expect(await fs.readdir(box.path)).not.toContain('refused.yaml');
  });

  test('knows this machine’s suite, else trixie', async () => {
    await fs.writeFile(at('debian'), 'ID=debian\nVERSION_CODENAME=forky\n');
    await fs.writeFile(at('ubuntu'), 'ID=ubuntu\nVERSION_CODENAME=noble\n');
    expect(await machineSuite(at('debian'))).toBe('forky');
    expect(await machineSuite(at('ubuntu'))).toBe('trixie');
    expect(await machineSuite(at('none'))).toBe('trixie');
  });
});

describe('add', () => {
  test('adds to what is there, keeps its mode, and says what was there', async () => {
    const before =
      '# mine\nrepository: { origin: E, directory: r }\narchives: [{ suites: [trixie] }]\nmodules:\n  - package: zfs-dkms  # big\n';
    await fs.mkdir(at('sub'));
    await fs.writeFile(at('sub/c.yaml'), before, { mode: 0o640 });
    await fs.symlink('c.yaml', at('sub/link.yaml'));
    const words = ['zfs', 'acpi-call', './my-driver-1.2', `${repository}#v1.9`, 'nic-2.1.tar.xz'];
    const end = await box.run([
      'add',
      '-c',
      'sub/link.yaml',
      ...words.toSpliced(3, 1),
      'git',
      words[3] ?? '',
    ]);
    expect(end, end.stderr).toMatchObject({ exitCode: 0, stderr: '' });
    expect(end.stdout).toContain('added to sub/link.yaml: acpi-call, my-driver, nic, sensor\n');
    expect(end.stdout).toContain('sub/link.yaml has already: zfs\n');
    const after = await fs.readFile(at('sub/c.yaml'), 'utf8');
    expect(after.startsWith(before)).toBe(true);
    expect(after.slice(before.length)).toBe(
      `  - package: acpi-call-dkms\n  - { name: my-driver, directory: ../my-driver-1.2 }\n  - { name: nic, tarball: ../nic-2.1.tar.xz, sha256: ${sha256('a tarball')} }\n  - { name: sensor, git: ${repository}, tag: v1.9 }\n`,
    );
    expect((await fs.stat(at('sub/c.yaml'))).mode & 0o777).toBe(0o640);
    expect((await fs.lstat(at('sub/link.yaml'))).isSymbolicLink()).toBe(true);

    const dry = await box.run(['add', '-c', 'sub/c.yaml', '--dry-run', 'openvpn-dco']);
    expect(dry.stdout).toContain('  - package: openvpn-dco-dkms\n');
    expect(await fs.readFile(at('sub/c.yaml'), 'utf8')).toBe(after);
  });

  test('without a configuration says how to get one', async () => {
    const end = await box.run(['add', '-c', 'none.yaml', '--json', 'zfs']);
    expect(end.exitCode).toBe(2);
    expect(errorOf(end)).toMatchObject({
      code: 'CONFIG_MISSING',
      hint: 'lockstep init -c none.yaml zfs',
    });
  });
});
