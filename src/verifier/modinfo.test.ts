import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import * as path from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { LockstepError } from '../core/errors.ts';
import { runProgram } from '../programs/run.ts';
import { readElf } from './elf.ts';
import { firstValue, isPrintable, parseModinfo, readModinfo } from './modinfo.ts';
import { ARM, writeModule, X86_64 } from './testing/module-fixture.ts';
import { readVersions } from './versions.ts';

const folder = mkdtempSync(path.join(tmpdir(), 'lockstep-modinfo-'));
afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

const has = (program: string): boolean => spawnSync(program, ['--version']).status === 0;

describe('parseModinfo', () => {
  it('reads repeated keys, padding, empty values and values with =', () => {
    const modinfo = parseModinfo(
      Buffer.from('\0\0license=GPL\0alias=a\0\0\0alias=b=c\0depends=\0junk\0=x\0last=no end'),
    );
    expect([...modinfo]).toEqual([
      ['license', ['GPL']],
      ['alias', ['a', 'b=c']],
      ['depends', ['']],
      ['last', ['no end']],
    ]);
    expect(firstValue(modinfo, 'alias')).toBe('a');
    expect(firstValue(modinfo, 'vermagic')).toBeUndefined();
  });

  it('refuses one that is absurdly large', () => {
    expect(() => parseModinfo(Buffer.alloc(1024 * 1024 + 1))).toThrow(LockstepError);
  });
});

describe('isPrintable', () => {
  it.each([
    ['GPL v2', true],
    ['', true],
    ['a\u001b[2J', false],
    ['Łicence', false],
    ['x'.repeat(1025), false],
  ])('%j: %s', (text, expected) => {
    expect(isPrintable(text)).toBe(expected);
  });
});

const ENTRIES = [
  'license=Dual BSD/GPL',
  'alias=pci:*',
  'alias=usb:v1',
  'depends=a,b',
  'author=Zoë',
];

describe.skipIf(!has('modinfo'))('against kmod', () => {
  it.each([
    ['64-bit', X86_64],
    ['32-bit', ARM],
  ])('reads the .modinfo of a %s module as modinfo does', async (name, format) => {
    const content = writeModule({ format, modinfo: ENTRIES });
    const file = path.join(folder, `${name}.ko`);
    writeFileSync(file, content);
    const { stdout } = await runProgram('modinfo', ['-0', file]);
    const theirs = stdout
      .split('\0')
      .filter((entry) => entry !== '' && !/^(?:filename|name)[=:]/.test(entry));
    const ours = [...(readModinfo(readElf(content)) ?? [])].flatMap(([key, values]) =>
      values.map((value) => `${key}=${value}`),
    );
    expect(ours.toSorted()).toEqual(theirs.map((entry) => entry.trim()).toSorted());
    expect(ours).toHaveLength(ENTRIES.length);
  });

  it.skipIf(!has('modprobe'))('reads __versions as modprobe does', async () => {
    for (const [name, format] of Object.entries({ X86_64, ARM })) {
      const versions = { module_layout: 0x11, _printk: 0xfedcba98, ['x'.repeat(55)]: 0 };
      const content = writeModule({ format, versions });
      const file = path.join(folder, `versions-${name}.ko`);
      writeFileSync(file, content);
      const { stdout } = await runProgram('modprobe', ['--dump-modversions', file]);
      const theirs = stdout
        .trim()
        .split('\n')
        .map((line) => line.split('\t'));
      const ours = [...(readVersions(readElf(content)) ?? [])];
      expect(
        ours.map(([symbol, crc]) => [`0x${crc.toString(16).padStart(8, '0')}`, symbol]),
      ).toEqual(theirs);
      expect(ours).toHaveLength(3);
    }
  });
});
