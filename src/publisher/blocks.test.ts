import * as fs from 'node:fs/promises';
import { execFileSync } from 'node:child_process';
import { tmpdir } from 'node:os';
import * as path from 'node:path';
import { gunzipSync } from 'node:zlib';
import * as fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { assemble, type BlockedIndex, FreshBlocks, plainBlocks, updateBlocks } from './blocks.ts';
import { Store } from './store.ts';

let root: string;
let store: Store;

beforeAll(async () => {
  root = await fs.mkdtemp(path.join(tmpdir(), 'lockstep-blocks-'));
  store = await Store.open(root);
});

afterAll(async () => {
  store.close();
  await fs.rm(root, { recursive: true, force: true });
});

async function update(index: BlockedIndex, keys: readonly string[] | 'all') {
  const fresh = new FreshBlocks(store);
  updateBlocks(store, index, keys, fresh);
  await fresh.compress(0);
}

/** An index of a set of words. */
function indexOf(suite: string, words: ReadonlySet<string>): BlockedIndex {
  return {
    ...{ suite, path: 'index', spacing: 4, forms: ['.gz'], encoding: 'latin1' },
    entries: (from, to) =>
      [...words]
        .filter((word) => word >= from && (to === undefined || word < to))
        .sort()
        .map((word) => [word, `${word} is here\n`]),
  };
}

const WORDS = fc.uniqueArray(
  fc.string({ minLength: 1, maxLength: 3, unit: fc.constantFrom('a', 'b', '~', 'é') }),
  {
    maxLength: 40,
  },
);

test('blocks are a function of what is in an index, whichever way it came to be', async () => {
  let count = 0;
  await fc.assert(
    fc.asyncProperty(fc.array(WORDS, { minLength: 2, maxLength: 6 }), async (states) => {
      count += 1;
      const suite = `changed ${count}`;
      let before = new Set<string>();
      for (const state of states) {
        const now = new Set(state);
        const index = indexOf(suite, now);
        await update(
          index,
          [...before, ...now].filter((word) => !before.has(word) || !now.has(word)),
        );
        before = now;
        const once = indexOf(`made at once ${count}`, now);
        await update(once, 'all');
        const text = [...now].sort().map((word) => `${word} is here\n`);
        expect(Buffer.concat([...plainBlocks(store, index)]).toString('latin1')).toBe(
          text.join(''),
        );
        expect(assemble(store, index, '.gz')).toEqual(assemble(store, once, '.gz'));
        const sizes = [...plainBlocks(store, index)].map((block) => block.length);
        expect(sizes.length === 1 || !sizes.includes(0)).toBe(true);
      }
    }),
    { numRuns: 60 },
  );
});

test('one word more changes one block, and what others read is the whole', async () => {
  const words = new Set(Array.from({ length: 2000 }, (_, at) => `word-${(at * 7919) % 5000}`));
  const index: BlockedIndex = { ...indexOf('big', words), spacing: 64, forms: ['.gz', '.xz'] };
  await update(index, 'all');
  const blocks = (): string[] =>
    store.texts("SELECT block FROM part WHERE suite = 'big' ORDER BY first");
  const before = blocks();
  expect(before.length).toBeGreaterThan(10);
  words.add('word-1234x');
  await update(index, ['word-1234x']);
  const after = blocks();
  expect(after.length - after.filter((block) => before.includes(block)).length).toBeLessThanOrEqual(
    2,
  );
  const text = Buffer.concat([...plainBlocks(store, index)]);
  expect(gunzipSync(assemble(store, index, '.gz'))).toEqual(text);
  for (const [program, form] of [
    ['gzip', '.gz'],
    ['xz', '.xz'],
  ] as const) {
    const input = assemble(store, index, form);
    expect(execFileSync(program, ['-dc'], { input })).toEqual(text);
  }
});
