import { availableParallelism } from 'node:os';
import { promisify } from 'node:util';
import { gunzipSync, gzip } from 'node:zlib';
import { sha256 } from '../core/hash.ts';
import { compressXz } from '../programs/xz.ts';
import type { Store } from './store.ts';
import { joinXz } from './xz-format.ts';

const gzipAsync = promisify(gzip);

/** As small as 9 but for a thousandth, in two thirds of its time. */
const GZIP_LEVEL = 8;

/** One entry of an index: what it is sorted by, and its text. */
export type IndexEntry = readonly [key: string, text: string];

/** An index that is kept in blocks. */
export interface BlockedIndex {
  suite: string;
  /** Path of its plain form, below the suite's folder. */
  path: string;
  /** A block ends about every so many keys; a power of two. */
  spacing: number;
  /** The forms it is published in, by the end of their names. */
  forms: readonly ('.gz' | '.xz')[];
  encoding: 'utf8' | 'latin1';
  /**
   * The entries from one key up to another one, without it, in order; entries of one key stand beside each other.
   *
   * @param to undefined: up to the end
   * @param present reads the text of the blocks that these keys had; undefined when there were none
   */
  entries(from: string, to: string | undefined, present: (() => string) | undefined): IndexEntry[];
}

/** Whether a key is one of those that `entries` is asked for. */
export function isWithin(key: string, from: string, to: string | undefined): boolean {
  return key >= from && (to === undefined || key < to);
}

interface Part {
  first: string;
  block: string;
}

/**
 * Whether a block begins with this key. It is asked of the key alone (FNV-1a), so that the blocks of an index are the same whichever
 * way it came to be, and a new entry changes only the block that it is in.
 */
function isFirst(key: string, spacing: number): boolean {
  let hash = 0x811c9dc5;
  for (let at = 0; at < key.length; at += 1) {
    hash = Math.imul(hash ^ key.charCodeAt(at), 0x01000193);
  }
  return ((hash ^ (hash >>> 15)) & (spacing - 1)) === 0;
}

function partsOf(store: Store, { suite, path }: BlockedIndex): Part[] {
  return store
    .all('SELECT first, block FROM part WHERE suite = ? AND path = ? ORDER BY first', suite, path)
    .map((row) => ({ first: String(row['first']), block: String(row['block']) }));
}

function blob(store: Store, block: string, form: '.gz' | '.xz'): Uint8Array {
  const column = form === '.gz' ? 'gz' : 'xz';
  const value = store.get(`SELECT ${column} AS bytes FROM block WHERE sha256 = ?`, block)?.[
    'bytes'
  ];
  if (!(value instanceof Uint8Array)) {
    throw new Error(`no block ${block}`);
  }
  return value;
}

function textOf(store: Store, block: string): Buffer {
  return gunzipSync(blob(store, block, '.gz'));
}

/** The part that a key belongs to. */
function partAt(parts: readonly Part[], key: string): number {
  let low = 0;
  let high = parts.length - 1;
  while (low < high) {
    const middle = Math.ceil((low + high) / 2);
    if ((parts[middle]?.first ?? '') <= key) {
      low = middle;
    } else {
      high = middle - 1;
    }
  }
  return low;
}

/** Runs of parts that have to be made anew: [from, to), sorted, apart from each other. */
function runsOf(parts: readonly Part[], keys: readonly string[]): [number, number][] {
  const dirty = [...new Set(keys.map((key) => partAt(parts, key)))].sort((a, b) => a - b);
  const runs: [number, number][] = [];
  for (const at of dirty) {
    const last = runs.at(-1);
    if (last?.[1] === at) {
      last[1] = at + 1;
    } else {
      runs.push([at, at + 1]);
    }
  }
  return runs;
}

/**
 * Entries of a range, cut where blocks begin. No block but that of an empty index is empty: apt takes an empty stream at
 * the beginning for the end of the file.
 */
function cut(
  entries: readonly IndexEntry[],
  from: string,
  spacing: number,
): { first: string; texts: string[] }[] {
  const blocks: { first: string; texts: string[] }[] = [{ first: from, texts: [] }];
  let previous: string | undefined;
  for (const [key, text] of entries) {
    let block = blocks.at(-1);
    const isEmpty = block === undefined || block.texts.length === 0;
    if (block === undefined || (!isEmpty && key !== previous && isFirst(key, spacing))) {
      block = { first: key, texts: [] };
      blocks.push(block);
    }
    block.texts.push(text);
    previous = key;
  }
  return blocks;
}

/** Compresses each of several texts; a processor each, and not all at once: every one takes memory. */
async function gzipEach(texts: readonly Buffer[]): Promise<Buffer[]> {
  const compressed: Buffer[] = [];
  const left = [...texts.entries()];
  const work = async (): Promise<void> => {
    for (let next = left.pop(); next !== undefined; next = left.pop()) {
      compressed[next[0]] = await gzipAsync(next[1], { level: GZIP_LEVEL });
    }
  };
  await Promise.all(Array.from({ length: availableParallelism() }, work));
  return compressed;
}

/** Texts of blocks that are not compressed yet, by their hash. */
export class FreshBlocks {
  readonly #store: Store;
  readonly #texts = new Map<string, { text: Buffer; forms: BlockedIndex['forms'] }>();
  #bytes = 0;

  constructor(store: Store) {
    this.#store = store;
  }

  add(hash: string, text: Buffer, forms: BlockedIndex['forms']): void {
    if (
      !this.#texts.has(hash) &&
      this.#store.get('SELECT 1 FROM block WHERE sha256 = ?', hash) === undefined
    ) {
      this.#texts.set(hash, { text, forms });
      this.#bytes += text.length;
    }
  }

  /**
   * Compresses what was added; equal text gives equal bytes.
   *
   * @param least how many bytes make it worth while
   */
  async compress(least: number): Promise<void> {
    if (this.#bytes < least || this.#texts.size === 0) {
      return;
    }
    const blocks = [...this.#texts];
    const forXz = blocks.filter(([, { forms }]) => forms.includes('.xz'));
    const [gz, xz] = await Promise.all([
      gzipEach(blocks.map(([, { text }]) => text)),
      compressXz(
        forXz.map(([, { text }]) => text),
        this.#store.scratch,
      ),
    ]);
    const xzOf = new Map(forXz.map(([hash], at) => [hash, xz[at]]));
    for (const [at, [hash]] of blocks.entries()) {
      this.#store.run(
        'INSERT INTO block VALUES (?, ?, ?)',
        ...[hash, gz[at] ?? null, xzOf.get(hash) ?? null],
      );
    }
    this.#texts.clear();
    this.#bytes = 0;
  }
}

/**
 * Makes the blocks of an index anew in which something changed, and no other one.
 *
 * @param keys keys whose entries came, went or changed; 'all' makes the whole index
 * @param fresh gets the blocks that are new; they are to be compressed before the index is read
 */
export function updateBlocks(
  store: Store,
  index: BlockedIndex,
  keys: readonly string[] | 'all',
  fresh: FreshBlocks,
): void {
  const { suite, path, spacing, encoding } = index;
  const before = partsOf(store, index);
  const isNew = keys === 'all' || before.length === 0;
  const parts = isNew ? [{ first: '', block: '' }] : before;
  const runs = isNew ? [[0, 1] as [number, number]] : runsOf(parts, keys);
  for (let run = runs.shift(); run !== undefined; run = runs.shift()) {
    let [from, end] = run;
    let made: ReturnType<typeof cut>;
    for (;;) {
      const range = parts.slice(from, end);
      const first = range[0]?.first ?? '';
      const present = isNew
        ? undefined
        : () => range.map(({ block }) => textOf(store, block).toString(encoding)).join('');
      const entries = index.entries(first, parts[end]?.first, present);
      if (from > 0 && entries[0]?.[0] !== first) {
        // A block whose first key is gone has no beginning of its own any more.
        from -= 1;
      } else if (entries.length === 0 && end < parts.length) {
        // The next one is the first of the index then.
        end = runs[0]?.[0] === end + 1 ? (runs.shift()?.[1] ?? end) : end + 1;
      } else {
        made = cut(entries, first, spacing);
        break;
      }
    }
    store.run(
      'DELETE FROM part WHERE suite = ? AND path = ? AND first >= ? AND (?4 IS NULL OR first < ?4)',
      ...[suite, path, parts[from]?.first ?? '', parts[end]?.first ?? null],
    );
    for (const { first, texts } of made) {
      const text = Buffer.from(texts.join(''), encoding);
      const hash = sha256(text);
      fresh.add(hash, text, index.forms);
      store.run('INSERT OR REPLACE INTO part VALUES (?, ?, ?, ?)', suite, path, first, hash);
    }
  }
  for (const { block } of before) {
    store.run(
      'DELETE FROM block WHERE sha256 = ?1 AND NOT EXISTS (SELECT 1 FROM part WHERE block = ?1)',
      block,
    );
  }
}

/**
 * A published form of an index: its blocks, one after the other. gzip has members for that (RFC 1952, 2.2), xz blocks of
 * one stream.
 */
export function assemble(store: Store, index: BlockedIndex, form: '.gz' | '.xz'): Buffer {
  const blocks = partsOf(store, index).map(({ block }) => blob(store, block, form));
  return form === '.xz' ? joinXz(blocks) : Buffer.concat(blocks);
}

/** The plain text of an index, block by block. */
export function* plainBlocks(store: Store, index: BlockedIndex): Generator<Buffer> {
  for (const { block } of partsOf(store, index)) {
    yield textOf(store, block);
  }
}
