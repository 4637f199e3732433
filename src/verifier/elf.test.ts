import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import * as path from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { LockstepError } from '../core/errors.ts';
import { runProgram } from '../programs/run.ts';
import { type Elf, loadedData, readElf, sectionData } from './elf.ts';
import { readSymbols } from './elf-symbols.ts';
import { type SymbolToWrite, writeElf } from './testing/elf-writer.ts';
import { FORMATS, writeModule, X86_64 } from './testing/module-fixture.ts';

const folder = mkdtempSync(path.join(tmpdir(), 'lockstep-elf-'));
afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

const has = (program: string): boolean => spawnSync(program, ['--version']).status === 0;

const BINDINGS = ['LOCAL', 'GLOBAL', 'WEAK'];
const PLACES = { absolute: 'ABS', common: 'COM', reserved: 'RSV' };

/** Symbols as `value binding place name`. */
function symbolLines(elf: Elf): string[] {
  const symbols = readSymbols(elf);
  return [...symbols.entries()].map((symbol) => {
    const { place, value, binding } = symbol;
    const where = typeof place === 'string' ? PLACES[place] : place === 0 ? 'UND' : String(place);
    return `${value.toString(16)} ${BINDINGS[binding] ?? binding} ${where} ${symbols.name(symbol)}`;
  });
}

/** What readelf says of the same, section symbols (which have no name of their own) left out by `keep`. */
async function readelfSymbols(file: string): Promise<string[]> {
  const { stdout } = await runProgram('readelf', ['-sW', file]);
  const pattern = /^ +(\d+): ([0-9a-f]+) +\S+ (\S+) +(LOCAL|GLOBAL|WEAK) +\S+ +(\S+)(?: (\S+))?$/gm;
  return [...stdout.matchAll(pattern)]
    .filter(([, index]) => index !== '0')
    .map(([, , value = '', type, binding, place, name = '']) => {
      const shown = type === 'SECTION' ? '' : name;
      return `${Number.parseInt(value, 16).toString(16)} ${binding} ${place} ${shown}`;
    });
}

async function readelfSections(file: string): Promise<string[]> {
  const { stdout } = await runProgram('readelf', ['-SW', file]);
  const pattern = /^ +\[ *(\d+)\] (\S*) +([A-Z_ ]+?) +[0-9a-f]+ ([0-9a-f]+) ([0-9a-f]+) /gm;
  return [...stdout.matchAll(pattern)].map(
    ([, index, name, , offset = '', size = '']) =>
      `${index} ${name} ${Number.parseInt(offset, 16)} ${Number.parseInt(size, 16)}`,
  );
}

function sectionLines(elf: Elf): string[] {
  return elf.sections
    .slice(1)
    .map(({ index, name, offset, size }) => `${index} ${name} ${offset} ${size}`);
}

async function expectAsReadelf(file: string): Promise<Elf> {
  const elf = readElf(await readFile(file));
  expect(symbolLines(elf)).toEqual(await readelfSymbols(file));
  expect(sectionLines(elf)).toEqual(
    (await readelfSections(file)).filter((line) => !line.startsWith('0 ')),
  );
  return elf;
}

describe.skipIf(!has('readelf'))('readElf and readSymbols, against readelf', () => {
  const symbols: SymbolToWrite[] = [
    { name: 'local', section: '.text', binding: 0, value: 4 },
    { name: 'needed' },
    { name: 'weak', binding: 2 },
    { name: 'constant', section: 0xfff1, value: 0x89abcdef },
    { name: 'tentative', section: 0xfff2 },
  ];
  const cases = Object.entries(FORMATS).flatMap(([name, format]) =>
    [false, true].map((extended) => ({ name, format, extended })),
  );

  it.each(cases)(
    'reads $name, extended numbering $extended',
    async ({ name, format, extended }) => {
      const file = path.join(folder, `${name}-${extended}.o`);
      const data = Buffer.from('0123456789abcdef');
      writeFileSync(
        file,
        writeElf({
          format,
          extended,
          sections: [
            { name: '.text', data },
            { name: '.data', data },
          ],
          symbols,
        }),
      );
      const elf = await expectAsReadelf(file);
      expect(elf).toMatchObject({ ...format, type: 1, extended });
      expect(
        elf.sections
          .filter((section) => section.name === '.text')
          .map((section) => sectionData(elf, section)),
      ).toEqual([data]);
    },
  );

  it.skipIf(!has('gcc'))('reads what gcc makes', async () => {
    const source = path.join(folder, 'unit.c');
    writeFileSync(
      source,
      `extern int outside(int); extern int maybe(void) __attribute__((weak));
       static int hidden = 3; int shared; int table[100] = { 1 };
       __attribute__((section(".init.text"))) int begin(void) { return outside(hidden) + (maybe ? maybe() : 0); }`,
    );
    for (const flags of [['-g'], ['-O2', '-fcommon'], ['-ffunction-sections', '-fdata-sections']]) {
      const file = path.join(folder, 'unit.o');
      await runProgram('gcc', ['-c', ...flags, '-o', file, source]);
      const elf = await expectAsReadelf(file);
      expect(symbolLines(elf)).toContain('0 GLOBAL UND outside');
      expect(symbolLines(elf)).toContain('0 WEAK UND maybe');
    }
  });

  it.skipIf(!has('gcc'))(
    'reads an object with more sections than the header can number',
    async () => {
      const source = path.join(folder, 'many.s');
      const lines = Array.from(
        { length: 66_000 },
        (_none, n) => `.section .s${n},"a"\nx${n}: .byte 0\n`,
      );
      writeFileSync(source, `${lines.join('')}.globl outside\n.long outside\n`);
      const file = path.join(folder, 'many.o');
      await runProgram('gcc', ['-c', '-o', file, source]);
      const elf = await expectAsReadelf(file);
      expect(elf.extended).toBe(true);
      expect(elf.sections.length).toBeGreaterThan(66_000);
    },
  );
});

describe('readElf', () => {
  const sound = writeModule();
  const patched = (at: number, value: number, size = 1): Buffer => {
    const copy = Buffer.from(sound);
    copy.writeUIntLE(value, at, size);
    return copy;
  };
  const first = Number(sound.readBigUInt64LE(40));

  it.each([
    ['an empty file', Buffer.alloc(0), /not an ELF file/],
    ['a script', Buffer.from('#!/bin/sh\nexit 0 # and more\n'), /not an ELF file/],
    ['an unknown class', patched(4, 3), /class or byte order/],
    ['an unknown byte order', patched(5, 0), /class or byte order/],
    ['half a header', sound.subarray(0, 40), /cut short/],
    ['no section headers', patched(40, 0, 6), /no section headers/],
    ['section headers of another size', patched(58, 40, 2), /no section headers/],
    ['section headers beyond the end', patched(40, 2 ** 47, 6), /beyond the end/],
    ['more section headers than fit', patched(60, 0xfeff, 2), /65279 sections/],
    ['an absurd extended number of sections', patched(60, 0, 2), /no section with the names/],
    ['no section names', patched(62, 0xfeff, 2), /no section with the names/],
    ['a section beyond the end', patched(first + 64 + 32, sound.length, 6), /section 1 reaches/],
    ['a section of an absurd size', patched(first + 64 + 37, 0xff, 1), /section 1 reaches/],
    ['a section name beyond the table', patched(first + 64, 0xffffffff, 4), /a name begins/],
    ['a cut file', sound.subarray(0, sound.length - 10), /it can't have 8 sections/],
  ])('refuses %s', (_what, file, message) => {
    expect(() => readElf(file)).toThrow(LockstepError);
    expect(() => readElf(file)).toThrow(message);
  });

  it('refuses a number of sections that only memory could bound', () => {
    const file = writeElf({ format: X86_64, sections: [], symbols: [], extended: true });
    const start = Number(file.readBigUInt64LE(40));
    file.writeUInt32LE(0xffffffff, start + 32);
    expect(() => readElf(file)).toThrow(/4294967295 sections/);
  });

  it('refuses more sections than a module can have, also when the file is large enough', () => {
    const file = writeElf({ format: X86_64, sections: [], symbols: [], extended: true });
    file.writeUInt32LE(150_000, Number(file.readBigUInt64LE(40)) + 32);
    const content = Buffer.concat([file, Buffer.alloc(150_000 * 64)]);
    expect(() => readElf(content)).toThrow(/150000 sections/);
  });

  it('takes the first section of a name that is loaded', () => {
    const sections = [
      { name: '.modinfo', flags: 0, data: Buffer.from('debugging') },
      { name: '.modinfo', data: Buffer.from('first') },
      { name: '.modinfo', data: Buffer.from('second') },
      { name: '.other', flags: 0, data: Buffer.from('not loaded') },
    ];
    const elf = readElf(writeElf({ format: X86_64, sections, symbols: [] }));
    expect(loadedData(elf, '.modinfo')?.toString()).toBe('first');
    expect(loadedData(elf, '.other')).toBeUndefined();
  });

  it('refuses compressed content', () => {
    const sections = [{ name: '.modinfo', flags: 0x802, data: Buffer.from('x') }];
    const elf = readElf(writeElf({ format: X86_64, sections, symbols: [] }));
    expect(() => loadedData(elf, '.modinfo')).toThrow(/\.modinfo is compressed/);
  });

  it('refuses a second symbol table, and none', () => {
    const second = [{ name: '.symtab', type: 2, data: Buffer.alloc(24) }];
    const two = readElf(writeElf({ format: X86_64, sections: second, symbols: [] }));
    expect(() => readSymbols(two)).toThrow(/more than one symbol table/);
    const sections = two.sections.filter(({ type }) => type !== 2);
    expect(() => readSymbols({ ...two, sections })).toThrow(/no symbol table/);
  });

  it('refuses a symbol whose section index is missing', () => {
    const symbols = [{ name: 'far', section: '.text' }];
    const text = { name: '.text', data: Buffer.alloc(4) };
    const elf = readElf(writeElf({ format: X86_64, sections: [text], symbols, extended: true }));
    const cut = elf.sections.map((section) =>
      section.type === 18 ? { ...section, size: 4 } : section,
    );
    expect(() => [...readSymbols({ ...elf, sections: cut }).entries()]).toThrow(/no section index/);
  });

  it('refuses names that do not end', () => {
    const name = 'n'.repeat(5000);
    const file = writeElf({ format: X86_64, sections: [], symbols: [{ name }] });
    const symbols = readSymbols(readElf(file));
    expect(() => [...symbols.entries()].map((symbol) => symbols.name(symbol))).toThrow(
      /does not end/,
    );
  });
});
