import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseSymvers } from './symvers.ts';
import { Bytes, writeElf } from './testing/elf-writer.ts';
import {
  CONFIG,
  FORMATS,
  MODINFO,
  RELEASE,
  writeModule,
  X86_64,
} from './testing/module-fixture.ts';
import { type KernelFacts, verifyModules } from './verify.ts';

const KERNELS: Record<keyof typeof FORMATS, KernelFacts> = {
  X86_64: kernel('X86_64'),
  ARM: kernel('ARM'),
  S390X: kernel('S390'),
  PPC32: kernel('PPC32'),
};

function kernel(option: string): KernelFacts {
  const symvers = parseSymvers('0x00000011\tmodule_layout\tvmlinux\tEXPORT_SYMBOL\t\n');
  return { release: RELEASE, config: CONFIG.replace('X86_64', option), symvers };
}

function fixture(name: keyof typeof FORMATS): Buffer {
  return writeModule({
    format: FORMATS[name],
    exports: { one: { crc: 1 }, two: { crc: 2, gpl: true, namespace: 'N' } },
    extendedVersions: { module_layout: 0x11, _printk: 0x22 },
    needs: ['_printk', 'three'],
    flagTable: name === 'X86_64',
  });
}

const FIXTURES = [fixture('X86_64'), fixture('ARM'), fixture('S390X'), fixture('PPC32')];

/** What is not as it has to be, whatever the bytes are; what is thrown goes through. */
function problems(content: Buffer): string[] {
  return Object.values(KERNELS).flatMap((facts) => {
    const { modules, findings } = verifyModules([{ name: 'sound.ko', content }], facts);
    const odd = findings.filter(({ message }) => !/^[\x20-\x7e…]{1,2000}$/.test(message));
    const list = odd.map(({ message }) => `not for people: ${message}`);
    if (modules.length + findings.length === 0) {
      list.push('neither a record nor a finding');
    }
    if (!/^[\x20-\x7e]*$/.test(JSON.stringify(modules))) {
      list.push(`not for records: ${JSON.stringify(modules)}`);
    }
    return list;
  });
}

describe('verifyModules on any bytes', () => {
  it('gives findings for random bytes, with and without an ELF header', () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ maxLength: 400 }),
        fc.nat(3),
        fc.boolean(),
        (bytes, which, headed) => {
          const head = headed
            ? (FIXTURES[which] ?? Buffer.alloc(0)).subarray(0, 64)
            : Buffer.alloc(0);
          expect(problems(Buffer.concat([head, bytes]))).toEqual([]);
        },
      ),
      { numRuns: 500 },
    );
  });

  it('gives findings for cut files', () => {
    fc.assert(
      fc.property(fc.nat(3), fc.nat(), (which, length) => {
        const whole = FIXTURES[which] ?? Buffer.alloc(0);
        expect(problems(whole.subarray(0, length % whole.length))).toEqual([]);
      }),
      { numRuns: 500 },
    );
  });

  it('survives bytes that were changed anywhere', () => {
    const change = fc.tuple(
      fc.nat(),
      fc.oneof(fc.constantFrom(0, 1, 0x7f, 0x80, 0xff), fc.nat(255)),
    );
    fc.assert(
      fc.property(
        fc.nat(3),
        fc.array(change, { minLength: 1, maxLength: 12 }),
        (which, changes) => {
          const content = Buffer.from(FIXTURES[which] ?? Buffer.alloc(0));
          for (const [at, value] of changes) {
            content[at % content.length] = value;
          }
          expect(problems(content)).toEqual([]);
        },
      ),
      { numRuns: 3000 },
    );
  });

  it('survives headers that were changed: fields of 4 bytes at the start and among the section headers', () => {
    const extreme = fc.constantFrom(0, 1, 2, 8, 0x7fffffff, 0x80000000, 0xffffffff);
    const change = fc.tuple(fc.nat(), extreme, fc.boolean());
    fc.assert(
      fc.property(fc.nat(3), fc.array(change, { minLength: 1, maxLength: 3 }), (which, changes) => {
        const content = Buffer.from(FIXTURES[which] ?? Buffer.alloc(0));
        const headers = content.length - 64 * 15;
        for (const [at, value, early] of changes) {
          const word = early ? (at % 15) * 4 + 4 : headers + (at % (16 * 15 - 1)) * 4;
          content.writeUInt32LE(value, word);
        }
        expect(problems(content)).toEqual([]);
      }),
      { numRuns: 3000 },
    );
  });
});

describe('verifyModules on files that ask for much', () => {
  const base = [
    { name: '.modinfo', data: Buffer.from(MODINFO.map((entry) => `${entry}\0`).join('')) },
    { name: '.gnu.linkonce.this_module', data: Buffer.alloc(64) },
  ];
  const messageOf = (content: Buffer): string | undefined =>
    verifyModules([{ name: 'sound.ko', content }], KERNELS.X86_64).findings[0]?.message;

  /** A module whose symbol table is replaced by one symbol, many times over, with a name of a kilobyte. */
  function repeated(name: string, section: string | undefined, times: number): Buffer {
    const symbol = { name, ...(section === undefined ? {} : { section }) };
    const content = writeElf({ format: X86_64, sections: base, symbols: [symbol] });
    const start = Number(content.readBigUInt64LE(40));
    const header = start + 64 * (base.length + 1);
    const table = Number(content.readBigUInt64LE(header + 24));
    const entry = content.subarray(table + 24, table + 48);
    content.writeBigUInt64LE(BigInt(content.length), header + 24);
    content.writeBigUInt64LE(BigInt(24 * (times + 1)), header + 32);
    return Buffer.concat([
      content,
      Buffer.alloc(24),
      ...Array.from({ length: times }, () => entry),
    ]);
  }

  it('gives up on more undefined symbols than there can be', () => {
    expect(messageOf(repeated('n'.repeat(1000), undefined, 200_000))).toMatch(
      /more undefined symbols/,
    );
  });

  it('gives up on more exports than the kernel has', () => {
    const symbols = Array.from({ length: 70_000 }, (_none, index) => ({
      name: `__ksymtab_${index}`,
      section: '.modinfo',
    }));
    const content = writeElf({ format: X86_64, sections: base, symbols });
    expect(messageOf(content)).toMatch(/exports more symbols/);
  });

  it('reads a table of many defined symbols without reading their names', () => {
    expect(messageOf(repeated('n'.repeat(4000), '.modinfo', 1_000_000))).toMatch(
      /has no CRC|has no symbol versions/,
    );
  });

  it('refuses a .modinfo of a size that no module has', () => {
    const data = Buffer.alloc(4_000_000, 'a=\0');
    const sections = [{ name: '.modinfo', data }, ...base.slice(1)];
    expect(messageOf(writeElf({ format: X86_64, sections, symbols: [] }))).toMatch(
      /\.modinfo has 4000000/,
    );
  });

  it('refuses versions of more symbols than the kernel has', () => {
    const data = new Bytes(X86_64).raw(Buffer.alloc(64 * 100_000)).toBuffer();
    const sections = [...base, { name: '__versions', data }];
    expect(messageOf(writeElf({ format: X86_64, sections, symbols: [] }))).toMatch(
      /versions of 100000 symbols/,
    );
  });
});
