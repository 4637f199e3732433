import * as fs from 'node:fs/promises';
import * as path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { runProgram } from '../src/programs/run.ts';
import { foreignKernel, V4L2LOOPBACK_SCRIPT } from './support/foreign-kernel.ts';
import { usualSuites } from './support/mirror.ts';
import { type Scratch, scratch } from './support/program.ts';
import { mustBoot } from './support/qemu.ts';
import { writeConfig } from './support/test-config.ts';
import { slow } from './support/tier.ts';

const MINUTES = 60_000;

/** What `readelf -h` says of the modules of an architecture: its own words, of binutils 2.40. */
const HEADERS: Readonly<Record<string, readonly [bits: string, order: string, machine: string]>> = {
  amd64: ['ELF64', "2's complement, little endian", 'Advanced Micro Devices X86-64'],
  arm64: ['ELF64', "2's complement, little endian", 'AArch64'],
  armel: ['ELF32', "2's complement, little endian", 'ARM'],
  armhf: ['ELF32', "2's complement, little endian", 'ARM'],
  i386: ['ELF32', "2's complement, little endian", 'Intel 80386'],
  loong64: ['ELF64', "2's complement, little endian", 'LoongArch'],
  mips64el: ['ELF64', "2's complement, little endian", 'MIPS R3000'],
  mipsel: ['ELF32', "2's complement, little endian", 'MIPS R3000'],
  ppc64el: ['ELF64', "2's complement, little endian", 'PowerPC64'],
  riscv64: ['ELF64', "2's complement, little endian", 'RISC-V'],
  s390x: ['ELF64', "2's complement, big endian", 'IBM S/390'],
};

/** The word that ends the vermagic of an architecture's modules, where Debian's kernels have one. */
const TAILS: Readonly<Record<string, RegExp>> = {
  amd64: /(?:mod_unload|modversions)$/,
  arm64: / aarch64$/,
  armel: / ARMv[56] p2v8$/,
  armhf: / ARMv7 p2v8$/,
  i386: / (?:686|GEODE)$/,
  loong64: / LOONGARCH 64BIT$/,
  mips64el: / (?:MIPS64_R2|LOONGSON64|OCTEON) 64BIT$/,
  mipsel: / (?:MIPS32_R2 32BIT|(?:LOONGSON64|OCTEON) 64BIT)$/,
  ppc64el: / (?:patchable-function-entry|mprofile-kernel) relocatable$/,
  riscv64: / riscv$/,
  s390x: /(?:mod_unload|modversions)$/,
};

const resultSchema = z.object({
  targets: z.array(
    z.object({
      release: z.string(),
      architecture: z.string(),
      suites: z.array(z.string()),
      verdict: z.string(),
      reason: z.string(),
    }),
  ),
});

type Target = z.infer<typeof resultSchema>['targets'][number];

/** A run of v4l2loopback for the newest kernels of some archives. */
async function runFor(
  box: Scratch,
  archives: readonly Record<string, unknown>[],
  kernels: Record<string, unknown>,
): Promise<Target[]> {
  const modules = ['v4l2loopback-dkms'];
  const config = await writeConfig(box.path, { archives, kernels, modules });
  const end = await box.run(['run', '-c', config, '--json']);
  expect(end.exitCode, end.stderr).toBeLessThanOrEqual(1);
  return resultSchema.parse(JSON.parse(end.stdout)).targets;
}

/** The published module of a target, unpacked from its package. @returns path of the `.ko` */
async function publishedModule(box: Scratch, { release, architecture }: Target): Promise<string> {
  const pool = path.join(box.path, 'repository/pool');
  const names = await fs.readdir(pool, { recursive: true });
  const [name, ...more] = names.filter(
    (file) =>
      file.includes(`/v4l2loopback-modules-${release}_`) && file.endsWith(`_${architecture}.deb`),
  );
  expect(more).toEqual([]);
  const folder = path.join(box.path, 'unpacked', `${release}-${architecture}`);
  await fs.mkdir(folder, { recursive: true });
  await runProgram('dpkg-deb', ['-x', path.join(pool, name ?? ''), folder]);
  const files = await fs.readdir(folder, { recursive: true });
  const file = path.join(folder, files.find((entry) => /\.ko(?:\.xz)?$/.test(entry)) ?? '');
  if (file.endsWith('.xz')) {
    await runProgram('xz', ['-d', file]);
  }
  return file.replace(/\.xz$/, '');
}

/** What readelf and modinfo say of a target's module. */
async function expectFit(box: Scratch, target: Target): Promise<void> {
  const file = await publishedModule(box, target);
  const { stdout: header } = await runProgram('readelf', ['-hSW', file], { env: { LC_ALL: 'C' } });
  const field = (name: string): string | undefined =>
    new RegExp(`^ *${name}: +(?<value>.*)$`, 'm').exec(header)?.groups?.['value'];
  const what = `${target.architecture} ${target.release}`;
  const [bits, order, machine] = HEADERS[target.architecture] ?? [];
  // mipsel's kernels for 64-bit processors have modules of their size.
  const wide = /loongson-3|octeon/.test(target.release) ? 'ELF64' : bits;
  expect([field('Class'), field('Data'), field('Machine')], what).toEqual([wide, order, machine]);
  expect(header).not.toContain('.debug_info');
  const { stdout: vermagic } = await runProgram('modinfo', ['-F', 'vermagic', file]);
  expect(vermagic.trim(), what).toMatch(TAILS[target.architecture] ?? /^$/);
  expect(vermagic.split(' ')[0]).toBe(target.release);
}

describe('arm64 kernels of trixie, on another machine', () => {
  let box: Scratch;
  let target: Target;

  beforeAll(async () => {
    box = await scratch('cross');
    const kernels = { architectures: ['arm64'], flavours: ['arm64'] };
    const [found, ...more] = await runFor(box, [{ suites: usualSuites('trixie') }], kernels);
    if (found === undefined || more.length > 0) {
      throw new Error('not one target');
    }
    target = found;
  }, 15 * MINUTES);

  afterAll(async () => {
    await box[Symbol.asyncDispose]();
  });

  test('have their modules, as readelf and modinfo see them', async () => {
    expect(target).toMatchObject({ architecture: 'arm64', verdict: 'published' });
    await expectFit(box, target);
  });

  test.runIf(slow)(
    'load them',
    async () => {
      const { release } = target;
      const file = await publishedModule(box, target);
      const kernel = await foreignKernel(
        path.join(box.path, 'kernel'),
        usualSuites('trixie'),
        'arm64',
        release,
        [file],
      );
      const output = await mustBoot({
        ...kernel,
        modules: ['v4l2loopback'],
        script: V4L2LOOPBACK_SCRIPT,
      });
      expect(output.split('\n')).toEqual(
        expect.arrayContaining([release, 'video', 'unloaded', 'clean']),
      );
    },
    15 * MINUTES,
  );
});

describe.runIf(slow)('every kernel of a suite on all its architectures', () => {
  test.each([
    [['sid'], ['arm64', 'armhf', 'loong64', 'ppc64el', 'riscv64', 's390x']],
    [
      // Its security suite has 6.12 as well, for which its v4l2loopback does not compile.
      ['bookworm'],
      ['arm64', 'armel', 'armhf', 'i386', 'mips64el', 'mipsel', 'ppc64el', 's390x'],
    ],
  ])(
    '%j',
    async (suites, architectures) => {
      await using box = await scratch('cross-all');
      const archive = { suites, checkValidUntil: false };
      const targets = await runFor(box, [archive], { architectures: 'all', flavours: 'all' });
      const built = targets.filter(({ verdict }) => verdict === 'published');
      const others = targets.filter(({ verdict }) => verdict !== 'published');
      // Cloud kernels have no video devices: the module says that it is not for them.
      expect(others.filter(({ verdict }) => verdict !== 'excluded')).toEqual([]);
      expect(new Set(built.map(({ architecture }) => architecture))).toEqual(
        new Set(['amd64', ...architectures]),
      );
      for (const target of built) {
        await expectFit(box, target);
      }
    },
    60 * MINUTES,
  );
});
