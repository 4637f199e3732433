import { LockstepError } from '../core/errors.ts';
import { type Elf, ET_REL, loadedSection, readElf, sectionData } from './elf.ts';
import { type ElfSymbols, readSymbols } from './elf-symbols.ts';
import { readExports } from './exports.ts';
import { type Findings, shown } from './findings.ts';
import type { Machine } from './kernel-config.ts';
import { type Modinfo, readModinfo } from './modinfo.ts';
import { type UndefinedSymbol, undefinedSymbols } from './resolve.ts';
import type { SymbolTable } from './symvers.ts';
import { readVersions, type SymbolVersions } from './versions.ts';

/** All that the checks look at in a module file. */
export interface ModuleContents {
  modinfo: Modinfo;
  exports: SymbolTable;
  wanted: readonly UndefinedSymbol[];
  versions: SymbolVersions | undefined;
}

/** A module's name as the kernel has it: the file's without `.ko`, `_` for `-`. */
export function moduleName(file: string): string {
  return file.replace(/\.ko$/, '').replaceAll('-', '_');
}

function describe(elf: Pick<Elf, 'bits' | 'littleEndian'>): string {
  return `${elf.bits}-bit ${elf.littleEndian ? 'little' : 'big'}-endian`;
}

function fitsMachine(elf: Elf, machine: Machine, findings: Findings): boolean {
  const { number, bits, littleEndian, name } = machine;
  if (elf.machine === number && elf.bits === bits && elf.littleEndian === littleEndian) {
    return true;
  }
  findings.add(
    'WRONG_MACHINE',
    `is ${describe(elf)} code for ELF machine ${elf.machine}, but the kernel is ${describe(machine)} code for ${name} (${number})`,
  );
  return false;
}

function readModule(
  file: string,
  content: Buffer,
  machine: Machine,
  findings: Findings,
): ModuleContents | undefined {
  const elf = readElf(content);
  if (elf.type !== ET_REL) {
    findings.add('NOT_A_MODULE', `is not a relocatable object (ELF type ${elf.type})`);
    return undefined;
  }
  if (!fitsMachine(elf, machine, findings)) {
    return undefined;
  }
  if (elf.extended) {
    findings.add('ELF_INVALID', `has ${elf.sections.length} sections, more than the kernel loads`);
  }
  const self = loadedSection(elf, '.gnu.linkonce.this_module');
  if (self === undefined || sectionData(elf, self).length === 0) {
    findings.add('NOT_A_MODULE', 'has no section .gnu.linkonce.this_module');
    return undefined;
  }
  const modinfo = readModinfo(elf);
  if (modinfo === undefined) {
    findings.add('NOT_A_MODULE', 'has no section .modinfo');
    return undefined;
  }
  const symbols: ElfSymbols = readSymbols(elf);
  return {
    modinfo,
    exports: readExports(elf, symbols, moduleName(file)),
    wanted: undefinedSymbols(elf, symbols, findings),
    versions: readVersions(elf),
  };
}

/**
 * Reads a module file. What is wrong with its form goes to the findings.
 *
 * @returns undefined when it can't be checked further
 */
export function openModule(
  file: string,
  content: Buffer,
  machine: Machine,
  findings: Findings,
): ModuleContents | undefined {
  try {
    return readModule(file, content, machine, findings);
  } catch (error) {
    if (error instanceof LockstepError && error.code === 'VERIFY_FAILED') {
      findings.add('ELF_INVALID', `can't be read: ${shown(error.message)}`);
      return undefined;
    }
    throw error;
  }
}
