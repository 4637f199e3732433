import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import * as path from 'node:path';
import { describe, expect, it } from 'vitest';
import { readModuleFiles } from './read-modules.ts';
import { parseSymvers } from './symvers.ts';
import { writeElf } from './testing/elf-writer.ts';
import {
  ARM,
  CONFIG,
  FORMATS,
  MODINFO,
  type ModuleToWrite,
  PPC32,
  RELEASE,
  S390X,
  writeModule,
  X86_64,
} from './testing/module-fixture.ts';
import { type Finding, type KernelFacts, verifyModules } from './verify.ts';

const SYMVERS = [
  '0x00000011\tmodule_layout\tvmlinux\tEXPORT_SYMBOL\t',
  '0x00000022\t_printk\tvmlinux\tEXPORT_SYMBOL\t',
  '0x00000033\tgpl_thing\tvmlinux\tEXPORT_SYMBOL_GPL\t',
  '0x00000044\tnamed_thing\tdrivers/named\tEXPORT_SYMBOL\tNAMED',
  '0x00000055\tkvm_thing\tvmlinux\tEXPORT_SYMBOL_GPL\tmodule:kvm,snd-*,soun*',
  '0x00000000\tno_crc\tvmlinux\tEXPORT_SYMBOL\t',
].join('\n');

const KERNEL: KernelFacts = { release: RELEASE, config: CONFIG, symvers: parseSymvers(SYMVERS) };
const UNVERSIONED: KernelFacts = {
  ...KERNEL,
  config: CONFIG.replace('CONFIG_MODVERSIONS=y\n', ''),
};

const LAYOUT = { module_layout: 0x11 };

function findings(module: ModuleToWrite, kernel = KERNEL, name = 'sound.ko'): Finding[] {
  return verifyModules([{ name, content: writeModule(module) }], kernel).findings;
}

function replaced(key: string, ...values: string[]): string[] {
  const others = MODINFO.filter((entry) => !entry.startsWith(`${key}=`));
  return [...others, ...values.map((value) => `${key}=${value}`)];
}

describe('verifyModules', () => {
  it('says of a sound module what the ledger keeps', () => {
    const content = writeModule({ modinfo: replaced('depends', 'videodev,mc') });
    expect(verifyModules([{ name: 'sound.ko', content }], KERNEL)).toEqual({
      findings: [],
      modules: [
        {
          file: 'sound.ko',
          sha256: createHash('sha256').update(content).digest('hex'),
          size: content.length,
          vermagic: `${RELEASE} SMP preempt mod_unload modversions`,
          license: 'GPL',
          depends: ['videodev', 'mc'],
        },
      ],
    });
  });

  const sound: [string, ModuleToWrite][] = [
    [
      'with symbols used',
      { needs: ['_printk', 'gpl_thing'], versions: { ...LAYOUT, _printk: 0x22, gpl_thing: 0x33 } },
    ],
    ['with a signature', {}],
    ['with a weak symbol that nobody has', { weak: ['nowhere'] }],
    [
      'with a weak symbol that its licence does not admit',
      { modinfo: replaced('license', 'Proprietary'), weak: ['gpl_thing'] },
    ],
    [
      'with the assembler’s _GLOBAL_OFFSET_TABLE_',
      { needs: ['_GLOBAL_OFFSET_TABLE_'], versions: LAYOUT },
    ],
    ['with a symbol that has no CRC', { needs: ['no_crc'], versions: LAYOUT }],
    [
      'that imports its namespace',
      {
        modinfo: [...MODINFO, 'import_ns=OTHER', 'import_ns=NAMED'],
        needs: ['named_thing'],
        versions: { ...LAYOUT, named_thing: 0x44 },
      },
    ],
    [
      'that a namespace of modules admits',
      { needs: ['kvm_thing'], versions: { ...LAYOUT, kvm_thing: 0x55 } },
    ],
    [
      'whose extended versions count',
      { versions: { module_layout: 1 }, extendedVersions: { module_layout: 0x11, _printk: 0x22 } },
    ],
    [
      'with what the compiler leaves when it optimises at link time',
      { symbols: [{ name: '__gnu_lto_v1', section: 0xfff2 }] },
    ],
    ['that exports what a module of the kernel exports', { exports: { named_thing: {} } }],
    ['without a name of its own', { modinfo: replaced('name') }],
  ];
  it.each(sound)('finds nothing in a module %s', (what, module) => {
    const signature = what === 'with a signature' ? '~Module signature appended~\n' : '';
    const content = Buffer.concat([writeModule(module), Buffer.from(signature)]);
    expect(verifyModules([{ name: 'sound.ko', content }], KERNEL).findings).toEqual([]);
  });

  const unsound: [string, string, ModuleToWrite, RegExp][] = [
    ['an executable', 'NOT_A_MODULE', { type: 2 }, /not a relocatable object/],
    [
      'an object that is no module',
      'NOT_A_MODULE',
      { without: ['.gnu.linkonce.this_module'] },
      /\.gnu\.linkonce\.this_module/,
    ],
    ['one without .modinfo', 'NOT_A_MODULE', { without: ['.modinfo'] }, /\.modinfo/],
    [
      'one for ARM',
      'WRONG_MACHINE',
      { format: ARM },
      /32-bit little-endian code for ELF machine 40.*x86-64/,
    ],
    [
      'one of the other byte order',
      'WRONG_MACHINE',
      { format: { ...X86_64, littleEndian: false } },
      /64-bit big-endian/,
    ],
    [
      'one with more sections than the kernel loads',
      'ELF_INVALID',
      { extended: true },
      /sections, more than/,
    ],
    [
      'another release',
      'VERMAGIC',
      { modinfo: replaced('vermagic', '6.12.116+deb13-amd64 SMP preempt mod_unload modversions ') },
      /"6\.12\.116.*"6\.12\.117/,
    ],
    ['no vermagic', 'VERMAGIC', { modinfo: replaced('vermagic') }, /has no vermagic/],
    ['no licence', 'LICENSE_MISSING', { modinfo: replaced('license') }, /names no licence/],
    ['another name', 'NAME_MISMATCH', { modinfo: replaced('name', 'other') }, /the module other/],
    [
      'an escape sequence as licence',
      'MODINFO_INVALID',
      { modinfo: replaced('license', 'GPL\u001b[2J') },
      /license: GPL\\u001b\[2J/,
    ],
    [
      'odd dependencies',
      'MODINFO_INVALID',
      { modinfo: replaced('depends', 'a, b') },
      /no module names: a, b/,
    ],
    ['no versions', 'VERSIONS_MISSING', { versions: undefined }, /no symbol versions/],
    [
      'an unknown symbol',
      'SYMBOL_UNKNOWN',
      { needs: ['nowhere'], versions: LAYOUT },
      /needs nowhere, which neither/,
    ],
    [
      'an unknown symbol with a dot',
      'SYMBOL_UNKNOWN',
      { needs: ['.TOC.'], versions: LAYOUT },
      /needs \.TOC\./,
    ],
    [
      'a symbol of another CRC',
      'SYMBOL_CRC',
      { versions: { ...LAYOUT, _printk: 0x23 } },
      /_printk with CRC 0x00000023, but the kernel exports it with CRC 0x00000022/,
    ],
    [
      'a weak symbol of another CRC',
      'SYMBOL_CRC',
      { needs: [], weak: ['_printk'], versions: { ...LAYOUT, _printk: 0x23 } },
      /_printk/,
    ],
    [
      'a symbol without CRC',
      'SYMBOL_CRC',
      { versions: LAYOUT },
      /has no CRC for _printk.*0x00000022/,
    ],
    [
      'another module_layout',
      'SYMBOL_CRC',
      { versions: { module_layout: 1, _printk: 0x22 } },
      /module_layout with CRC 0x00000001/,
    ],
    [
      'extended versions that differ',
      'SYMBOL_CRC',
      { extendedVersions: { module_layout: 0x11, _printk: 9 } },
      /0x00000009/,
    ],
    [
      'a GPL-only symbol',
      'SYMBOL_GPL_ONLY',
      {
        modinfo: replaced('license', 'Proprietary'),
        needs: ['gpl_thing'],
        versions: { ...LAYOUT, gpl_thing: 0x33 },
      },
      /gpl_thing.*"Proprietary"/,
    ],
    [
      'a namespace not imported',
      'SYMBOL_NAMESPACE',
      { needs: ['named_thing'], versions: { ...LAYOUT, named_thing: 0x44 } },
      /named_thing of namespace NAMED/,
    ],
    [
      'an export of the kernel’s',
      'SYMBOL_DUPLICATE',
      { exports: { _printk: {} } },
      /exports _printk/,
    ],
    [
      'a common symbol',
      'SYMBOL_COMMON',
      { symbols: [{ name: 'tentative', section: 0xfff2 }] },
      /tentative/,
    ],
  ];
  it.each(unsound)('finds %s: %s', (_what, code, module, message) => {
    const found = findings(module);
    expect(found.map((finding) => finding.code)).toEqual([code]);
    expect(found[0]?.file).toBe('sound.ko');
    expect(found[0]?.message).toMatch(message);
    expect(found[0]?.message).toMatch(/^sound\.ko /);
  });

  it('lets only the modules in that a namespace names', () => {
    const module = {
      modinfo: replaced('name'),
      needs: ['kvm_thing'],
      versions: { ...LAYOUT, kvm_thing: 0x55 },
    };
    expect(findings(module, KERNEL, 'kvm.ko')).toEqual([]);
    expect(findings(module, KERNEL, 'snd_hda.ko')).toEqual([]);
    expect(findings(module, KERNEL, 'kvm_intel.ko').map(({ code }) => code)).toEqual([
      'SYMBOL_NAMESPACE',
    ]);
  });

  it('asks for no namespace where the kernel does not', () => {
    const config = `${CONFIG}CONFIG_MODULE_ALLOW_MISSING_NAMESPACE_IMPORTS=y\n`;
    const module = { needs: ['named_thing'], versions: { ...LAYOUT, named_thing: 0x44 } };
    expect(findings(module, { ...KERNEL, config })).toEqual([]);
  });

  it('asks nothing of CRCs where the kernel has none', () => {
    const vermagic = `${RELEASE} SMP preempt mod_unload `;
    const modinfo = replaced('vermagic', vermagic);
    expect(findings({ modinfo, versions: undefined }, UNVERSIONED)).toEqual([]);
    expect(findings({ modinfo, versions: { module_layout: 1 } }, UNVERSIONED)).toEqual([]);
    expect(findings({ modinfo, needs: ['nowhere'] }, UNVERSIONED).map(({ code }) => code)).toEqual([
      'SYMBOL_UNKNOWN',
    ]);
  });

  it('treats names of 64-bit PowerPC as its loader does', () => {
    const config = CONFIG.replace('X86_64', 'PPC64');
    const module = { format: { ...S390X, machine: 21 }, needs: ['.TOC.', '._printk'] };
    expect(findings(module, { ...KERNEL, config })).toEqual([]);
    expect(
      findings({ ...module, versions: { ...LAYOUT, '._printk': 0x22 } }, { ...KERNEL, config }),
    ).toEqual([]);
  });

  it('reads modules of every class and byte order', () => {
    const configs = { X86_64: 'X86_64', ARM: 'ARM', S390X: 'S390', PPC32: 'PPC32' };
    for (const [name, option] of Object.entries(configs)) {
      const format = Object.entries(FORMATS).find(([key]) => key === name)?.[1] ?? PPC32;
      const config = CONFIG.replace(
        'CONFIG_64BIT=y\nCONFIG_X86_64=y',
        `CONFIG_${option}=y\nCONFIG_CPU_32v7=y`,
      );
      const tail = name === 'ARM' ? 'ARMv7 ' : '';
      const modinfo = replaced('vermagic', `${RELEASE} SMP preempt mod_unload modversions ${tail}`);
      const kernel = { ...KERNEL, config };
      expect(findings({ format, modinfo }, kernel)).toEqual([]);
      expect(
        findings({ format, modinfo, versions: { ...LAYOUT, _printk: 7 } }, kernel),
      ).toHaveLength(1);
    }
  });

  it('stops listing at fifty and says how many are left', () => {
    const needs = Array.from({ length: 73 }, (_none, n) => `nowhere_${n}`);
    const found = findings({ needs, versions: LAYOUT });
    expect(found).toHaveLength(51);
    expect(found.at(-1)).toEqual({
      code: 'MORE',
      file: 'sound.ko',
      message: 'sound.ko has 23 more findings',
    });
  });

  it('gives a file that is no module a finding, and no record', () => {
    const content = Buffer.from('not a module at all');
    const good = { name: 'sound.ko', content: writeModule() };
    const result = verifyModules([{ name: 'bad.ko', content }, good], KERNEL);
    expect(result.modules.map(({ file }) => file)).toEqual(['sound.ko']);
    expect(result.findings).toEqual([
      {
        code: 'ELF_INVALID',
        file: 'bad.ko',
        message: "bad.ko can't be read: it is not an ELF file",
      },
    ]);
    const bare = writeElf({ format: X86_64, sections: [], symbols: [] });
    expect(verifyModules([{ name: 'bad.ko', content: bare }], KERNEL).findings[0]?.code).toBe(
      'NOT_A_MODULE',
    );
  });

  it('keeps odd dependencies out of the record', () => {
    const content = writeModule({ modinfo: replaced('depends', 'a,b; rm -rf') });
    expect(verifyModules([{ name: 'sound.ko', content }], KERNEL).modules[0]?.depends).toEqual([]);
  });

  it('escapes the names of sections in messages', () => {
    const content = writeModule();
    content.write('\u001b', content.lastIndexOf('.strtab'), 'latin1');
    const headers = Number(content.readBigUInt64LE(40));
    const strings = headers + 64 * (content.readUInt16LE(60) - 2);
    content.writeUInt32LE(0x800, strings + 8);
    const [finding] = verifyModules([{ name: 'sound.ko', content }], KERNEL).findings;
    expect(finding?.message).toMatch(/can't be read: its section \\u001bstrtab is compressed/);
  });

  it('cuts long names in messages', () => {
    const found = findings({ needs: ['n'.repeat(900)], versions: LAYOUT });
    expect(found[0]?.message).toContain(`needs ${'n'.repeat(160)}…, which`);
  });

  it('asks for content in the section that makes a module', () => {
    const data = Buffer.from(MODINFO.map((entry) => `${entry}\0`).join(''));
    const sections = [
      { name: '.modinfo', data },
      { name: '.gnu.linkonce.this_module', data: Buffer.alloc(0) },
    ];
    const content = writeElf({ format: X86_64, sections, symbols: [] });
    const found = verifyModules([{ name: 'sound.ko', content }], KERNEL).findings;
    expect(found.map(({ code }) => code)).toEqual(['NOT_A_MODULE']);
  });

  it('sees when two files are one module', () => {
    const content = writeModule({ modinfo: replaced('name') });
    const result = verifyModules(
      [
        { name: 'a-b.ko', content },
        { name: 'a_b.ko', content },
      ],
      KERNEL,
    );
    expect(result.findings.map(({ code, file }) => `${code} ${file}`)).toEqual([
      'NAME_DUPLICATE a_b.ko',
    ]);
  });

  it('throws only when the kernel’s own configuration is useless', () => {
    expect(() => verifyModules([], { ...KERNEL, config: '' })).toThrow(
      expect.objectContaining({ code: 'VERIFY_FAILED' }),
    );
  });
});

describe('symbols of other modules of the same build', () => {
  const user = (versions: Record<string, number>, license = 'GPL'): Buffer =>
    writeModule({
      modinfo: [
        ...replaced('name').filter((entry) => !entry.startsWith('license=')),
        `license=${license}`,
      ],
      needs: ['shared', 'shared_gpl'],
      versions: { ...LAYOUT, ...versions },
    });
  const versions = { shared: 0xa1, shared_gpl: 0xa2 };
  const check = (provider: ModuleToWrite, content: Buffer): string[] => {
    const provided = writeModule({ modinfo: replaced('name'), ...provider });
    const files = [
      { name: 'user.ko', content },
      { name: 'provider.ko', content: provided },
    ];
    return verifyModules(files, KERNEL).findings.map(({ code, message }) => `${code}: ${message}`);
  };

  it.each([
    ['by section', false],
    ['by a table of flags', true],
  ])('are found with CRC and licence, GPL-only told %s', (_how, flagTable) => {
    const provider = {
      exports: { shared: { crc: 0xa1 }, shared_gpl: { crc: 0xa2, gpl: true } },
      flagTable,
    };
    expect(check(provider, user(versions))).toEqual([]);
    expect(check(provider, user({ ...versions, shared: 0xa2 }))).toEqual([
      'SYMBOL_CRC: user.ko was built for shared with CRC 0x000000a2, but module provider exports it with CRC 0x000000a1',
    ]);
    expect(check(provider, user(versions, 'Proprietary'))).toEqual([
      'SYMBOL_GPL_ONLY: user.ko needs shared_gpl, which module provider exports to GPL-compatible modules only; its licence is "Proprietary"',
    ]);
  });

  it('are found with the namespace', () => {
    const exports = { shared: { crc: 0xa1, namespace: 'OURS' }, shared_gpl: { crc: 0xa2 } };
    expect(check({ exports }, user(versions))).toEqual([
      'SYMBOL_NAMESPACE: user.ko needs shared of namespace OURS, which it does not import',
    ]);
  });

  it('are found with a CRC that is an absolute symbol, and without one', () => {
    const exports = { shared: {}, shared_gpl: {} };
    const symbols = [{ name: '__crc_shared', section: 0xfff1, value: 0xa1 }];
    expect(check({ exports, symbols }, user(versions))).toEqual([]);
    expect(check({ exports, symbols }, user({ shared: 1 }))).toHaveLength(1);
  });

  it('are found in the tables of other modules, before the kernel’s', () => {
    const replacing =
      '0x000000a1\tshared\tother\tEXPORT_SYMBOL\t\n0x00000099\t_printk\tother\tEXPORT_SYMBOL\t\n';
    const content = writeModule({
      needs: ['shared', '_printk'],
      versions: { ...LAYOUT, shared: 0xa1, _printk: 0x99 },
    });
    const files = [{ name: 'sound.ko', content }];
    expect(verifyModules(files, KERNEL, [parseSymvers(replacing)]).findings).toEqual([]);
    expect(verifyModules(files, KERNEL).findings).toHaveLength(2);
  });
});

describe('readModuleFiles', () => {
  it('reads plain files and nothing else', async () => {
    const folder = mkdtempSync(path.join(tmpdir(), 'lockstep-verify-'));
    try {
      const file = path.join(folder, 'a.ko');
      const link = path.join(folder, 'b.ko');
      writeFileSync(file, 'content');
      symlinkSync(file, link);
      expect(await readModuleFiles([file])).toEqual([
        { name: 'a.ko', content: Buffer.from('content') },
      ]);
      await expect(readModuleFiles([file, link])).rejects.toMatchObject({ code: 'VERIFY_FAILED' });
      await expect(readModuleFiles([folder])).rejects.toMatchObject({ code: 'VERIFY_FAILED' });
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});
