import {
  Bytes,
  type ElfFormat,
  type SectionToWrite,
  type SymbolToWrite,
  writeElf,
} from './elf-writer.ts';

export const X86_64: ElfFormat = { bits: 64, littleEndian: true, machine: 62 };
export const ARM: ElfFormat = { bits: 32, littleEndian: true, machine: 40 };
export const S390X: ElfFormat = { bits: 64, littleEndian: false, machine: 22 };
export const PPC32: ElfFormat = { bits: 32, littleEndian: false, machine: 20 };
export const FORMATS = { X86_64, ARM, S390X, PPC32 };

export interface ExportToWrite {
  crc?: number;
  gpl?: boolean;
  namespace?: string;
}

/** A kernel module; what is left out is as in a sound module of the kernel in {@link CONFIG}. */
export interface ModuleToWrite {
  format?: ElfFormat;
  type?: number;
  modinfo?: readonly string[];
  /** Undefined symbols; those of `weak` are weak. */
  needs?: readonly string[];
  weak?: readonly string[];
  versions?: Readonly<Record<string, number>> | undefined;
  extendedVersions?: Readonly<Record<string, number>>;
  exports?: Readonly<Record<string, ExportToWrite>>;
  /** The 7.x form: GPL-only exports are told by a table of flags. */
  flagTable?: boolean;
  symbols?: readonly SymbolToWrite[];
  /** Sections to leave out. */
  without?: readonly string[];
  extended?: boolean;
}

export const RELEASE = '6.12.117+deb13-amd64';
export const CONFIG = [
  'CONFIG_64BIT=y',
  'CONFIG_X86_64=y',
  'CONFIG_SMP=y',
  'CONFIG_PREEMPT_BUILD=y',
  'CONFIG_MODULE_UNLOAD=y',
  'CONFIG_MODVERSIONS=y',
  '# CONFIG_MODULE_ALLOW_MISSING_NAMESPACE_IMPORTS is not set',
  '',
].join('\n');

export const MODINFO = [
  'license=GPL',
  'depends=',
  'name=sound',
  `vermagic=${RELEASE} SMP preempt mod_unload modversions `,
];

/** The content of `__versions`. */
export function versionsContent(
  format: ElfFormat,
  versions: Readonly<Record<string, number>>,
): Buffer {
  const bytes = new Bytes(format);
  for (const [name, crc] of Object.entries(versions)) {
    const field = Buffer.alloc(64 - format.bits / 8);
    field.write(name, 'latin1');
    bytes.wide(crc).raw(field);
  }
  return bytes.toBuffer();
}

function exportSections(
  module: ModuleToWrite,
  format: ElfFormat,
): [SectionToWrite[], SymbolToWrite[]] {
  const entrySize = 12;
  const exported = Object.entries(module.exports ?? {});
  const sections = new Map<string, Buffer[]>();
  const symbols: SymbolToWrite[] = [];
  const append = (section: string, content: Buffer, symbol: string): void => {
    const parts = sections.get(section) ?? [];
    const value = Buffer.concat(parts).length;
    symbols.push({ name: symbol, section, binding: 0, value });
    sections.set(section, [...parts, content]);
  };
  for (const [name, { crc, gpl = false, namespace = '' }] of exported) {
    const suffix = gpl && module.flagTable !== true ? '_gpl' : '';
    append(`__ksymtab${suffix}`, Buffer.alloc(entrySize), `__ksymtab_${name}`);
    append('__ksymtab_strings', Buffer.from(`${name}\0`), `__kstrtab_${name}`);
    append('__ksymtab_strings', Buffer.from(`${namespace}\0`), `__kstrtabns_${name}`);
    if (crc !== undefined) {
      append(`__kcrctab${suffix}`, new Bytes(format).word(crc).toBuffer(), `__crc_${name}`);
    }
    if (module.flagTable === true) {
      append('__kflagstab', Buffer.from([gpl ? 1 : 0]), `__flags_${name}`);
    }
  }
  return [[...sections].map(([name, parts]) => ({ name, data: Buffer.concat(parts) })), symbols];
}

/** Writes a module. */
export function writeModule(module: ModuleToWrite = {}): Buffer {
  const { format = X86_64, modinfo = MODINFO, without = [], extendedVersions } = module;
  const versions = 'versions' in module ? module.versions : { module_layout: 0x11, _printk: 0x22 };
  const [exportedSections, exportedSymbols] = exportSections(module, format);
  const sections: SectionToWrite[] = [
    { name: '.text', data: Buffer.alloc(16) },
    { name: '.modinfo', data: Buffer.from(modinfo.map((entry) => `${entry}\0`).join('')) },
    { name: '.gnu.linkonce.this_module', data: Buffer.alloc(64) },
    ...exportedSections,
  ];
  if (versions !== undefined) {
    sections.push({ name: '__versions', data: versionsContent(format, versions) });
  }
  if (extendedVersions !== undefined) {
    const names = Object.keys(extendedVersions).map((name) => `${name}\0`);
    const crcs = new Bytes(format).word(...Object.values(extendedVersions)).toBuffer();
    sections.push(
      { name: '__version_ext_crcs', data: crcs },
      { name: '__version_ext_names', data: Buffer.from(names.join('')) },
    );
  }
  return writeElf({
    format,
    ...(module.type === undefined ? {} : { type: module.type }),
    ...(module.extended === undefined ? {} : { extended: module.extended }),
    sections: sections.filter(({ name }) => !without.includes(name)),
    symbols: [
      ...exportedSymbols,
      { name: 'init_module', section: '.text' },
      { name: '__this_module', section: '.gnu.linkonce.this_module' },
      ...(module.needs ?? ['_printk']).map((name) => ({ name })),
      ...(module.weak ?? []).map((name) => ({ name, binding: 2 })),
      ...(module.symbols ?? []),
    ],
  });
}
