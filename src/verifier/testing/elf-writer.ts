/** Class and byte order of an ELF file. */
export interface ElfFormat {
  bits: 32 | 64;
  littleEndian: boolean;
  machine: number;
}

export interface SectionToWrite {
  name: string;
  /** SHT_PROGBITS when left out. */
  type?: number;
  /** SHF_ALLOC when left out. */
  flags?: number;
  data: Buffer;
}

export interface SymbolToWrite {
  name: string;
  /** Name of the section it lies in, undefined symbol when left out; or a reserved index. */
  section?: string | number;
  /** STB_GLOBAL when left out. */
  binding?: number;
  value?: number;
}

export interface ElfToWrite {
  format: ElfFormat;
  /** ET_REL when left out. */
  type?: number;
  sections: readonly SectionToWrite[];
  symbols: readonly SymbolToWrite[];
  /** Use extended section numbering, whatever the number of sections. */
  extended?: boolean;
}

/** Unsigned numbers of 16 and 32 bits, and as wide as the class, in the format's byte order. */
export class Bytes {
  readonly #format: ElfFormat;
  readonly #parts: Buffer[] = [];

  constructor(format: ElfFormat) {
    this.#format = format;
  }

  #number(size: number, value: number): this {
    const part = Buffer.alloc(size);
    const used = Math.min(size, 6);
    if (this.#format.littleEndian) {
      part.writeUIntLE(value, 0, used);
    } else {
      part.writeUIntBE(value, size - used, used);
    }
    this.#parts.push(part);
    return this;
  }

  half(...values: number[]): this {
    values.forEach((value) => this.#number(2, value));
    return this;
  }

  word(...values: number[]): this {
    values.forEach((value) => this.#number(4, value));
    return this;
  }

  wide(...values: number[]): this {
    values.forEach((value) => this.#number(this.#format.bits / 8, value));
    return this;
  }

  raw(content: Buffer | string): this {
    this.#parts.push(Buffer.from(content));
    return this;
  }

  toBuffer(): Buffer {
    return Buffer.concat(this.#parts);
  }
}

/** NUL-terminated strings, the empty one first. */
class Strings {
  #content = '\0';

  add(text: string): number {
    const at = this.#content.length;
    this.#content += `${text}\0`;
    return at;
  }

  toBuffer(): Buffer {
    return Buffer.from(this.#content, 'latin1');
  }
}

const SHF_ALLOC = 2;
const SHN_XINDEX = 0xffff;

function writeSymbols(elf: ElfToWrite, strings: Strings): { table: Buffer; wide: Buffer } {
  const { format, extended = false } = elf;
  const table = new Bytes(format);
  const wide = new Bytes(format);
  for (const symbol of [{ name: '', binding: 0, section: 0 }, ...elf.symbols]) {
    const { section = 0, binding = 1 } = symbol;
    const value = 'value' in symbol ? (symbol.value ?? 0) : 0;
    const index =
      typeof section === 'number'
        ? section
        : elf.sections.findIndex(({ name }) => name === section) + 1;
    const far = extended && typeof section === 'string';
    const name = symbol.name === '' ? 0 : strings.add(symbol.name);
    const info = Buffer.from([binding * 16, 0]);
    const place = far ? SHN_XINDEX : index;
    if (format.bits === 64) {
      table.word(name).raw(info).half(place).wide(value, 0);
    } else {
      table.word(name, value, 0).raw(info).half(place);
    }
    wide.word(far ? index : 0);
  }
  return { table: table.toBuffer(), wide: wide.toBuffer() };
}

/** Writes an ELF file: the given sections from index 1 on, then symbols and string tables. */
export function writeElf(elf: ElfToWrite): Buffer {
  const { format, extended = false } = elf;
  const [headerSize, sectionSize, symbolSize] = format.bits === 64 ? [64, 64, 24] : [52, 40, 16];
  const strings = new Strings();
  const { table, wide } = writeSymbols(elf, strings);
  const given = elf.sections.length;
  const symbolIndex = given + 1;
  const all = [
    ...elf.sections.map((section) => ({
      type: 1,
      flags: SHF_ALLOC,
      link: 0,
      entry: 0,
      ...section,
    })),
    { name: '.symtab', type: 2, flags: 0, link: given + 2, entry: symbolSize, data: table },
    { name: '.strtab', type: 3, flags: 0, link: 0, entry: 0, data: strings.toBuffer() },
    ...(extended
      ? [{ name: '.symtab_shndx', type: 18, flags: 0, link: symbolIndex, entry: 4, data: wide }]
      : []),
  ];
  const names = new Strings();
  const nameOffsets = [...all.map(({ name }) => name), '.shstrtab'].map((name) => names.add(name));
  const sections = [
    ...all,
    { name: '.shstrtab', type: 3, flags: 0, link: 0, entry: 0, data: names.toBuffer() },
  ];
  const body = new Bytes(format);
  let offset = headerSize;
  const headers = new Bytes(format);
  headers.word(0, 0).wide(0, 0, 0, extended ? sections.length + 1 : 0);
  headers.word(extended ? sections.length : 0, 0).wide(0, 0);
  for (const [index, { type, flags, link, entry, data }] of sections.entries()) {
    const padding = -data.length & 7;
    headers.word(nameOffsets[index] ?? 0, type).wide(flags, 0, offset, data.length);
    headers.word(link, type === 2 ? 1 : 0).wide(1, entry);
    body.raw(data).raw(Buffer.alloc(padding));
    offset += data.length + padding;
  }
  const header = new Bytes(format)
    .raw(Buffer.from([0x7f, 0x45, 0x4c, 0x46, format.bits / 32, format.littleEndian ? 1 : 2, 1]))
    .raw(Buffer.alloc(9))
    .half(elf.type ?? 1, format.machine)
    .word(1)
    .wide(0, 0, offset)
    .word(0)
    .half(headerSize, 0, 0, sectionSize)
    .half(extended ? 0 : sections.length + 1, extended ? SHN_XINDEX : sections.length);
  return Buffer.concat([header.toBuffer(), body.toBuffer(), headers.toBuffer()]);
}
