import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parseStanza } from '../debian/control.ts';
import { isKernelPackage } from './catalogue.ts';
import { type IndexedPackage, packageOf, scanIndex, sourceOf } from './scan.ts';
import { completeIndex, packagesOf, PLACE, SID } from './testing/index.ts';

const HASH = 'b'.repeat(64);
const GOOD = [
  'Package: linux-image-amd64',
  'Version: 1:6.12-1',
  'Architecture: amd64',
  `SHA256: ${HASH}`,
  'Size: 123',
  'Filename: pool/main/l/linux/linux-image_6.12+x~1_amd64.deb',
].join('\n');

async function scan(chunks: readonly Uint8Array[]): Promise<IndexedPackage[]> {
  async function* stream(): AsyncGenerator<Uint8Array> {
    yield* chunks;
  }
  const found: IndexedPackage[] = [];
  for await (const entry of scanIndex(stream(), PLACE, isKernelPackage)) {
    found.push(entry);
  }
  return found;
}

describe('an index', () => {
  test('is scanned for what is wanted, however its bytes arrive (any)', async () => {
    const other = completeIndex('Package: gcc-14\nVersion: 1\nDescription: ä\n', 'amd64');
    const bytes = Buffer.from(`${other}\n${completeIndex(SID, 'amd64')}\n${other}`);
    const expected = packagesOf(SID);
    expect(expected).toHaveLength(9);
    const cuts = fc.array(fc.nat(bytes.length), { maxLength: 8 });
    await fc.assert(
      fc.asyncProperty(cuts, async (places) => {
        const ends = [...places, bytes.length].toSorted((a, b) => a - b);
        const chunks = ends.map((end, index) => bytes.subarray(ends[index - 1] ?? 0, end));
        expect(await scan(chunks)).toEqual(expected);
      }),
    );
  });

  test('may be damaged: what is no package is passed over', async () => {
    const text = `garbage\n\nVersion: 1\n\nPackage: \n\n${GOOD}\n\nPackage: linux-x\nVersion: 1\n`;
    expect((await scan([Buffer.from(text)])).map((entry) => entry.ref.name)).toEqual([
      'linux-image-amd64',
    ]);
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 300 }), async (bytes) => {
        expect((await scan([bytes])).length).toBeLessThanOrEqual(1);
      }),
    );
  });
});

describe('a package', () => {
  test('has all that identifies it', () => {
    expect(packageOf(parseStanza(GOOD), PLACE)).toMatchObject({
      ref: {
        name: 'linux-image-amd64',
        version: '1:6.12-1',
        architecture: 'amd64',
        sha256: HASH,
        size: 123,
        uri: 'http://mirror.example/debian/pool/main/l/linux/linux-image_6.12%2Bx~1_amd64.deb',
        source: 'linux-image-amd64',
        sourceVersion: '1:6.12-1',
      },
      suite: 'trixie',
      component: 'main',
    });
  });

  test.each(['Package', 'Version', 'Architecture', 'SHA256', 'Size', 'Filename'])(
    'without %s is none',
    (field) => {
      const text = GOOD.replace(new RegExp(`^${field}: .*\\n?`, 'm'), '');
      expect(packageOf(parseStanza(text), PLACE)).toBeUndefined();
    },
  );

  test.each([
    ['Package', '../../etc'],
    ['Package', 'linux image'],
    ['Package', 'Linux'],
    ['SHA256', 'b'.repeat(63)],
    ['SHA256', 'B'.repeat(64)],
    ['Size', 'many'],
    ['Size', '-5'],
    ['Size', '1e3'],
    ['Size', '99999999999999999999'],
  ])('whose %s is %s is none', (field, value) => {
    const text = GOOD.replace(new RegExp(`^${field}: .*$`, 'm'), `${field}: ${value}`);
    expect(packageOf(parseStanza(text), PLACE)).toBeUndefined();
  });

  test.each([
    ['Package: a\nVersion: 1', 'a', '1'],
    ['Package: a\nVersion: 1\nSource: b', 'b', '1'],
    ['Package: a\nVersion: 1+b1\nSource: b (2:3-4)', 'b', '2:3-4'],
    ['Package: a\nVersion: 1\nSource: not a source at all', 'a', '1'],
  ])('%j is of its source', (text, source, sourceVersion) => {
    expect(sourceOf(parseStanza(text))).toEqual({ source, sourceVersion });
  });
});
