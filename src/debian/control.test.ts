import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import * as path from 'node:path';
import * as fc from 'fast-check';
import { beforeAll, describe, expect, test } from 'vitest';
import { useScratch } from '../core/testing/scratch.ts';
import { formatStanza, parseStanza, splitStanzas } from './control.ts';

const at = useScratch('control');

const FIELDS: readonly (readonly [string, string])[] = [
  ['Package', 'test-package'],
  ['Source', 'test-source (1.0-1)'],
  ['Version', '1:1.0~rc1-1+b2'],
  ['Architecture', 'amd64'],
  ['Maintainer', 'Ä Nämé <a@example.org>'],
  ['Installed-Size', '12'],
  ['Depends', 'a (>= 1), b | c, d:any (= 2)'],
  ['X-Folded', 'first\n second,\n\tthird'],
  ['Section', 'misc'],
  ['Priority', 'optional'],
  ['Homepage', 'https://example.org/a:b'],
  ['Description', 'one line: with a colon\n First paragraph\n  verbatim\n .\n Second # paragraph'],
];

function makeDeb(name: string, control: string): string {
  const tree = at(`tree-${name}`);
  mkdirSync(path.join(tree, 'DEBIAN'), { recursive: true });
  chmodSync(path.join(tree, 'DEBIAN'), 0o755);
  writeFileSync(path.join(tree, 'DEBIAN/control'), control);
  const file = at('debs', `${name}.deb`);
  execFileSync('dpkg-deb', ['--root-owner-group', '-Znone', '--build', tree, file]);
  return file;
}

function ask(program: string, ...args: string[]): string {
  return execFileSync(program, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });
}

async function stanzasOf(chunks: readonly Uint8Array[]): Promise<string[]> {
  const found: string[] = [];
  async function* stream(): AsyncGenerator<Uint8Array> {
    yield* chunks;
  }
  for await (const stanza of splitStanzas(stream())) {
    found.push(stanza.toString('utf8'));
  }
  return found;
}

describe('a paragraph', () => {
  let deb: string;
  beforeAll(() => {
    mkdirSync(at('debs'));
    deb = makeDeb('one', formatStanza(FIELDS));
  });

  test('that is written here says to dpkg what it should', () => {
    for (const [name, value] of FIELDS) {
      expect(ask('dpkg-deb', '-f', deb, name)).toBe(`${value}\n`);
    }
  });

  test('as dpkg writes it is read field by field as dpkg reads it', () => {
    const fields = parseStanza(ask('dpkg-deb', '-f', deb));
    expect([...fields.keys()].toSorted()).toEqual(FIELDS.map(([name]) => name).toSorted());
    for (const [name, value] of fields) {
      expect(`${value}\n`).toBe(ask('dpkg-deb', '-f', deb, name));
    }
  });

  test('of an index of apt-ftparchive is read field by field as dpkg-deb and sha256sum say', async () => {
    for (const name of ['two', 'three', 'four']) {
      const fields = FIELDS.map(([key, value]): [string, string] => [
        key,
        key === 'Package' ? `test-${name}` : value,
      ]);
      makeDeb(name, formatStanza(fields));
    }
    const index = ask('apt-ftparchive', 'packages', at('debs'));
    const stanzas = (await stanzasOf([Buffer.from(index)])).map(parseStanza);
    expect(stanzas).toHaveLength(4);
    for (const fields of stanzas) {
      const file = fields.get('Filename') ?? '';
      expect(fields.get('SHA256')).toBe(ask('sha256sum', file).slice(0, 64));
      expect(fields.get('Size')).toBe(ask('stat', '-c', '%s', file).trim());
      for (const [name] of FIELDS) {
        expect(`${fields.get(name)}\n`).toBe(ask('dpkg-deb', '-f', file, name));
      }
    }
  });

  test('loses nothing when it is written and read again (any)', () => {
    const name = fc.stringMatching(/^[A-Za-z][A-Za-z0-9-]{0,8}$/);
    const line = fc.stringMatching(/^[!-~]([ -~]{0,10}[!-~])?$/);
    const value = fc
      .tuple(line, fc.array(line, { maxLength: 3 }))
      .map(([first, more]) => [first, ...more.map((text) => ` ${text}`)].join('\n'));
    fc.assert(
      fc.property(fc.uniqueArray(fc.tuple(name, value), { selector: ([key]) => key }), (fields) => {
        expect([...parseStanza(formatStanza(fields))]).toEqual(fields);
      }),
    );
  });

  test('leaves out fields without a value', () => {
    expect(
      formatStanza([
        ['A', undefined],
        ['B', ''],
        ['C', '\n x'],
      ]),
    ).toBe('B: \nC:\n x\n');
  });

  test('may be anything: what is no field is passed over (any)', () => {
    expect([...parseStanza('# A: 1\nno colon\n goes nowhere\n: x\nA: 1\n#\n B\nC:2')]).toEqual([
      ['A', '1'],
      ['C', '2'],
    ]);
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom('A', ':', ' ', '\n', '\t', '#') }), (text) => {
        for (const name of parseStanza(text).keys()) {
          expect(name).toMatch(/^[^\s#:][^:\n]*$/);
        }
      }),
    );
  });
});

describe('a stream of paragraphs', () => {
  const text = [
    'Package: a\nDescription: ä€😀\n more\n',
    'Package: b\n',
    'Package: c\nVersion: 1\n',
    'Package: d\n',
  ].join('\n');

  test('is cut alike however its bytes arrive (any)', async () => {
    const pieces = fc.array(
      fc.constantFrom('Package: a\n', 'B: €\n', ' c\n', '\n', '\n\n', '\n\n\n', 'D: x'),
      { maxLength: 12 },
    );
    const cuts = fc.array(fc.nat(120), { maxLength: 10 });
    await fc.assert(
      fc.asyncProperty(pieces, cuts, async (parts, places) => {
        const bytes = Buffer.from(parts.join(''));
        const ends = [...places, bytes.length].toSorted((a, b) => a - b);
        const chunks = ends.map((end, index) => bytes.subarray(ends[index - 1] ?? 0, end));
        const expected = bytes
          .toString()
          .split(/\n{2,}/)
          .map((paragraph) => paragraph.trim())
          .filter((paragraph) => paragraph !== '');
        const found = await stanzasOf(chunks);
        expect(found.map((paragraph) => paragraph.trim())).toEqual(expected);
      }),
      { numRuns: 1000 },
    );
  });

  test('may come byte by byte', async () => {
    const whole = await stanzasOf([Buffer.from(text)]);
    expect(whole).toHaveLength(4);
    expect(whole[0]).toBe('Package: a\nDescription: ä€😀\n more');
    expect(await stanzasOf([...Buffer.from(text)].map((byte) => Buffer.of(byte)))).toEqual(whole);
  });

  test('does not keep the chunks it was given: they may be used again', async () => {
    const chunk = Buffer.alloc(8);
    async function* stream(): AsyncGenerator<Uint8Array> {
      for (const piece of ['Packag', 'e: abc\n', '\nPack', 'age: d\n']) {
        chunk.fill(0);
        yield chunk.subarray(0, chunk.write(piece));
      }
    }
    const found: string[] = [];
    for await (const stanza of splitStanzas(stream())) {
      found.push(stanza.toString());
    }
    expect(found).toEqual(['Package: abc', 'Package: d']);
  });

  test('passes the error of its source on', async () => {
    async function* stream(): AsyncGenerator<Uint8Array> {
      yield Buffer.from('Package: a\n\nPackage: b');
      throw new Error('damaged');
    }
    const found: string[] = [];
    const reading = (async () => {
      for await (const stanza of splitStanzas(stream())) {
        found.push(stanza.toString());
      }
    })();
    await expect(reading).rejects.toThrow('damaged');
    expect(found).toEqual(['Package: a']);
  });
});
