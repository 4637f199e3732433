import * as fs from 'node:fs/promises';
import { beforeAll, describe, expect, test } from 'vitest';
import { lockstepErrorOf } from '../core/testing/errors.ts';
import { useScratch } from '../core/testing/scratch.ts';
import type { DkmsConf } from '../model/modules.ts';
import { writeRecipeLayer } from '../programs/recipe.ts';
import { BUILD_USER, runsAsRoot } from '../programs/sandbox.ts';
import { addPrograms, makeTinyRoot } from '../programs/testing/tiny-root.ts';
import { type BuildRequest, buildModule, buildPathOf } from './build.ts';

const at = useScratch('build');
const RELEASE = '6.12.117+deb13-amd64';
const KERNEL = `/lib/modules/${RELEASE}/build`;
const FOREIGN = '/lib/modules/6.1.0-50-arm64/build';
let counter = 0;

const CONF: DkmsConf = {
  name: 'demo',
  version: '1.0',
  modules: [{ location: '', builtName: 'demo', installedName: 'demo', strip: false }],
  make: 'make all',
  patches: [],
  preBuild: undefined,
  postBuild: undefined,
  buildDepends: [],
  remakeInitrd: false,
  excluded: undefined,
};

beforeAll(async () => {
  await makeTinyRoot(at('root'));
  await addPrograms(at('root'), ['/bin/bash']);
  await fs.mkdir(at(`root${KERNEL}`), { recursive: true });
  const config = 'CONFIG_CC_VERSION_TEXT="x86_64-linux-gnu-gcc-14 (Debian 14.2.0-19) 14.2.0"\n';
  await fs.writeFile(at(`root${KERNEL}/.config`), config);
  // A make that does what the source's file `todo` says, and a strip and a compiler that leave a trace.
  const script = (name: string, text: string): Promise<void> =>
    fs.writeFile(at('root/usr/bin', name), `#!/bin/bash\n${text}\n`, { mode: 0o755 });
  await script('make', 'echo "make $*"; . ./todo');
  await script('strip', 'printf " stripped $1" >>"$2"');
  await script('x86_64-linux-gnu-gcc-14', ':');
  // A kernel that was built on its own architecture, and the tools that build for it here.
  await fs.mkdir(at(`root${FOREIGN}`), { recursive: true });
  const native = 'CONFIG_CC_VERSION_TEXT="gcc-12 (Debian 12.2.0-14) 12.2.0"\n';
  await fs.writeFile(at(`root${FOREIGN}/.config`), native);
  await script('gcc-12', ':');
  await script('aarch64-linux-gnu-gcc-12', ':');
  await script('aarch64-linux-gnu-strip', 'printf " cross-stripped" >>"$2"');
  await fs.mkdir(at('recipe'));
  await writeRecipeLayer(at('recipe'));
});

interface Wanted {
  conf?: Partial<DkmsConf>;
  files?: Record<string, string>;
  limits?: Partial<BuildRequest['limits']>;
  signal?: AbortSignal;
  /** More environment. */
  env?: Record<string, string>;
  cross?: BuildRequest['cross'];
}

/** Builds a source whose make does `todo`. */
async function build(todo: string, { conf, files, limits, signal, env, cross }: Wanted = {}) {
  counter += 1;
  const source = at(`source-${counter}`);
  const all = { todo, ...files };
  for (const [name, text] of Object.entries(all)) {
    await fs.mkdir(`${source}/${name}`.replace(/\/[^/]*$/, ''), { recursive: true });
    await fs.writeFile(`${source}/${name}`, text, { mode: name.endsWith('.sh') ? 0o755 : 0o644 });
  }
  if (runsAsRoot()) {
    for (const name of ['', ...(await fs.readdir(source, { recursive: true }))]) {
      await fs.chown(`${source}/${name}`, BUILD_USER, BUILD_USER);
    }
  }
  const log = at(`log-${counter}`);
  const result = await buildModule({
    folder: at(`box-${counter}`),
    layers: [at('recipe'), at('root')],
    source,
    conf: { ...CONF, ...conf },
    env: {
      PATH: '/usr/local/bin:/usr/bin:/bin',
      kernelver: RELEASE,
      kernel_source_dir: KERNEL,
      arch: 'x86_64',
      module: 'demo',
      module_version: '1.0',
      ...env,
    },
    cross,
    sourceDateEpoch: 1_700_000_000,
    patches: [],
    jobs: 3,
    limits: { seconds: 20, outputBytes: 100_000, fileBytes: 1_000_000, processes: 200, ...limits },
    log,
    signal,
  });
  return { result, log: await fs.readFile(log, 'utf8') };
}

function contentOf(result: Awaited<ReturnType<typeof build>>['result']): Record<string, string> {
  const files = result.outcome === 'built' ? result.files : [];
  return Object.fromEntries(files.map(({ name, content }) => [name, content.toString()]));
}

describe('a build', () => {
  test('gives its modules, with the environment that makes them reproducible', async () => {
    const todo =
      'echo "$PWD $CC $KBUILD_BUILD_USER@$KBUILD_BUILD_HOST $KBUILD_BUILD_TIMESTAMP $SOURCE_DATE_EPOCH $(uname -r)" >demo.ko';
    const { result, log } = await build(todo);
    expect(contentOf(result)).toEqual({
      'demo.ko': `${buildPathOf(CONF)} x86_64-linux-gnu-gcc-14 lockstep@lockstep @1700000000 1700000000 ${RELEASE}\n`,
    });
    expect(log).toContain(`make -j3 KERNELRELEASE=${RELEASE} all`);
  });

  test('takes modules from their places, renames and strips them', async () => {
    const { result } = await build(
      'mkdir -p a/b; printf one >a/b/x.ko; printf two >y.ko; printf three >z.ko',
      {
        conf: {
          modules: [
            { location: 'a/b', builtName: 'x', installedName: 'first', strip: true },
            { location: '', builtName: 'y', installedName: 'y', strip: false },
          ],
        },
      },
    );
    expect(contentOf(result)).toEqual({ 'first.ko': 'one stripped -g', 'y.ko': 'two' });
  });

  describe('for another architecture', () => {
    const cross = { builder: 'amd64', architecture: 'arm64' };
    const conf = { modules: [{ location: '', builtName: 'x', installedName: 'x', strip: true }] };
    const env = { kernel_source_dir: FOREIGN, CROSS_COMPILE: 'aarch64-linux-gnu-' };

    test('takes the cross compiler of the kernel’s version, and strips with its strip', async () => {
      const { result } = await build('printf "$CC $KERNEL_CC" >x.ko', { conf, env, cross });
      const compiler = 'aarch64-linux-gnu-gcc-12';
      expect(contentOf(result)).toEqual({ 'x.ko': `${compiler} ${compiler} cross-stripped` });
    });

    test('never takes this machine’s own compiler instead', async () => {
      const other = { ...env, CROSS_COMPILE: 'i686-linux-gnu-' };
      const { result } = await build('printf "$CC" >x.ko', { conf, env: other, cross });
      expect(result).toEqual({
        outcome: 'failed',
        reason: 'the build root has no cross compiler i686-linux-gnu-gcc-12',
      });
    });

    test('says so when it runs a program that it has built', async () => {
      // An ELF header for AArch64 and nothing else.
      const todo =
        'printf "\\177ELF\\2\\1\\1\\0\\0\\0\\0\\0\\0\\0\\0\\0\\2\\0\\267\\0" >gen; chmod +x gen; ./gen >x.ko || exit 2';
      const { result } = await build(todo, { conf, env, cross });
      expect(result).toEqual({
        outcome: 'failed',
        reason: "a program built for arm64 can't run on this amd64 machine: ./gen",
      });
    });
  });

  test('runs the scripts of the source, with arguments', async () => {
    const { result, log } = await build('cp made demo.ko', {
      conf: { preBuild: 'pre.sh two words', postBuild: 'post.sh' },
      files: { 'pre.sh': '#!/bin/sh\nprintf "$2 $1" >made\n', 'post.sh': '#!/bin/sh\necho post\n' },
    });
    expect(contentOf(result)).toEqual({ 'demo.ko': 'words two' });
    expect(log).toContain('\npost\n');
    const warned = await build('echo x >demo.ko', {
      conf: { preBuild: 'pre.txt' },
      files: { 'pre.txt': 'exit 1' },
    });
    expect(warned.result.outcome).toBe('built');
    expect(warned.log).toContain('pre.txt is not executable');
  });

  test('has its modules where DKMS keeps them when the script after the build runs', async () => {
    const kept = `/var/lib/dkms/demo/1.0/${RELEASE}/x86_64`;
    const { result, log } = await build('echo built >demo.ko; echo crc >Module.symvers', {
      conf: { postBuild: 'post.sh' },
      files: {
        'post.sh': `#!/bin/bash\nset -e\ncp Module.symvers ${kept}/\ncat ${kept}/module/demo.ko ${kept}/module/Module.symvers\nls ${kept}\n`,
      },
    });
    expect(contentOf(result), log).toEqual({ 'demo.ko': 'built\n' });
    expect(log).toContain('\nbuilt\ncrc\nModule.symvers\nlog\nmodule\n');
  });

  test('applies patches in their order', async () => {
    const patch = (from: string, to: string): string =>
      `--- a/text\n+++ b/text\n@@ -1 +1 @@\n-${from}\n+${to}\n`;
    const files = {
      text: 'one\n',
      'patches/1.patch': patch('one', 'two'),
      'patches/sub/2.patch': patch('two', 'three'),
    };
    const good = await build('cp text demo.ko', {
      conf: { patches: ['1.patch', 'sub/2.patch'] },
      files,
    });
    expect(contentOf(good.result)).toEqual({ 'demo.ko': 'three\n' });
    const missing = await build('', { conf: { patches: ['3.patch'] }, files });
    expect(missing.result).toEqual({
      outcome: 'failed',
      reason: 'the patch 3.patch of the dkms.conf is not in patches/',
    });
    const bad = await build('', { conf: { patches: ['sub/2.patch'] }, files });
    expect(bad.result).toMatchObject({ outcome: 'failed' });
  });

  test.each<[string, string, Wanted, RegExp | string]>([
    [
      'does not compile',
      'echo "demo.c:3:1: error: no such thing" >&2; exit 2',
      {},
      'demo.c:3:1: error: no such thing',
    ],
    ['fails without a word', 'exit 2', {}, 'the module does not compile'],
    ['makes no module', 'true', {}, './demo.ko is missing after the build'],
    ['leaves a link', 'ln -s /etc/passwd demo.ko', {}, './demo.ko is missing after the build'],
    ['leaves a folder', 'mkdir demo.ko', {}, './demo.ko is missing after the build'],
    [
      'has a script that fails',
      'echo x >demo.ko',
      { conf: { preBuild: 'pre.sh' }, files: { 'pre.sh': '#!/bin/sh\nexit 1\n' } },
      'the PRE_BUILD script failed',
    ],
    ['hangs', 'sleep 600', { limits: { seconds: 1 } }, 'not built after 1 s'],
    [
      'floods',
      'yes',
      { limits: { outputBytes: 10_000 } },
      'the build prints more than 10000 bytes',
    ],
    [
      'puts a link where its module is kept',
      'echo x >demo.ko; ln -s /etc/passwd /out/demo.ko',
      {},
      "./demo.ko can't be kept",
    ],
    [
      'swaps its module for a link at the very end',
      'echo x >demo.ko',
      {
        conf: { postBuild: 'post.sh' },
        files: { 'post.sh': '#!/bin/sh\nln -sf /etc/passwd /out/demo.ko\n' },
      },
      'demo.ko is not a plain file of at most 512 MiB',
    ],
  ])('that %s has failed, with the reason', async (_name, todo, wanted, reason) => {
    const { result } = await build(todo, wanted);
    expect(result.outcome).toBe('failed');
    expect(result.outcome === 'failed' ? result.reason : '').toMatch(reason);
  });

  test('does not write to the source', async () => {
    await build('echo changed >todo; echo x >demo.ko');
    expect(await fs.readFile(at(`source-${counter}/todo`), 'utf8')).toContain('echo changed');
    expect(await fs.readdir(at(`source-${counter}`))).toEqual(['todo']);
  });

  test('is interrupted', async () => {
    const controller = new AbortController();
    const running = lockstepErrorOf(() => build('sleep 600', { signal: controller.signal }));
    setTimeout(() => controller.abort(), 300);
    expect(await running).toMatchObject({ code: 'INTERRUPTED', exitCode: 130 });
  });
});
