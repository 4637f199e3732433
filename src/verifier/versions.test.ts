import { describe, expect, it } from 'vitest';
import { LockstepError } from '../core/errors.ts';
import { readElf } from './elf.ts';
import { writeElf } from './testing/elf-writer.ts';
import { FORMATS, versionsContent, writeModule, X86_64 } from './testing/module-fixture.ts';
import { readVersions } from './versions.ts';

const VERSIONS = { module_layout: 0x89abcdef, _printk: 1 };

function sectionsOnly(sections: Readonly<Record<string, Buffer>>): ReturnType<typeof readElf> {
  const list = Object.entries(sections).map(([name, data]) => ({ name, data }));
  return readElf(writeElf({ format: X86_64, sections: list, symbols: [] }));
}

describe('readVersions', () => {
  it.each(Object.entries(FORMATS))('reads both forms of %s', (_name, format) => {
    const basic = readElf(writeModule({ format, versions: VERSIONS }));
    expect([...(readVersions(basic) ?? [])]).toEqual(Object.entries(VERSIONS));
    const long = { ...VERSIONS, ['n'.repeat(300)]: 0xffffffff };
    const extended = readElf(
      writeModule({ format, versions: { module_layout: 5 }, extendedVersions: long }),
    );
    expect([...(readVersions(extended) ?? [])]).toEqual(Object.entries(long));
  });

  it('tells a module without versions from one with none in them', () => {
    expect(readVersions(readElf(writeModule({ versions: undefined })))).toBeUndefined();
    expect(readVersions(readElf(writeModule({ versions: {} })))).toEqual(new Map());
  });

  it('takes the first of two entries of a symbol', () => {
    const twice = Buffer.concat([
      versionsContent(X86_64, { a: 1 }),
      versionsContent(X86_64, { a: 2 }),
    ]);
    expect(readVersions(sectionsOnly({ __versions: twice }))?.get('a')).toBe(1);
    const crcs = Buffer.from([1, 0, 0, 0, 2, 0, 0, 0]);
    const extended = { __version_ext_crcs: crcs, __version_ext_names: Buffer.from('a\0a\0') };
    expect(readVersions(sectionsOnly(extended))?.get('a')).toBe(1);
  });

  const content = versionsContent(X86_64, VERSIONS);
  it.each([
    ['a cut entry', { __versions: content.subarray(0, 100) }, /multiple of 64/],
    ['a name that fills its field', { __versions: Buffer.alloc(64, 'a') }, /does not end/],
    ['absurdly many', { __versions: Buffer.alloc(64 * 65_537) }, /65537 symbols/],
    [
      'more CRCs than names',
      { __version_ext_crcs: Buffer.alloc(8), __version_ext_names: Buffer.from('one\0') },
      /more entries/,
    ],
    [
      'a CRC cut short',
      { __version_ext_crcs: Buffer.alloc(7), __version_ext_names: Buffer.from('one\0two\0') },
      /multiple of 4/,
    ],
    [
      'names without an end',
      { __version_ext_crcs: Buffer.alloc(4), __version_ext_names: Buffer.from('one') },
      /does not end/,
    ],
  ])('refuses %s', (_what, sections, message) => {
    const elf = sectionsOnly(sections);
    expect(() => readVersions(elf)).toThrow(LockstepError);
    expect(() => readVersions(elf)).toThrow(message);
  });
});
