import { LockstepError } from '../core/errors.ts';

/** A section header; offsets and sizes in bytes, checked to lie within the file. */
export interface ElfSection {
  index: number;
  name: string;
  type: number;
  /** The low 32 bits of `sh_flags`. */
  flags: number;
  offset: number;
  size: number;
  link: number;
}

/** An ELF file of either class and byte order whose section headers were read and checked. */
export interface Elf {
  file: Buffer;
  bits: 32 | 64;
  littleEndian: boolean;
  /** `e_type`. */
  type: number;
  /** `e_machine`. */
  machine: number;
  sections: readonly ElfSection[];
  /** Whether there are so many sections that the header refers to section 0 for their number. */
  extended: boolean;
}

export const ET_REL = 1;
export const SHT_SYMTAB = 2;
export const SHT_SYMTAB_SHNDX = 18;
const SHT_NULL = 0;
const SHT_NOBITS = 8;
const SHF_ALLOC = 0x2;
const SHF_COMPRESSED = 0x800;
const SHN_XINDEX = 0xffff;

/** More than any compiler makes of a module; each costs memory here. */
const MOST_SECTIONS = 100_000;
/** Longest name read, in bytes: twice the kernel's KSYM_NAME_LEN, `.rela` and `__ksymtab_` included. */
const LONGEST_NAME = 1024;

const HEADER = {
  32: { size: 52, offset: 32, entrySize: 46, count: 48, names: 50 },
  64: { size: 64, offset: 40, entrySize: 58, count: 60, names: 62 },
} as const;

const SECTION = {
  32: { size: 40, flags: 8, offset: 16, length: 20, link: 24 },
  64: { size: 64, flags: 8, offset: 24, length: 32, link: 40 },
} as const;

/** The error of a file that is no ELF object, or not a sound one. */
export function malformed(message: string): LockstepError {
  return new LockstepError('VERIFY_FAILED', message);
}

type Layout = Pick<Elf, 'file' | 'bits' | 'littleEndian'>;

/** An unsigned 16-bit number in the file's byte order. @throws RangeError outside of the file */
export function readHalf(elf: Layout, at: number): number {
  return elf.littleEndian ? elf.file.readUInt16LE(at) : elf.file.readUInt16BE(at);
}

/** An unsigned 32-bit number in the file's byte order. @throws RangeError outside of the file */
export function readWord(elf: Layout, at: number): number {
  return elf.littleEndian ? elf.file.readUInt32LE(at) : elf.file.readUInt32BE(at);
}

/** An unsigned number as wide as the file's class; above 2^53 it is not exact, and too large for any use. */
export function readAddress(elf: Layout, at: number): number {
  if (elf.bits === 32) {
    return readWord(elf, at);
  }
  const [low, high] = elf.littleEndian ? [at, at + 4] : [at + 4, at];
  return readWord(elf, high) * 0x1_0000_0000 + readWord(elf, low);
}

/**
 * The NUL-terminated string at an offset of a string table.
 *
 * @throws LockstepError VERIFY_FAILED when it begins or ends outside of the table, or is absurdly long
 */
export function readString(table: Buffer, at: number): string {
  if (at >= table.length) {
    throw malformed(`a name begins at byte ${at} of a string table of ${table.length} bytes`);
  }
  const window = table.subarray(at, at + LONGEST_NAME);
  const end = window.indexOf(0);
  if (end < 0) {
    throw malformed(`the name at byte ${at} of a string table does not end`);
  }
  return window.toString('latin1', 0, end);
}

function readLayout(file: Buffer): Layout {
  if (file.length < 16 || file.readUInt32BE(0) !== 0x7f454c46) {
    throw malformed('it is not an ELF file');
  }
  const [bits, order] = [file[4], file[5]];
  if ((bits !== 1 && bits !== 2) || (order !== 1 && order !== 2)) {
    throw malformed('its ELF class or byte order is unknown');
  }
  return { file, bits: bits === 1 ? 32 : 64, littleEndian: order === 1 };
}

function readSection(layout: Layout, index: number, at: number): ElfSection & { nameAt: number } {
  const fields = SECTION[layout.bits];
  const low = layout.bits === 64 && !layout.littleEndian ? 4 : 0;
  const section = {
    index,
    name: '',
    nameAt: readWord(layout, at),
    type: readWord(layout, at + 4),
    flags: readWord(layout, at + fields.flags + low),
    offset: readAddress(layout, at + fields.offset),
    size: readAddress(layout, at + fields.length),
    link: readWord(layout, at + fields.link),
  };
  const stored = section.type !== SHT_NULL && section.type !== SHT_NOBITS;
  if (stored && section.offset + section.size > layout.file.length) {
    throw malformed(`section ${index} reaches beyond the end of the file`);
  }
  return section;
}

/**
 * Reads the header and the section headers of an ELF file (System V ABI, chapter 4), also with extended section
 * numbering. Program headers are not looked at.
 *
 * @throws LockstepError VERIFY_FAILED when it is not ELF, or a table or section lies outside of the file
 */
export function readElf(file: Buffer): Elf {
  const layout = readLayout(file);
  const header = HEADER[layout.bits];
  if (file.length < header.size) {
    throw malformed('its ELF header is cut short');
  }
  const entrySize = SECTION[layout.bits].size;
  const start = readAddress(layout, header.offset);
  if (start === 0 || readHalf(layout, header.entrySize) !== entrySize) {
    throw malformed('it has no section headers of the size that its class has');
  }
  if (start + entrySize > file.length) {
    throw malformed('its section headers begin beyond the end of the file');
  }
  const first = readSection(layout, 0, start);
  const extended = readHalf(layout, header.count) === 0;
  const count = extended ? first.size : readHalf(layout, header.count);
  if (count > MOST_SECTIONS || start + count * entrySize > file.length) {
    throw malformed(`it can't have ${count} sections`);
  }
  const sections = Array.from({ length: count }, (_none, index) =>
    readSection(layout, index, start + index * entrySize),
  );
  const namesIndex = readHalf(layout, header.names);
  const names = sections[namesIndex === SHN_XINDEX ? first.link : namesIndex];
  if (names === undefined) {
    throw malformed('it has no section with the names of its sections');
  }
  const elf: Elf = {
    ...layout,
    type: readHalf(layout, 16),
    machine: readHalf(layout, 18),
    sections,
    extended,
  };
  const table = sectionData(elf, names);
  for (const section of sections) {
    section.name = section.index === 0 ? '' : readString(table, section.nameAt);
  }
  return elf;
}

/** The bytes of a section, without copying; empty for one that takes no room in the file. */
export function sectionData(elf: Elf, section: ElfSection): Buffer {
  if (section.type === SHT_NULL || section.type === SHT_NOBITS) {
    return Buffer.alloc(0);
  }
  if ((section.flags & SHF_COMPRESSED) !== 0) {
    throw malformed(`its section ${section.name} is compressed, which the kernel does not read`);
  }
  return elf.file.subarray(section.offset, section.offset + section.size);
}

/** The first section of a name that gets loaded: the one that the kernel's loader would use. */
export function loadedSection(elf: Elf, name: string): ElfSection | undefined {
  return elf.sections.find(
    (section) => section.name === name && (section.flags & SHF_ALLOC) !== 0 && section.index > 0,
  );
}

/** The bytes of {@link loadedSection}, or undefined when there is none. */
export function loadedData(elf: Elf, name: string): Buffer | undefined {
  const section = loadedSection(elf, name);
  return section === undefined ? undefined : sectionData(elf, section);
}
