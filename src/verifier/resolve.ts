import { type Elf, malformed } from './elf.ts';
import { type ElfSymbols, STB_WEAK } from './elf-symbols.ts';
import { type Findings, hex, shown } from './findings.ts';
import { EM_386, EM_PPC64, EM_X86_64 } from './kernel-config.ts';
import { isGplCompatible } from './license.ts';
import type { ExportedSymbol, SymbolTable } from './symvers.ts';
import type { SymbolVersions } from './versions.ts';

/** Undefined symbols in a module: several times what the largest driver has. */
const MOST_UNDEFINED = 65_536;

/** A symbol that a module takes from the kernel or another module. */
export interface UndefinedSymbol {
  name: string;
  /** The module loads without it. */
  weak: boolean;
}

/** The name as it is looked up; undefined for a symbol that the loader provides itself. */
function lookedUp(elf: Elf, name: string): string | undefined {
  if (elf.machine === EM_386 || elf.machine === EM_X86_64) {
    return name === '_GLOBAL_OFFSET_TABLE_' ? undefined : name;
  }
  // arch/powerpc/kernel/module_64.c: .TOC. is the module's own; names of functions lose their dot.
  if (elf.machine === EM_PPC64 && name.startsWith('.')) {
    return name === '.TOC.' ? undefined : name.slice(1);
  }
  return name;
}

/**
 * The symbols that the loader has to find elsewhere (`simplify_symbols()`, kernel/module/main.c).
 *
 * @throws LockstepError VERIFY_FAILED when there are absurdly many, or their names are not in the file
 */
export function undefinedSymbols(
  elf: Elf,
  symbols: ElfSymbols,
  findings: Findings,
): UndefinedSymbol[] {
  const list: UndefinedSymbol[] = [];
  for (const symbol of symbols.entries()) {
    if (symbol.place === 'common' && !symbols.hasPrefix(symbol, '__gnu_lto')) {
      const name = shown(symbols.name(symbol));
      findings.add('SYMBOL_COMMON', `leaves ${name} to a linker that kernel modules do not have`);
    }
    const name = symbol.place === 0 ? lookedUp(elf, symbols.name(symbol)) : undefined;
    if (name !== undefined) {
      list.push({ name, weak: symbol.binding === STB_WEAK });
    }
    if (list.length > MOST_UNDEFINED) {
      throw malformed('it has more undefined symbols than the kernel exports');
    }
  }
  return list;
}

/** What a module brings along that decides which symbols it gets. */
export interface Importer {
  /** As the kernel knows it, with `_` for `-`. */
  name: string;
  license: string | undefined;
  /** The values of `import_ns=`. */
  namespaces: ReadonlySet<string>;
  /** Undefined when the module has none, or the kernel asks for none. */
  versions: SymbolVersions | undefined;
  /** The kernel was configured to do without `import_ns=`. */
  namespacesOptional: boolean;
}

const MODULES_ONLY = 'module:';

/** Whether a symbol's namespace admits a module (`verify_namespace_is_imported()`, kernel/module/main.c). */
export function isImported(namespace: string, importer: Importer): boolean {
  if (namespace === '' || importer.namespaces.has(namespace)) {
    return true;
  }
  if (!namespace.startsWith(MODULES_ONLY)) {
    return false;
  }
  return namespace
    .slice(MODULES_ONLY.length)
    .replaceAll('-', '_')
    .split(',')
    .some((pattern) =>
      pattern.endsWith('*')
        ? importer.name.startsWith(pattern.slice(0, -1))
        : importer.name === pattern,
    );
}

function ownerOf(symbol: ExportedSymbol): string {
  const name = symbol.module.slice(symbol.module.lastIndexOf('/') + 1);
  return name === 'vmlinux' ? 'the kernel' : `module ${shown(name)}`;
}

/** Checks a symbol's CRC against the one that the module was built with. */
export function checkVersion(
  name: string,
  symbol: ExportedSymbol,
  versions: SymbolVersions,
  findings: Findings,
): void {
  if (symbol.crc === undefined) {
    return;
  }
  const built = versions.get(name) ?? versions.get(`.${name}`);
  const present = hex(symbol.crc);
  if (built === undefined) {
    // modpost writes no version of a symbol that has no CRC.
    if (symbol.crc !== 0) {
      findings.add(
        'SYMBOL_CRC',
        `has no CRC for ${shown(name)}, which ${ownerOf(symbol)} exports with CRC ${present}`,
      );
    }
  } else if (built !== symbol.crc) {
    findings.add(
      'SYMBOL_CRC',
      `was built for ${shown(name)} with CRC ${hex(built)}, but ${ownerOf(symbol)} exports it with CRC ${present}`,
    );
  }
}

/** Checks that the kernel would find every symbol, let the module have it, and agree on its CRC. */
export function checkSymbols(
  wanted: readonly UndefinedSymbol[],
  tables: readonly SymbolTable[],
  importer: Importer,
  findings: Findings,
): void {
  const gplCompatible = importer.license !== undefined && isGplCompatible(importer.license);
  for (const { name, weak } of wanted) {
    const symbol = tables.map((table) => table.get(name)).find((entry) => entry !== undefined);
    if (symbol === undefined || (weak && symbol.gplOnly && !gplCompatible)) {
      if (!weak) {
        findings.add(
          'SYMBOL_UNKNOWN',
          `needs ${shown(name)}, which neither this kernel nor another module exports`,
        );
      }
      continue;
    }
    if (symbol.gplOnly && !gplCompatible) {
      const license =
        importer.license === undefined
          ? 'it names no licence'
          : `its licence is ${JSON.stringify(shown(importer.license))}`;
      findings.add(
        'SYMBOL_GPL_ONLY',
        `needs ${shown(name)}, which ${ownerOf(symbol)} exports to GPL-compatible modules only; ${license}`,
      );
      continue;
    }
    if (!isImported(symbol.namespace, importer) && !importer.namespacesOptional) {
      findings.add(
        'SYMBOL_NAMESPACE',
        `needs ${shown(name)} of namespace ${shown(symbol.namespace)}, which it does not import`,
      );
    }
    if (importer.versions !== undefined) {
      checkVersion(name, symbol, importer.versions, findings);
    }
  }
}
