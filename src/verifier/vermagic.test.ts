import { describe, expect, it } from 'vitest';
import { machineOf, parseKernelConfig } from './kernel-config.ts';
import { expectedVermagic, formatVermagic, vermagicFits } from './vermagic.ts';

function configOf(...options: string[]): ReturnType<typeof parseKernelConfig> {
  return parseKernelConfig(options.map((option) => `CONFIG_${option}=y\n`).join(''));
}

const COMMON = ['SMP', 'MODULE_UNLOAD'];
const VERSIONED = [...COMMON, 'MODVERSIONS'];

// What modules of Debian's kernels have, with the options of a .config that decide on it.
const MEASURED: [vermagic: string, options: string[]][] = [
  [
    '6.12.117+deb13-amd64 SMP preempt mod_unload modversions ',
    [...VERSIONED, '64BIT', 'X86_64', 'PREEMPT_BUILD', 'RELOCATABLE'],
  ],
  [
    '6.12.117+deb13-rt-amd64 SMP preempt mod_unload modversions ',
    [...VERSIONED, '64BIT', 'X86_64', 'PREEMPT_BUILD', 'PREEMPT_RT'],
  ],
  [
    '7.2.12+deb14-rt-amd64 SMP preempt_rt mod_unload ',
    [...COMMON, '64BIT', 'X86_64', 'PREEMPT_BUILD', 'PREEMPT', 'PREEMPT_RT'],
  ],
  [
    '6.1.0-50-686-pae SMP preempt mod_unload modversions 686 ',
    [...VERSIONED, 'X86_32', 'M686', 'PREEMPT_BUILD'],
  ],
  [
    '6.1.0-50-armmp SMP mod_unload modversions ARMv7 p2v8 ',
    [...VERSIONED, 'ARM', 'CPU_32v6K', 'CPU_32v7', 'ARM_PATCH_PHYS_VIRT'],
  ],
  [
    '6.1.0-50-powerpc64le SMP mod_unload modversions mprofile-kernel relocatable ',
    [...VERSIONED, '64BIT', 'PPC', 'PPC64', 'CPU_LITTLE_ENDIAN', 'MPROFILE_KERNEL', 'RELOCATABLE'],
  ],
  [
    '7.2.13+deb14-powerpc64le SMP preempt mod_unload patchable-function-entry relocatable ',
    [
      ...[...COMMON, '64BIT', 'PPC', 'PPC64', 'CPU_LITTLE_ENDIAN', 'PREEMPT_BUILD'],
      ...['ARCH_USING_PATCHABLE_FUNCTION_ENTRY', 'MPROFILE_KERNEL', 'RELOCATABLE'],
    ],
  ],
  [
    '7.2.13+deb14-s390x SMP preempt mod_unload ',
    [...COMMON, '64BIT', 'S390', 'PREEMPT_BUILD', 'RELOCATABLE'],
  ],
  [
    '7.2.13+deb14-arm64 SMP preempt mod_unload aarch64',
    [...COMMON, '64BIT', 'ARM64', 'PREEMPT_BUILD'],
  ],
  [
    '7.2.13+deb14-riscv64 SMP preempt mod_unload riscv',
    [...COMMON, '64BIT', 'RISCV', 'PREEMPT_BUILD'],
  ],
  [
    '7.2.13+deb14-loong64 SMP preempt mod_unload LOONGARCH 64BIT ',
    [...COMMON, '64BIT', 'LOONGARCH', 'PREEMPT_BUILD'],
  ],
  [
    '6.1.0-50-5kc-malta SMP mod_unload modversions MIPS64_R2 64BIT ',
    [...VERSIONED, '64BIT', 'MIPS', 'CPU_MIPS64_R2'],
  ],
  [
    '6.1.0-50-4kc-malta SMP mod_unload modversions MIPS32_R2 32BIT ',
    [...VERSIONED, '32BIT', 'MIPS', 'CPU_MIPS32_R2'],
  ],
];

describe('expectedVermagic', () => {
  it.each(MEASURED)('%s', (vermagic, options) => {
    const release = vermagic.slice(0, vermagic.indexOf(' '));
    const expected = expectedVermagic(release, configOf(...options));
    const word = / preempt_rt /.test(vermagic) ? 'preempt_rt' : 'preempt';
    expect(formatVermagic(expected).replace('preempt|preempt_rt', word)).toBe(vermagic.trim());
    expect(vermagicFits(vermagic, expected)).toBe(true);
  });

  it.each([
    ['SMP preempt mod_unload ', ['PREEMPT']],
    ['SMP preempt_rt mod_unload ', ['PREEMPT_RT']],
    ['SMP mod_unload ', []],
  ])('before PREEMPT_BUILD: %s', (flags, options) => {
    const expected = expectedVermagic('5.10.0-46-amd64', configOf(...COMMON, 'X86_64', ...options));
    expect(formatVermagic(expected)).toBe(`5.10.0-46-amd64 ${flags}`.trim());
  });

  it('knows the mark that 32-bit ARM had before 5.11', () => {
    const config = configOf(...VERSIONED, 'ARM', 'CPU_32v7', 'ARM_PATCH_PHYS_VIRT');
    expect(expectedVermagic('5.9.0-1-armmp', config).tail).toEqual(['ARMv7', 'p2v']);
    // Debian's 5.10.0-32-armmp.
    const stable = expectedVermagic('5.10.0-32-armmp', config);
    const measured = '5.10.0-32-armmp SMP mod_unload modversions ARMv7 p2v8 ';
    expect(vermagicFits(measured, stable)).toBe(true);
    expect(vermagicFits(measured.replace('p2v8', 'p2v'), stable)).toBe(true);
    expect(vermagicFits(measured.replace('p2v8', 'p2v9'), stable)).toBe(false);
  });
});

describe('vermagicFits', () => {
  it('takes either word of a kernel that is preemptible and real-time, and else only the one', () => {
    const fits = (word: string, ...options: string[]): boolean =>
      vermagicFits(
        `7.2 SMP ${word}`,
        expectedVermagic('7.2', configOf('SMP', 'X86_64', ...options)),
      );
    expect(fits('preempt', 'PREEMPT_BUILD', 'PREEMPT_RT')).toBe(true);
    expect(fits('preempt_rt', 'PREEMPT_BUILD', 'PREEMPT_RT')).toBe(true);
    expect(fits('preempt_rt', 'PREEMPT_BUILD')).toBe(false);
    expect(fits('preempt', 'PREEMPT_RT')).toBe(false);
    expect(fits('', 'PREEMPT_BUILD', 'PREEMPT_RT')).toBe(false);
  });

  const expected = expectedVermagic('6.12.117+deb13-amd64', configOf(...VERSIONED, 'X86_64'));

  it.each([
    '6.12.116+deb13-amd64 SMP mod_unload modversions ',
    '6.12.117+deb13-amd64 SMP preempt mod_unload modversions ',
    '6.12.117+deb13-amd64 SMP mod_unload ',
    '6.12.117+deb13-amd64 mod_unload modversions ',
    '6.12.117+deb13-amd64 SMP modversions mod_unload ',
    '6.12.117+deb13-amd64 SMP mod_unload modversions aarch64',
    '6.12.117+deb13-amd64 SMP mod_unload modversions RANDSTRUCT_0123456789abcdef',
    '6.12.117+deb13-amd64',
    '',
  ])('refuses %j', (vermagic) => {
    expect(vermagicFits(vermagic, expected)).toBe(false);
  });

  it('asks for the mark of randomised structures where they are configured, with or without a space', () => {
    const random = expectedVermagic('6.6.1', configOf('ARM64', 'SMP', 'RANDSTRUCT'));
    expect(vermagicFits('6.6.1 SMP aarch64RANDSTRUCT_0123456789abcdef', random)).toBe(true);
    expect(vermagicFits('6.6.1 SMP aarch64', random)).toBe(false);
  });

  it('lets plausible words through on an architecture that it does not know', () => {
    const unknown = expectedVermagic('7.2.13', configOf('SMP', 'ALPHA'));
    expect(unknown.tail).toBeUndefined();
    expect(vermagicFits('7.2.13 SMP EV6 64BIT ', unknown)).toBe(true);
    expect(vermagicFits('7.2.13 SMP ', unknown)).toBe(true);
    expect(vermagicFits('7.2.13 SMP modversions EV6 ', unknown)).toBe(false);
    expect(vermagicFits('7.2.13 SMP a b c d e', unknown)).toBe(false);
    expect(vermagicFits('7.2.13 SMP \u0001', unknown)).toBe(false);
  });
});

describe('machineOf', () => {
  it.each([
    [['64BIT', 'X86', 'X86_64'], 62, 64, true],
    [['X86', 'X86_32'], 3, 32, true],
    [['64BIT', 'ARM64'], 183, 64, true],
    [['ARM'], 40, 32, true],
    [['64BIT', 'PPC', 'PPC64', 'CPU_LITTLE_ENDIAN'], 21, 64, true],
    [['64BIT', 'PPC', 'PPC64', 'CPU_BIG_ENDIAN'], 21, 64, false],
    [['64BIT', 'S390'], 22, 64, false],
    [['64BIT', 'RISCV'], 243, 64, true],
    [['64BIT', 'LOONGARCH'], 258, 64, true],
    [['32BIT', 'MIPS', 'CPU_LITTLE_ENDIAN'], 8, 32, true],
  ])('%j', (options, number, bits, littleEndian) => {
    expect(machineOf(configOf(...options))).toMatchObject({ number, bits, littleEndian });
  });

  it('says when a configuration is none', () => {
    expect(() => machineOf(configOf('SMP'))).toThrow(/no known architecture/);
  });
});
