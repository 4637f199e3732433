import * as fs from 'node:fs/promises';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { useScratch } from '../core/testing/scratch.ts';
import { cutParagraphs, isOfInterest, readExtract } from './extract.ts';
import { type IndexedPackage, scanIndex } from './scan.ts';
import { completeIndex, PLACE, SID } from './testing/index.ts';

const at = useScratch('extract');
const NAMES = new Set(['mimic', 'legiond']);
const INDEX = { ...PLACE, content: 'c'.repeat(64) };

async function* stream(chunks: readonly Uint8Array[]): AsyncGenerator<Uint8Array> {
  yield* chunks;
}

function cut(bytes: Buffer, places: readonly number[]): Buffer[] {
  const ends = [...places.map((place) => place % (bytes.length + 1)), bytes.length];
  ends.sort((a, b) => a - b);
  return ends.map((end, index) => bytes.subarray(ends[index - 1] ?? 0, end));
}

/** The names that reading each paragraph in full finds. */
async function slowly(bytes: Buffer): Promise<IndexedPackage[]> {
  const found: IndexedPackage[] = [];
  const wanted = (name: string): boolean => isOfInterest(name) || NAMES.has(name);
  for await (const entry of scanIndex(stream([bytes]), PLACE, wanted)) {
    found.push(entry);
  }
  return found;
}

const name = fc.constantFrom(
  ...['linux-image-x', 'linux', 'linuxx-y', 'zfs-dkms', 'dkms-zfs', 'dkms', 'mimic', 'mimi'],
  ...['legiond', 'base', 'a-dkms', 'x-dkmss'],
);
const paragraph = fc
  .tuple(
    name,
    fc.nat(99),
    fc.constantFrom('', 'Depends: linux-x\n', 'Homepage: ä\n', 'Tag: x\n y\n'),
  )
  .map(([entry, version, more]) => `Package: ${entry}\nVersion: ${version}\n${more}`);

describe('an extract', () => {
  test('has what reading all of the index finds, however its bytes arrive (any)', async () => {
    const places = fc.array(fc.nat(100_000), { maxLength: 6 });
    await fc.assert(
      fc.asyncProperty(
        fc.array(paragraph, { maxLength: 8 }),
        places,
        fc.constantFrom('', '\n', '\n\n'),
        fc.nat(1e9),
        async (paragraphs, cuts, ending, id) => {
          const text = paragraphs.length === 0 ? '' : completeIndex(paragraphs.join('\n'), 'amd64');
          const bytes = Buffer.from(text + ending);
          const expected = (await slowly(bytes)).map(({ ref }) => ref);
          const index = { ...INDEX, content: `${id} ${text}` };
          const bytesOf = () => stream(cut(bytes, cuts));
          const options = { cache: at('any'), names: NAMES, bytes: bytesOf };
          const found = await readExtract(index, options);
          expect(found.map(({ ref }) => ref)).toEqual(expected);
          const nothing = (): never => {
            throw new Error('read again');
          };
          expect(await readExtract(index, { ...options, bytes: nothing })).toEqual(found);
        },
      ),
      { numRuns: 60 },
    );
  });

  test('keeps the fields that are asked for', async () => {
    const text = 'Package: zfs-dkms\nVersion: 1\nTag: x\nDescription: ZFS\nHomepage: h\n';
    const all = Buffer.from(`${completeIndex(text, 'all')}\n${completeIndex(SID, 'amd64')}`);
    const options = { cache: at('fields'), names: NAMES, bytes: () => stream([all]) };
    const [zfs, ...kernels] = await readExtract(INDEX, options);
    expect([...(zfs?.fields.keys() ?? [])].toSorted()).toEqual(
      ['Architecture', 'Description', 'Homepage', 'Package', 'Version'].toSorted(),
    );
    expect(kernels).toHaveLength(9);
  });

  test('that is damaged is made anew; other names, another extract', async () => {
    const bytes = Buffer.from(completeIndex('Package: mimic\nVersion: 1\n', 'amd64'));
    let reads = 0;
    const bytesOf = (): AsyncGenerator<Uint8Array> => {
      reads += 1;
      return stream([bytes]);
    };
    const options = { cache: at('damaged'), names: NAMES, bytes: bytesOf };
    const found = await readExtract(INDEX, options);
    expect(found).toHaveLength(1);
    const [file = ''] = await fs.readdir(at('damaged'));
    await fs.appendFile(at('damaged', file), 'x');
    expect(await readExtract(INDEX, options)).toEqual(found);
    expect(reads).toBe(2);
    expect(await readExtract(INDEX, { ...options, names: new Set() })).toEqual([]);
    expect(reads).toBe(3);
    expect((await cutParagraphs(stream([bytes]), NAMES).next()).value).toContain('mimic');
  });
});
