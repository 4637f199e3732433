import { isSet, type KernelConfig } from './kernel-config.ts';

/** The vermagic that modules of a kernel must have, by include/linux/vermagic.h and arch/…/asm/vermagic.h. */
export interface ExpectedVermagic {
  release: string;
  /**
   * `SMP`, `preempt`, `mod_unload`, `modversions`: those that the configuration asks for, in order. Words with `|`
   * between them are alternatives.
   */
  flags: readonly string[];
  /** What the architecture adds, with alternatives as above; undefined for an architecture that is not known here. */
  tail: readonly string[] | undefined;
  /** Whether a hash of the structure layout's seed ends it; its value is not in the configuration. */
  randomised: boolean;
}

/** Options of x86's and MIPS's processor families whose name in vermagic is another than the option's. */
const FAMILIES_386: Readonly<Record<string, string>> = {
  M486SX: '486SX',
  M486: '486',
  M586: '586',
  M586TSC: '586TSC',
  M586MMX: '586MMX',
  MCORE2: 'CORE2',
  MATOM: 'ATOM',
  M686: '686',
  MPENTIUMII: 'PENTIUMII',
  MPENTIUMIII: 'PENTIUMIII',
  MPENTIUMM: 'PENTIUMM',
  MPENTIUM4: 'PENTIUM4',
  MK6: 'K6',
  MK7: 'K7',
  MK8: 'K8',
  MELAN: 'ELAN',
  MCRUSOE: 'CRUSOE',
  MEFFICEON: 'EFFICEON',
  MWINCHIPC6: 'WINCHIPC6',
  MWINCHIP3D: 'WINCHIP3D',
  MCYRIXIII: 'CYRIXIII',
  MVIAC3_2: 'VIAC3-2',
  MVIAC7: 'VIAC7',
  MGEODEGX1: 'GEODEGX1',
  MGEODE_LX: 'GEODE',
};

const FAMILIES_MIPS: Readonly<Record<string, string>> = {
  CPU_BMIPS: 'BMIPS',
  CPU_MIPS32_R1: 'MIPS32_R1',
  CPU_MIPS32_R2: 'MIPS32_R2',
  CPU_MIPS32_R5: 'MIPS32_R5',
  CPU_MIPS32_R6: 'MIPS32_R6',
  CPU_MIPS64_R1: 'MIPS64_R1',
  CPU_MIPS64_R2: 'MIPS64_R2',
  CPU_MIPS64_R5: 'MIPS64_R5',
  CPU_MIPS64_R6: 'MIPS64_R6',
  CPU_LOONGSON2EF: 'LOONGSON2EF',
  CPU_LOONGSON64: 'LOONGSON64',
  CPU_CAVIUM_OCTEON: 'OCTEON',
};

/** Instruction sets of arch/arm/Makefile; where several are set, the oldest counts (v6K is set on v7 as well). */
const ARM_VERSIONS = [
  ['CPU_32v3', 3],
  ['CPU_32v4', 4],
  ['CPU_32v4T', 4],
  ['CPU_32v5', 5],
  ['CPU_32v6', 6],
  ['CPU_32v7', 7],
  ['CPU_32v7M', 7],
] as const;

function family(
  config: KernelConfig,
  families: Readonly<Record<string, string>>,
): string | undefined {
  return Object.entries(families).find(([option]) => isSet(config, option))?.[1];
}

function armTail(release: string, config: KernelConfig): string[] | undefined {
  const version = ARM_VERSIONS.find(([option]) => isSet(config, option))?.[1];
  if (version === undefined) {
    return undefined;
  }
  const [, major = '0', minor = '0'] = /^(\d+)\.(\d+)/.exec(release) ?? [];
  const old = Number(major) < 5 || (major === '5' && Number(minor) < 11);
  // 5.11's mark came to 5.10 by a stable release.
  const mark = old ? (major === '5' && minor === '10' ? 'p2v|p2v8' : 'p2v') : 'p2v8';
  return [
    `ARMv${version}`,
    ...(isSet(config, 'THUMB2_KERNEL') ? ['thumb2'] : []),
    ...(isSet(config, 'ARM_PATCH_PHYS_VIRT') ? [mark] : []),
  ];
}

function powerTail(config: KernelConfig): string[] {
  const patchable = isSet(config, 'ARCH_USING_PATCHABLE_FUNCTION_ENTRY');
  const profiled = isSet(config, 'MPROFILE_KERNEL');
  return [
    ...(patchable ? ['patchable-function-entry'] : profiled ? ['mprofile-kernel'] : []),
    ...(isSet(config, 'RELOCATABLE') ? ['relocatable'] : []),
  ];
}

function tailOf(release: string, config: KernelConfig): string[] | undefined {
  const bits = isSet(config, '64BIT') ? '64BIT' : '32BIT';
  const withFamily = (name: string | undefined, ...rest: string[]): string[] | undefined =>
    name === undefined ? undefined : [name, ...rest];
  const is = (option: string): boolean => isSet(config, option);
  if (is('X86_64') || is('S390') || is('M68K')) {
    return [];
  }
  if (is('X86_32')) {
    return withFamily(family(config, FAMILIES_386));
  }
  if (is('ARM64')) {
    return ['aarch64'];
  }
  if (is('ARM')) {
    return armTail(release, config);
  }
  if (is('PPC')) {
    return powerTail(config);
  }
  if (is('RISCV')) {
    return ['riscv'];
  }
  if (is('LOONGARCH')) {
    return ['LOONGARCH', bits];
  }
  return is('MIPS') ? withFamily(family(config, FAMILIES_MIPS), bits) : undefined;
}

/** What the modules of a kernel must have as vermagic. */
export function expectedVermagic(release: string, config: KernelConfig): ExpectedVermagic {
  // PREEMPT selects PREEMPT_BUILD since that option exists (5.16); before, PREEMPT itself was asked for.
  const preempt = isSet(config, 'PREEMPT_BUILD') || isSet(config, 'PREEMPT');
  const realTime = isSet(config, 'PREEMPT_RT');
  // Where a kernel is both, 6.12's vermagic.h says `preempt` and 7.2's `preempt_rt`.
  const preemption = [...(preempt ? ['preempt'] : []), ...(realTime ? ['preempt_rt'] : [])];
  const flags = [
    isSet(config, 'SMP') ? 'SMP' : undefined,
    preemption.length === 0 ? undefined : preemption.join('|'),
    isSet(config, 'MODULE_UNLOAD') ? 'mod_unload' : undefined,
    isSet(config, 'MODVERSIONS') ? 'modversions' : undefined,
  ];
  return {
    release,
    flags: flags.filter((flag) => flag !== undefined),
    tail: tailOf(release, config),
    randomised: isSet(config, 'RANDSTRUCT') || isSet(config, 'GCC_PLUGIN_RANDSTRUCT'),
  };
}

/** The expected vermagic as a person compares it; `…` stands for what is not known beforehand. */
export function formatVermagic(expected: ExpectedVermagic): string {
  const { release, flags, tail, randomised } = expected;
  return [release, ...flags, ...(tail ?? ['…']), ...(randomised ? ['RANDSTRUCT_…'] : [])].join(' ');
}

const RANDSTRUCT = /RANDSTRUCT_(?:PLUGIN_)?[0-9a-f]+ *$/;
const PLAUSIBLE = /^[A-Za-z0-9][A-Za-z0-9_.-]{0,31}$/;
const FLAGS: ReadonlySet<string> = new Set([
  'SMP',
  'preempt',
  'preempt_rt',
  'mod_unload',
  'modversions',
]);

/**
 * Whether a module's vermagic is that of a kernel, the release included. (The kernel itself passes over the release
 * when both have symbol versions; a module built for another release is still not the one asked for.) On an
 * architecture that is not known here, up to four further words are let through when they are no flags.
 */
export function vermagicFits(vermagic: string, expected: ExpectedVermagic): boolean {
  if (RANDSTRUCT.test(vermagic) !== expected.randomised) {
    return false;
  }
  const words = vermagic
    .replace(RANDSTRUCT, '')
    .split(' ')
    .filter((word) => word !== '');
  const wanted = [expected.release, ...expected.flags, ...(expected.tail ?? [])];
  if (wanted.some((word, index) => !word.split('|').includes(words[index] ?? ''))) {
    return false;
  }
  const more = words.slice(wanted.length);
  return expected.tail === undefined
    ? more.length <= 4 && more.every((word) => PLAUSIBLE.test(word) && !FLAGS.has(word))
    : more.length === 0;
}
