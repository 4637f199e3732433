import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:http';
import * as fs from 'node:fs/promises';
import * as os from 'node:os';
import * as path from 'node:path';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { buildDeb, unpackDeb } from '../src/programs/dpkg-deb.ts';
import { runProgram } from '../src/programs/run.ts';
import { testCache } from './support/cache.ts';
import { clientRoot } from './support/client-root.ts';
import { resolveModules } from './support/initramfs.ts';
import { type BootOptions, bootKernel, mustBoot } from './support/qemu.ts';
import { slow } from './support/tier.ts';

const CLIENT_ROOT = path.join(import.meta.dirname, 'support/client-root.ts');

let folder: string;

beforeAll(async () => {
  folder = await fs.mkdtemp(path.join(os.tmpdir(), 'lockstep-harness-'));
});

afterAll(async () => {
  await fs.rm(folder, { recursive: true });
});

/** A flat repository with one package, `greeting` 1.0, that brings a file with the given text. */
async function repository(text: string): Promise<string> {
  const at = await fs.mkdtemp(path.join(folder, 'repository-'));
  const tree = path.join(folder, `tree-${path.basename(at)}`);
  await fs.mkdir(path.join(tree, 'DEBIAN'), { recursive: true });
  await fs.writeFile(path.join(tree, 'greeting'), text);
  await fs.writeFile(
    path.join(tree, 'DEBIAN/control'),
    'Package: greeting\nVersion: 1.0\nArchitecture: all\nMaintainer: A <a@b.invalid>\nDescription: x\n',
  );
  await buildDeb(tree, path.join(at, 'greeting_1.0_all.deb'), 0);
  const { stdout } = await runProgram('apt-ftparchive', ['packages', '.'], { cwd: at });
  await fs.writeFile(path.join(at, 'Packages'), stdout);
  return at;
}

async function serve(directory: string): Promise<AsyncDisposable & { url: string }> {
  const server = createServer((request, response) => {
    fs.readFile(path.join(directory, path.basename(request.url ?? ''))).then(
      (content) => response.end(content),
      () => response.writeHead(404).end(),
    );
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  const address = server.address();
  return {
    url: `http://127.0.0.1:${typeof address === 'object' ? (address?.port ?? 0) : 0}/`,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => {
        server.close(resolve);
      });
    },
  };
}

async function installGreeting(text: string): Promise<string> {
  await using server = await serve(await repository(text));
  await using root = await clientRoot('trixie');
  await root.writeFile(
    '/etc/apt/sources.list.d/test.sources',
    `Types: deb\nURIs: ${server.url}\nSuites: ./\nTrusted: yes\n`,
  );
  await root.must(['apt-get', 'update']);
  await root.must(['apt-get', 'install', '-y', 'greeting']);
  return await root.readFile('/greeting');
}

describe.runIf(slow)('a client root', () => {
  test.each(['bookworm', 'trixie', 'sid'])('of %s installs from the archive', async (codename) => {
    await using root = await clientRoot(codename);
    expect(await root.readFile('/etc/os-release')).toMatch(
      new RegExp(`^PRETTY_NAME=.*\\b${codename}\\b`, 'm'),
    );
    await root.must(['apt-get', 'update']);
    await root.must(['apt-get', 'install', '-y', 'hello']);
    expect(await root.must(['hello', '-g', 'x'])).toBe('x\n');
    await using second = await clientRoot(codename);
    expect((await second.run(['hello'])).exitCode).toBe(127);
    expect(await second.must(['apt-get', 'install', '-y', 'hello'])).toMatch(/Need to get 0 B\//);
  });

  test('installs from a repository on this machine, and no package of that meets another root', async () => {
    expect(await installGreeting('first!')).toBe('first!');
    expect(await installGreeting('other!')).toBe('other!');
  });

  test('is gone when it is disposed of, with what runs in it', async () => {
    let tree: string;
    {
      await using root = await clientRoot('trixie');
      tree = root.path;
      expect(await fs.readdir(tree)).toContain('etc');
      const status = await root.run(['sh', '-c', 'sleep 1234567 & exit 5']);
      expect(status).toEqual({ exitCode: 5, stdout: '', stderr: '' });
      await expect(root.run(['sleep', '1234567'], { timeout: 1 })).rejects.toThrow('time-out');
    }
    await expect(fs.readdir(tree)).rejects.toThrow('ENOENT');
    const { stdout } = await runProgram('ps', ['-eo', 'args']);
    expect(stdout).not.toContain('sleep 1234567');
    expect(await fs.readFile('/proc/mounts', 'utf8')).not.toContain('lockstep-test');
  });

  test('ends with the process that made it, also when that is killed', async () => {
    const code = `const { clientRoot } = await import(${JSON.stringify(CLIENT_ROOT)});
const root = await clientRoot('trixie');
console.log(root.path);
await root.run(['sleep', '7654321']);`;
    const child = spawn(process.execPath, ['--input-type=module', '-e', code], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    await once(child.stdout, 'data');
    const sleeps = async () =>
      (await runProgram('ps', ['-eo', 'args'])).stdout.match(/^sleep 7654321$/m);
    await vi.waitFor(async () => expect(await sleeps()).not.toBeNull(), 10_000);
    child.kill('SIGKILL');
    await vi.waitFor(async () => expect(await sleeps()).toBeNull(), 10_000);
    const { running } = await testCache();
    const left = async () =>
      (await fs.readdir(running)).filter((name) => name.startsWith(`${child.pid}-`));
    expect(await left()).toHaveLength(1);
    await using _root = await clientRoot('trixie');
    expect(await left()).toEqual([]);
  });

  test("keeps to itself: no link leads a write to this machine's files", async () => {
    await using root = await clientRoot('trixie');
    const outside = path.join(folder, 'outside');
    await root.must(['ln', '-s', outside, '/link']);
    await root.writeFile('/link/file', 'inside').catch(() => undefined);
    await root.must(['mkdir', '-p', outside]);
    await root.writeFile('/link/file', 'inside');
    expect(await root.readFile(`${outside}/file`)).toBe('inside');
    await expect(fs.stat(outside)).rejects.toThrow('ENOENT');
    expect(
      (await root.run(['sh', '-c', 'cat /proc/sys/vm/swappiness >/proc/sys/vm/swappiness']))
        .exitCode,
    ).not.toBe(0);
  });
});

describe.runIf(slow)("Debian's newest kernel of trixie", () => {
  let release: string;
  let boot: Pick<BootOptions, 'vmlinuz' | 'modulesTree'>;
  let module: string;

  beforeAll(async () => {
    await using root = await clientRoot('trixie');
    const depends = await root.must(['apt-cache', 'depends', 'linux-image-amd64']);
    release = /Depends: linux-image-(?<release>\S+)/.exec(depends)?.groups?.['release'] ?? '';
    const [deb = ''] = await root.download([`linux-image-${release}`]);
    await unpackDeb(deb, path.join(folder, 'kernel'));
    await runProgram('depmod', ['-b', path.join(folder, 'kernel/usr'), release]);
    boot = {
      vmlinuz: path.join(folder, 'kernel/boot', `vmlinuz-${release}`),
      modulesTree: path.join(folder, 'kernel/usr/lib/modules', release),
    };
    module = path.join(boot.modulesTree, 'kernel/drivers/net/dummy.ko.xz');
  }, 600_000);

  test('loads and unloads a module, and refuses what is none', async () => {
    const whole = (await runProgram('sh', ['-c', 'xz -dc "$1" | base64', 'sh', module])).stdout;
    const bogus = Buffer.from(whole, 'base64').subarray(0, 4000);
    const output = await mustBoot({
      ...boot,
      modules: ['dummy'],
      files: { 'bogus.ko': bogus },
      script: `uname -r
modprobe --version | head -n 1 | cut -d ' ' -f 1
[ -e /sys/module/dummy ] || echo absent
modprobe dummy && ls -d /sys/module/dummy
rmmod dummy && [ ! -e /sys/module/dummy ] && echo unloaded
modprobe tun || echo not taken along
insmod /bogus.ko || echo refused`,
    });
    const complaint = /^(?:modprobe|insmod): /;
    expect(output.split('\n').filter((line) => !complaint.test(line))).toEqual([
      release,
      'kmod',
      'absent',
      '/sys/module/dummy',
      'unloaded',
      'not taken along',
      'refused',
      '',
    ]);
  });

  test('a panic and a hang are told from an end', async () => {
    const crash = { ...boot, modules: [], script: 'echo here; echo c >/proc/sysrq-trigger' };
    const crashed = await bootKernel({ ...crash, attempts: 2 });
    expect(crashed).toMatchObject({ marker: false, attempts: 2, exitCode: undefined });
    expect(crashed.output).toMatch(/^here\n/);
    await expect(mustBoot({ ...crash, attempts: 1 })).rejects.toThrow('Kernel panic');
    const hang = { ...boot, modules: [], script: 'echo here; sleep 1000' };
    expect(await bootKernel({ ...hang, attempts: 1, timeoutSeconds: 15 })).toMatchObject({
      marker: false,
      output: 'here\n',
    });
  });

  test('a script that fails is not tried again', async () => {
    const fails = { ...boot, modules: [], script: 'echo here; exit 9' };
    expect(await bootKernel(fails)).toMatchObject({
      marker: true,
      attempts: 1,
      exitCode: 9,
      output: 'here\n',
    });
    await expect(mustBoot(fails)).rejects.toThrow('status 9');
  });

  test('modules are resolved as modprobe does it', async () => {
    const dep = await fs.readFile(path.join(boot.modulesTree, 'modules.dep'), 'utf8');
    const { stdout } = await runProgram('modprobe', [
      ...[
        '-d',
        path.join(folder, 'kernel/usr'),
        '-S',
        release,
        '--show-depends',
        '--ignore-install',
      ],
      'snd-usb-audio',
    ]);
    const shown = stdout.matchAll(/^insmod .*\/modules\/[^/]+\/(?<file>\S+)/gm);
    const files = [...shown].flatMap((match) => match.groups?.['file'] ?? []);
    expect(files.length).toBeGreaterThan(5);
    expect(resolveModules(['snd-usb-audio'], dep, '')).toEqual(files.toSorted());
  });
});
