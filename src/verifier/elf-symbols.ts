import {
  type Elf,
  malformed,
  readAddress,
  readHalf,
  readString,
  readWord,
  SHT_SYMTAB,
  SHT_SYMTAB_SHNDX,
  sectionData,
} from './elf.ts';

/** Where a symbol is defined: the index of a section (0: nowhere), or one of the reserved places. */
export type SymbolPlace = number | 'absolute' | 'common' | 'reserved';

export interface ElfSymbol {
  index: number;
  /** Offset of its name, for {@link ElfSymbols.name}. */
  nameAt: number;
  /** `STB_LOCAL` 0, `STB_GLOBAL` 1, `STB_WEAK` 2. */
  binding: number;
  place: SymbolPlace;
  value: number;
}

export const STB_WEAK = 2;
const SHN_LORESERVE = 0xff00;
const SHN_ABS = 0xfff1;
const SHN_COMMON = 0xfff2;
const SHN_XINDEX = 0xffff;

const SYMBOL = {
  32: { size: 16, value: 4, info: 12, place: 14 },
  64: { size: 24, value: 8, info: 4, place: 6 },
} as const;

/** The symbol table of an ELF file; names are read when they are asked for. */
export interface ElfSymbols {
  /** All symbols but the empty one that every table begins with. */
  entries(): Generator<ElfSymbol>;
  /** @throws LockstepError VERIFY_FAILED when the name lies outside of the string table */
  name(symbol: ElfSymbol): string;
  /** Whether the name begins with some ASCII characters. */
  hasPrefix(symbol: ElfSymbol, prefix: string): boolean;
}

/**
 * Opens the file's one symbol table.
 *
 * @throws LockstepError VERIFY_FAILED when there is none, more than one, or one without names
 */
export function readSymbols(elf: Elf): ElfSymbols {
  const [table, ...others] = elf.sections.filter((section) => section.type === SHT_SYMTAB);
  if (table === undefined || others.length > 0) {
    throw malformed(`it has ${others.length === 0 ? 'no' : 'more than one'} symbol table`);
  }
  const strings = elf.sections[table.link];
  if (strings === undefined) {
    throw malformed('its symbol table has no names');
  }
  const names = sectionData(elf, strings);
  const wide = elf.sections.find(
    (section) => section.type === SHT_SYMTAB_SHNDX && section.link === table.index,
  );
  const fields = SYMBOL[elf.bits];
  const count = Math.floor(sectionData(elf, table).length / fields.size);

  const placeOf = (index: number, place: number): SymbolPlace => {
    if (place === SHN_XINDEX) {
      if (wide === undefined || (index + 1) * 4 > wide.size) {
        throw malformed(`symbol ${index} has no section index`);
      }
      return readWord(elf, wide.offset + index * 4);
    }
    if (place < SHN_LORESERVE) {
      return place;
    }
    return place === SHN_ABS ? 'absolute' : place === SHN_COMMON ? 'common' : 'reserved';
  };

  return {
    *entries() {
      for (let index = 1; index < count; index += 1) {
        const at = table.offset + index * fields.size;
        yield {
          index,
          nameAt: readWord(elf, at),
          binding: (elf.file[at + fields.info] ?? 0) >> 4,
          place: placeOf(index, readHalf(elf, at + fields.place)),
          value: readAddress(elf, at + fields.value),
        };
      }
    },
    name(symbol) {
      return readString(names, symbol.nameAt);
    },
    hasPrefix(symbol, prefix) {
      for (let offset = 0; offset < prefix.length; offset += 1) {
        if (names[symbol.nameAt + offset] !== prefix.charCodeAt(offset)) {
          return false;
        }
      }
      return true;
    },
  };
}
