import * as fs from 'node:fs/promises';
import * as os from 'node:os';
import * as path from 'node:path';
import * as fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { runProgram } from '../../src/programs/run.ts';
import { makeInitramfs, resolveModules } from './initramfs.ts';
import { bootKernel, parseConsole } from './qemu.ts';

const DEP = `kernel/drivers/media/v4l2-core/videodev.ko.xz: kernel/drivers/media/mc/mc.ko.xz
kernel/drivers/media/mc/mc.ko.xz:
kernel/sound/drivers/snd-dummy.ko.xz: kernel/sound/core/snd.ko.xz
kernel/sound/core/snd.ko.xz:
updates/v4l2loopback.ko: kernel/drivers/media/v4l2-core/videodev.ko.xz kernel/drivers/media/mc/mc.ko.xz
`;
const BUILTIN = 'kernel/fs/ext4/ext4.ko\n';

describe('modules', () => {
  test('come with what they need, once', () => {
    expect(resolveModules(['v4l2loopback', 'videodev'], DEP, BUILTIN)).toEqual([
      'kernel/drivers/media/mc/mc.ko.xz',
      'kernel/drivers/media/v4l2-core/videodev.ko.xz',
      'updates/v4l2loopback.ko',
    ]);
  });

  test('- and _ are one in their names', () => {
    const files = ['kernel/sound/core/snd.ko.xz', 'kernel/sound/drivers/snd-dummy.ko.xz'];
    expect(resolveModules(['snd_dummy'], DEP, BUILTIN)).toEqual(files);
    expect(resolveModules(['snd-dummy'], DEP, BUILTIN)).toEqual(files);
  });

  test('of the kernel itself need no file, unknown ones are an error', () => {
    expect(resolveModules(['ext4'], DEP, BUILTIN)).toEqual([]);
    expect(() => resolveModules(['nothing'], DEP, BUILTIN)).toThrow('nothing');
  });
});

describe("the script's output", () => {
  test('is found whatever it is and whatever is around it', () => {
    fc.assert(
      fc.property(
        fc.array(fc.string().filter((text) => !/[\r\n]/.test(text))),
        fc.nat(255),
        fc.string(),
        (lines, status, noise) => {
          const output = lines.map((line) => `${line}\n`).join('');
          const shown = `${noise}\nbegin 0123abcd\n${output}end 0123abcd ${status}\n${noise}`;
          expect(parseConsole(shown.replaceAll('\n', '\r\n'), '0123abcd')).toMatchObject({
            marker: true,
            output,
            exitCode: status,
          });
        },
      ),
    );
  });

  test.each([
    ['no marker', 'Kernel panic', ''],
    ['no end', 'begin ab\nhalf\nKernel panic', 'half\nKernel panic'],
    ["another boot's end", 'begin ab\nhalf\nend cd 0\n', 'half\nend cd 0\n'],
    ['an end cut short', 'begin ab\nhalf\nend ab 1', 'half\nend ab 1'],
  ])('%s is no success', (_name, text, output) => {
    expect(parseConsole(text, 'ab')).toEqual({ marker: false, output, exitCode: undefined });
  });
});

describe('a boot', () => {
  /** Stands in for qemu: dies without a word until its third start, then acts as a guest that ends with status 3. */
  const FAKE = `#!/bin/sh
for last; do :; done
printf '%s\\n' "$*" >>"\${0%/*}/log"
[ "$(wc -l <"\${0%/*}/log")" -gt 2 ] || exit 0
while [ "$1" != -initrd ]; do shift; done
token=$(cpio --quiet -i --to-stdout token <"$2")
printf 'noise\\r\\nbegin %s\\r\\nhello\\r\\nend %s 3\\r\\n' "$token" "$token"
`;
  let folder: string;
  let tree: string;
  const searched = process.env['PATH'] ?? '';

  beforeEach(async () => {
    folder = await fs.mkdtemp(path.join(os.tmpdir(), 'lockstep-qemu-'));
    tree = path.join(folder, '6.12.1-amd64');
    await fs.mkdir(path.join(tree, 'updates'), { recursive: true });
    await fs.writeFile(
      path.join(tree, 'modules.dep'),
      'updates/a.ko: updates/b.ko\nupdates/b.ko:\n',
    );
    for (const name of ['a', 'b', 'c']) {
      await fs.writeFile(path.join(tree, `updates/${name}.ko`), name);
    }
    await fs.writeFile(path.join(folder, 'qemu-system-x86_64'), FAKE, { mode: 0o755 });
    process.env['PATH'] = `${folder}:${searched}`;
  });

  afterEach(async () => {
    process.env['PATH'] = searched;
    await fs.rm(folder, { recursive: true });
  });

  test('without its end is tried again, and counted', async () => {
    const boot = { vmlinuz: 'vmlinuz', modulesTree: tree, modules: [], script: 'true' };
    expect(await bootKernel(boot)).toMatchObject({
      marker: true,
      output: 'hello\n',
      exitCode: 3,
      attempts: 3,
    });
    await fs.rm(path.join(folder, 'log'));
    expect(await bootKernel({ ...boot, attempts: 2 })).toMatchObject({
      marker: false,
      attempts: 2,
    });
  });

  test('takes the named modules, what they need, and the files', async () => {
    const packed = await makeInitramfs(folder, {
      modulesTree: tree,
      modules: ['a'],
      script: 'echo here',
      files: { 'root/deep/file': 'content' },
      token: '12',
    });
    const { stdout } = await runProgram('cpio', ['--quiet', '-t', '-F', packed]);
    const names = stdout.split('\n');
    expect(names.filter((name) => name.endsWith('.ko'))).toEqual([
      'lib/modules/6.12.1-amd64/updates/a.ko',
      'lib/modules/6.12.1-amd64/updates/b.ko',
    ]);
    expect(names).toEqual(
      expect.arrayContaining(['init', 'bin/busybox', 'sbin/modprobe', 'root/deep/file']),
    );
  });
});
