import * as path from 'node:path';
import { readFileOrUndefined, writeFileAtomic } from '../core/files.ts';
import { sha256 } from '../core/hash.ts';
import { parseStanza, type Stanza } from '../debian/control.ts';
import type { Near } from '../programs/apt.ts';
import { type IndexedPackage, type IndexPlace, packageOf } from './scan.ts';

/** An index whose content is known before it is read. */
export interface ExtractIndex extends IndexPlace {
  /** Identity of the decompressed bytes. */
  content: string;
}

export interface ExtractOptions {
  /** Folder of the extracts, one file an index; made when missing. */
  cache: string;
  /** Packages that matter besides those that {@link isOfInterest} knows. */
  names: ReadonlySet<string>;
  /**
   * The index's decompressed bytes; only asked when the cache has no extract. It may leave out lines that `near` does
   * not ask for.
   */
  bytes: (near?: Near) => AsyncIterable<Uint8Array>;
}

/** More lines than a paragraph of Debian has; one that has as many may have been cut off and is read again. */
const LONGEST_PARAGRAPH = 150;

/** The lines that begin the paragraphs that matter. */
function nearOf(names: ReadonlySet<string>): Near {
  const others = [...names].filter((name) => !isOfInterest(name)).toSorted();
  return {
    patterns: [
      '^Package: linux-',
      '^Package: dkms-',
      '-dkms$',
      ...others.map((name) => `^Package: ${name.replace(/[.[\]\\*^$]/g, '\\$&')}$`),
    ],
    lines: LONGEST_PARAGRAPH,
  };
}

/** The shortened paragraphs that matter; undefined when one may have been cut off. */
async function keep(
  chunks: AsyncIterable<Uint8Array>,
  names: ReadonlySet<string>,
  longest: number,
): Promise<string[] | undefined> {
  const kept: string[] = [];
  for await (const paragraph of cutParagraphs(chunks, names)) {
    if (paragraph.split('\n', longest + 1).length > longest) {
      return undefined;
    }
    kept.push(shorten(parseStanza(paragraph)));
  }
  return kept;
}

/** Whether a package matters in every configuration: kernels by name, sources of modules by Debian's convention. */
export function isOfInterest(name: string): boolean {
  return name.startsWith('linux-') || name.endsWith('-dkms') || name.startsWith('dkms-');
}

/** Part of every extract's name: another one makes all extracts anew. */
const FORMAT = '1';

const FIELDS = new Set(
  ['Package', 'Version', 'Architecture', 'Source', 'Depends', 'Pre-Depends', 'Recommends'].concat(
    ...['Provides', 'SHA256', 'Filename', 'Size'],
  ),
);
const MODULE_FIELDS = new Set(['Description', 'Homepage']);
/** Fields that only make the reference. */
const REFERENCE_FIELDS = ['SHA256', 'Filename', 'Size'];

const NEEDLE = Buffer.from('\nPackage: ');
const PARAGRAPH_END = Buffer.from('\n\n');
const NEWLINE = 10;

/** Whether the name at a place of a buffer can matter; cheap, and certain only in saying no. */
class NameFilter {
  readonly #lengths = new Uint8Array(256);
  readonly #names: ReadonlySet<string>;

  constructor(names: ReadonlySet<string>) {
    this.#names = names;
    for (const name of names) {
      this.#lengths[Math.min(Buffer.byteLength(name), 255)] = 1;
    }
  }

  wants(buffer: Buffer, start: number, end: number): boolean {
    const isDashed = buffer[start + 5] === 45 || buffer[start + 4] === 45 || buffer[end - 5] === 45;
    if (!isDashed && this.#lengths[Math.min(end - start, 255)] === 0) {
      return false;
    }
    const name = buffer.toString('latin1', start, end);
    return isOfInterest(name) || this.#names.has(name);
  }
}

/**
 * The paragraphs of an index whose package matters, as they stand there. Only the lines that begin with `Package:` are
 * looked at; the rest of the index is passed over natively.
 */
export async function* cutParagraphs(
  chunks: AsyncIterable<Uint8Array>,
  names: ReadonlySet<string>,
): AsyncGenerator<string> {
  const filter = new NameFilter(names);
  // Begins with the end of a line, so that the first paragraph is found like any other.
  let rest: Buffer = Buffer.from('\n');
  for await (const chunk of chunks) {
    const buffer = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
    const first = buffer.indexOf(PARAGRAPH_END);
    if (first === -1) {
      rest = Buffer.concat([rest, buffer]);
      continue;
    }
    // Only the paragraph that lies in two chunks is copied.
    yield* cutWhole(Buffer.concat([rest, buffer.subarray(0, first + 1)]), filter);
    const last = buffer.lastIndexOf(PARAGRAPH_END);
    yield* cutWhole(buffer.subarray(first + 1, last + 1), filter);
    rest = Buffer.from(buffer.subarray(last + 1));
  }
  yield* cutWhole(Buffer.concat([rest, NEWLINE_BYTES]), filter);
}

const NEWLINE_BYTES = Buffer.from('\n');

/** @param buffer whole paragraphs, with a line's end before the first and after the last */
function* cutWhole(buffer: Buffer, filter: NameFilter): Generator<string> {
  for (let at = buffer.indexOf(NEEDLE); at !== -1; ) {
    const start = at + NEEDLE.length;
    let end = start;
    while (end < buffer.length && buffer[end] !== NEWLINE) {
      end += 1;
    }
    let next = end;
    if (filter.wants(buffer, start, end)) {
      const before = at === 0 ? -1 : buffer.lastIndexOf(PARAGRAPH_END, at);
      const after = buffer.indexOf(PARAGRAPH_END, at + 1);
      const stop = after === -1 ? buffer.length : after;
      yield buffer.toString('utf8', before === -1 ? 0 : before + 2, stop);
      next = stop;
    }
    at = buffer.indexOf(NEEDLE, next);
  }
}

/** Keeps of a stanza what is asked of it later. */
function shorten(fields: Stanza): string {
  const isKernel = fields.get('Package')?.startsWith('linux-') === true;
  return [...fields]
    .filter(([name]) => FIELDS.has(name) || (!isKernel && MODULE_FIELDS.has(name)))
    .map(([name, value]) => `${name}: ${value}\n`)
    .join('');
}

function parseExtract(text: string, index: IndexPlace): IndexedPackage[] {
  return text
    .split('\n\n')
    .filter((paragraph) => paragraph !== '')
    .flatMap((paragraph) => {
      const fields = new Map(parseStanza(paragraph));
      const found = packageOf(fields, index);
      for (const name of REFERENCE_FIELDS) {
        fields.delete(name);
      }
      return found ?? [];
    });
}

/**
 * The packages of an index that matter: {@link isOfInterest}, and `names`. Of an index that did not change the extract
 * is read from the cache, and the index not at all. An extract that is damaged is made anew.
 *
 * @throws LockstepError DISK_FULL; what `bytes` throws
 */
export async function readExtract(
  index: ExtractIndex,
  options: ExtractOptions,
): Promise<IndexedPackage[]> {
  const names = [...options.names].toSorted();
  const key = sha256([FORMAT, index.content, ...names].join('\n'));
  const file = path.join(options.cache, key);
  const cached = (await readFileOrUndefined(file))?.toString('utf8');
  const body = cached?.slice(65);
  if (body !== undefined && cached?.slice(0, 64) === sha256(body)) {
    return parseExtract(body, index);
  }
  const { names: wanted, bytes } = options;
  const kept =
    (await keep(bytes(nearOf(wanted)), wanted, LONGEST_PARAGRAPH)) ??
    (await keep(bytes(), wanted, Infinity)) ??
    [];
  const text = kept.join('\n');
  await writeFileAtomic(file, `${sha256(text)}\n${text}`);
  return parseExtract(text, index);
}
