import { sha256 } from '../core/hash.ts';
import type { BuiltModule } from '../model/records.ts';
import { type Finding, Findings, shown } from './findings.ts';
import { isSet, type KernelConfig, machineOf, parseKernelConfig } from './kernel-config.ts';
import { firstValue, isPrintable } from './modinfo.ts';
import { type ModuleContents, moduleName, openModule } from './module-file.ts';
import { checkSymbols, checkVersion } from './resolve.ts';
import type { ExportedSymbol, SymbolTable } from './symvers.ts';
import {
  type ExpectedVermagic,
  expectedVermagic,
  formatVermagic,
  vermagicFits,
} from './vermagic.ts';

export type { Finding, FindingCode } from './findings.ts';

/** What modules are checked against. The architecture is read from the configuration. */
export interface KernelFacts {
  /** What `uname -r` prints. */
  release: string;
  /** Text of the kernel's `.config`. */
  config: string;
  /** The kernel's `Module.symvers`, parsed. */
  symvers: SymbolTable;
}

export interface ModuleFile {
  /** File name with `.ko`. */
  name: string;
  /** Uncompressed; a signature at its end does no harm. */
  content: Buffer;
}

/** A module as it was read, whether or not it fits. */
export type VerifiedModule = BuiltModule;

interface Opened extends ModuleFile {
  findings: Findings;
  contents: ModuleContents | undefined;
}

interface Against {
  kernel: KernelFacts;
  config: KernelConfig;
  vermagic: ExpectedVermagic;
  /** Where symbols are looked up, in this order. */
  tables: readonly SymbolTable[];
}

const CHECKED_KEYS = ['license', 'vermagic', 'name', 'depends', 'import_ns'];
const DEPENDENCIES = /^(?:[\w-]+(?:,[\w-]+)*)?$/;

function checkModinfo(module: Opened, contents: ModuleContents, against: Against): void {
  const { findings } = module;
  const { modinfo } = contents;
  for (const key of CHECKED_KEYS) {
    const odd = modinfo.get(key)?.find((value) => !isPrintable(value));
    if (odd !== undefined) {
      findings.add('MODINFO_INVALID', `has an unprintable or overlong ${key}: ${shown(odd)}`);
    }
  }
  const depends = firstValue(modinfo, 'depends') ?? '';
  if (!DEPENDENCIES.test(depends)) {
    findings.add('MODINFO_INVALID', `depends on what are no module names: ${shown(depends)}`);
  }
  const vermagic = firstValue(modinfo, 'vermagic');
  const expected = formatVermagic(against.vermagic);
  if (vermagic === undefined) {
    findings.add('VERMAGIC', `has no vermagic; this kernel's is "${expected}"`);
  } else if (!vermagicFits(vermagic, against.vermagic)) {
    const present = shown(vermagic.trim());
    findings.add('VERMAGIC', `has the vermagic "${present}", but this kernel's is "${expected}"`);
  }
  if ((firstValue(modinfo, 'license') ?? '') === '') {
    findings.add('LICENSE_MISSING', 'names no licence (MODULE_LICENSE)');
  }
  const name = firstValue(modinfo, 'name');
  if (name !== undefined && name.replaceAll('-', '_') !== moduleName(module.name)) {
    findings.add('NAME_MISMATCH', `is the module ${shown(name)} under another name`);
  }
}

function checkImports(module: Opened, contents: ModuleContents, against: Against): void {
  const { findings } = module;
  const { kernel, config, tables } = against;
  const versioned = isSet(config, 'MODVERSIONS');
  const versions = versioned ? contents.versions : undefined;
  if (versioned && versions === undefined) {
    findings.add('VERSIONS_MISSING', 'has no symbol versions, which this kernel asks for');
  }
  const layout = kernel.symvers.get('module_layout');
  if (versions !== undefined && layout !== undefined) {
    checkVersion('module_layout', layout, versions, findings);
  }
  const importer = {
    name: moduleName(module.name),
    license: firstValue(contents.modinfo, 'license'),
    namespaces: new Set(contents.modinfo.get('import_ns') ?? []),
    versions,
    namespacesOptional: isSet(config, 'MODULE_ALLOW_MISSING_NAMESPACE_IMPORTS'),
  };
  checkSymbols(contents.wanted, tables, importer, findings);
}

function checkExports(module: Opened, contents: ModuleContents, kernel: KernelFacts): void {
  for (const name of contents.exports.keys()) {
    if (kernel.symvers.get(name)?.module === 'vmlinux') {
      module.findings.add(
        'SYMBOL_DUPLICATE',
        `exports ${shown(name)}, which the kernel itself exports`,
      );
    }
  }
}

function recordOf(module: ModuleFile, { modinfo }: ModuleContents): VerifiedModule {
  const value = (key: string): string => {
    const text = firstValue(modinfo, key) ?? '';
    return isPrintable(text) ? text : '';
  };
  const depends = value('depends');
  return {
    file: module.name,
    sha256: sha256(module.content),
    size: module.content.length,
    vermagic: value('vermagic').trim(),
    license: value('license'),
    depends: DEPENDENCIES.test(depends) ? depends.split(',').filter((name) => name !== '') : [],
  };
}

function exportsOf(modules: readonly Opened[]): SymbolTable {
  const table = new Map<string, ExportedSymbol>();
  for (const { contents } of modules) {
    for (const [name, symbol] of contents?.exports ?? []) {
      table.set(name, symbol);
    }
  }
  return table;
}

/**
 * Says whether the modules of one build fit a kernel: what its loader would check (kernel/module/main.c), and that
 * the release is the very one. Reads any bytes: what is wrong with a file is a finding.
 *
 * @param modules all files of the build; they may use each other's symbols
 * @param extra symbols of other modules that these depend on
 * @returns the modules that could be read, and what is wrong, in the order of the files; no finding: they fit
 * @throws LockstepError VERIFY_FAILED when the kernel's configuration names no known architecture
 */
export function verifyModules(
  modules: readonly ModuleFile[],
  kernel: KernelFacts,
  extra: readonly SymbolTable[] = [],
): { modules: VerifiedModule[]; findings: Finding[] } {
  const config = parseKernelConfig(kernel.config);
  const machine = machineOf(config);
  const opened = modules.map(({ name, content }): Opened => {
    const findings = new Findings(name);
    return { name, content, findings, contents: openModule(name, content, machine, findings) };
  });
  const against: Against = {
    kernel,
    config,
    vermagic: expectedVermagic(kernel.release, config),
    tables: [exportsOf(opened), ...extra, kernel.symvers],
  };
  const names = new Set<string>();
  const verified: VerifiedModule[] = [];
  for (const module of opened) {
    const { contents } = module;
    const name = moduleName(module.name);
    if (names.has(name)) {
      module.findings.add('NAME_DUPLICATE', `is the second module ${shown(name)} of this build`);
    }
    names.add(name);
    if (contents !== undefined) {
      checkModinfo(module, contents, against);
      checkImports(module, contents, against);
      checkExports(module, contents, kernel);
      verified.push(recordOf(module, contents));
    }
  }
  return { modules: verified, findings: opened.flatMap(({ findings }) => findings.all()) };
}
