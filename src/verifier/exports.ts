import {
  type Elf,
  loadedData,
  loadedSection,
  malformed,
  readString,
  readWord,
  sectionData,
} from './elf.ts';
import type { ElfSymbol, ElfSymbols } from './elf-symbols.ts';
import type { ExportedSymbol, SymbolTable } from './symvers.ts';

const ENTRY = '__ksymtab_';
const CRC = '__crc_';
const NAMESPACE = '__kstrtabns_';
/** Symbols of one kind in a module: more than the whole kernel exports. */
const MOST_EXPORTS = 65_536;

const GPL_SECTIONS: ReadonlySet<string> = new Set(['__ksymtab_gpl', '__ksymtab_unused_gpl']);

/** `KSYM_FLAG_GPL_ONLY` of include/linux/module_symbol.h. */
const FLAG_GPL_ONLY = 1;

/**
 * How the flags of an entry are found: `__kflagstab` of 7.x has a byte for each entry of `__ksymtab`, which then has
 * the GPL-only symbols too.
 */
function flagReader(elf: Elf): (entry: ElfSymbol) => number {
  const flags = loadedData(elf, '__kflagstab');
  const entries = loadedSection(elf, '__ksymtab');
  if (flags === undefined || flags.length === 0 || entries === undefined) {
    return () => 0;
  }
  const size = entries.size / flags.length;
  return ({ value }) => flags[Math.floor(value / size)] ?? 0;
}

function crcOf(elf: Elf, symbol: ElfSymbol): number | undefined {
  if (symbol.place === 'absolute') {
    return symbol.value % 0x1_0000_0000;
  }
  const section = typeof symbol.place === 'number' ? elf.sections[symbol.place] : undefined;
  const content = section === undefined ? undefined : sectionData(elf, section);
  if (content === undefined || symbol.value + 4 > content.length) {
    return undefined;
  }
  return readWord({ ...elf, file: content }, symbol.value);
}

function namespaceOf(elf: Elf, symbol: ElfSymbol): string {
  const section = typeof symbol.place === 'number' ? elf.sections[symbol.place] : undefined;
  return section === undefined ? '' : readString(sectionData(elf, section), symbol.value);
}

/**
 * The symbols that a module exports: its `__ksymtab_<name>` symbols, with the CRC that `__crc_<name>` is or points
 * to and the namespace that `__kstrtabns_<name>` points to (include/linux/export-internal.h).
 *
 * @param module name for {@link ExportedSymbol.module}
 * @throws LockstepError VERIFY_FAILED when they point outside of the file
 */
export function readExports(elf: Elf, symbols: ElfSymbols, module: string): SymbolTable {
  const entries = new Map<string, ElfSymbol>();
  const crcs = new Map<string, ElfSymbol>();
  const namespaces = new Map<string, ElfSymbol>();
  const kinds = [
    [ENTRY, entries],
    [CRC, crcs],
    [NAMESPACE, namespaces],
  ] as const;
  for (const symbol of symbols.entries()) {
    if (symbol.place !== 0) {
      const kind = kinds.find(([prefix]) => symbols.hasPrefix(symbol, prefix));
      kind?.[1].set(symbols.name(symbol).slice(kind[0].length), symbol);
    }
    if (kinds.some(([, map]) => map.size > MOST_EXPORTS)) {
      throw malformed('it exports more symbols than the kernel itself');
    }
  }
  const flagOf = flagReader(elf);
  const table = new Map<string, ExportedSymbol>();
  for (const [name, entry] of entries) {
    const section = typeof entry.place === 'number' ? elf.sections[entry.place] : undefined;
    const crc = crcs.get(name);
    const namespace = namespaces.get(name);
    table.set(name, {
      crc: crc === undefined ? undefined : crcOf(elf, crc),
      module,
      gplOnly: GPL_SECTIONS.has(section?.name ?? '') || (flagOf(entry) & FLAG_GPL_ONLY) !== 0,
      namespace: namespace === undefined ? '' : namespaceOf(elf, namespace),
    });
  }
  return table;
}
