import { LockstepError } from '../core/errors.ts';

/** The options of a kernel's `.config` that are set, without `CONFIG_`; strings keep their quotes. */
export type KernelConfig = ReadonlyMap<string, string>;

/** Parses the text of a `.config`. */
export function parseKernelConfig(text: string): KernelConfig {
  const options = new Map<string, string>();
  for (const [, name = '', value = ''] of text.matchAll(/^CONFIG_(\w+)=(.*)$/gm)) {
    options.set(name, value);
  }
  return options;
}

/** Whether an option is built in. */
export function isSet(config: KernelConfig, name: string): boolean {
  return config.get(name) === 'y';
}

/** What the ELF header of a kernel's modules says. */
export interface Machine {
  /** Name for people. */
  name: string;
  /** `e_machine`. */
  number: number;
  bits: 32 | 64;
  littleEndian: boolean;
}

export const EM_386 = 3;
export const EM_PPC64 = 21;
export const EM_X86_64 = 62;

/**
 * The machine that a kernel was configured for.
 *
 * @throws LockstepError VERIFY_FAILED when the configuration names none that is known
 */
export function machineOf(config: KernelConfig): Machine {
  const wide = isSet(config, '64BIT');
  const bits = wide ? 64 : 32;
  const marked = isSet(config, 'CPU_LITTLE_ENDIAN');
  const big = isSet(config, 'CPU_BIG_ENDIAN');
  const table: readonly (readonly [option: string, machine: Machine])[] = [
    ['X86_64', { name: 'x86-64', number: EM_X86_64, bits: 64, littleEndian: true }],
    ['X86_32', { name: 'i386', number: EM_386, bits: 32, littleEndian: true }],
    ['ARM64', { name: 'AArch64', number: 183, bits: 64, littleEndian: !big }],
    ['ARM', { name: 'ARM', number: 40, bits: 32, littleEndian: !big }],
    ['PPC64', { name: 'PowerPC64', number: EM_PPC64, bits: 64, littleEndian: marked }],
    ['PPC32', { name: 'PowerPC', number: 20, bits: 32, littleEndian: false }],
    ['RISCV', { name: 'RISC-V', number: 243, bits, littleEndian: true }],
    ['S390', { name: 'S/390', number: 22, bits: 64, littleEndian: false }],
    ['LOONGARCH', { name: 'LoongArch', number: 258, bits, littleEndian: true }],
    ['MIPS', { name: 'MIPS', number: 8, bits, littleEndian: marked }],
    ['PARISC', { name: 'PA-RISC', number: 15, bits, littleEndian: false }],
    ['SPARC64', { name: 'SPARC64', number: 43, bits: 64, littleEndian: false }],
    ['M68K', { name: 'm68k', number: 4, bits: 32, littleEndian: false }],
    ['SUPERH', { name: 'SuperH', number: 42, bits: 32, littleEndian: marked }],
    ['ALPHA', { name: 'Alpha', number: 0x9026, bits: 64, littleEndian: true }],
  ];
  const found = table.find(([option]) => isSet(config, option));
  if (found === undefined) {
    throw new LockstepError('VERIFY_FAILED', "the kernel's .config names no known architecture", {
      hint: 'the headers package is damaged: remove it from the cache and run again',
    });
  }
  return found[1];
}
