/** One paragraph of a control file (deb822(5)): field names as written, folded lines joined by `\n`. */
export type Stanza = ReadonlyMap<string, string>;

/** Parses one paragraph. Lines that are neither a field nor a continuation are passed over, as apt does. */
export function parseStanza(text: string): Stanza {
  const fields = new Map<string, string>();
  let name: string | undefined;
  for (const line of text.split('\n')) {
    if (line.startsWith(' ') || line.startsWith('\t')) {
      if (name !== undefined) {
        fields.set(name, `${fields.get(name) ?? ''}\n${line}`);
      }
      continue;
    }
    const colon = line.indexOf(':');
    if (colon <= 0 || line.startsWith('#')) {
      name = undefined;
      continue;
    }
    name = line.slice(0, colon);
    fields.set(name, line.slice(colon + 1).trim());
  }
  return fields;
}

/** Writes one paragraph, a field a line, in the order given; fields with an undefined value are left out. */
export function formatStanza(fields: readonly (readonly [string, string | undefined])[]): string {
  return fields
    .filter((field): field is readonly [string, string] => field[1] !== undefined)
    .map(([name, value]) => (value.startsWith('\n') ? `${name}:${value}\n` : `${name}: ${value}\n`))
    .join('');
}

const PARAGRAPH_END = Buffer.from('\n\n');

/**
 * Cuts a stream of bytes into paragraphs as they arrive; holds one chunk and one paragraph at a time.
 * Texts are yielded without the empty line that ends them.
 */
export async function* splitStanzas(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Buffer> {
  let rest: Buffer = Buffer.alloc(0);
  for await (const chunk of chunks) {
    const buffer = rest.length === 0 ? Buffer.from(chunk) : Buffer.concat([rest, chunk]);
    let start = 0;
    for (;;) {
      const end = buffer.indexOf(PARAGRAPH_END, start);
      if (end === -1) {
        break;
      }
      if (end > start) {
        yield buffer.subarray(start, end);
      }
      start = end + 2;
      while (buffer[start] === 10) {
        start += 1;
      }
    }
    rest = buffer.subarray(start);
  }
  const last = rest.toString('utf8').trim();
  if (last !== '') {
    yield Buffer.from(last);
  }
}
