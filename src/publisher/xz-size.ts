import type { Member } from './deb-archive.ts';

const FOOTER = 12;
/** An index longer than this is no package's: each block of 1 MiB has some bytes in it. */
const MAX_INDEX = 1024 * 1024;

/** A number in seven-bit pieces, the lowest first (xz file format, section 1.2). */
function readNumber(bytes: Buffer, at: number): [value: number, next: number] {
  let value = 0;
  let scale = 1;
  for (let index = at; index < bytes.length; index += 1) {
    const byte = bytes[index] ?? 0;
    value += (byte & 0x7f) * scale;
    scale *= 128;
    if ((byte & 0x80) === 0) {
      return [value, index + 1];
    }
  }
  throw new Error('damaged xz index');
}

/**
 * Bytes that xz streams, one after the other, have when they are decompressed; read from the index at each one's end
 * (xz file format, sections 2.1.2 and 4). xz itself refuses a stream whose index is not true.
 *
 * @throws Error when this is not how xz streams end
 */
export function xzSize({ bytes, offset, length }: Member): number {
  const read = (at: number, size: number): Buffer => {
    const found = at < offset ? undefined : bytes.at(at, size);
    if (found?.length !== size) {
      throw new Error('damaged xz stream');
    }
    return found;
  };
  let total = 0;
  let end = offset + length;
  while (end > offset) {
    const footer = read(end - FOOTER, FOOTER);
    if (footer.readUInt32LE(8) === 0) {
      end -= 4;
      continue;
    }
    const indexSize = (footer.readUInt32LE(4) + 1) * 4;
    if (footer.toString('latin1', 10) !== 'YZ' || indexSize > MAX_INDEX) {
      throw new Error('damaged xz stream');
    }
    const index = read(end - FOOTER - indexSize, indexSize);
    let [records, at] = readNumber(index, 1);
    let blocks = 0;
    for (; records > 0; records -= 1) {
      const [unpadded, next] = readNumber(index, at);
      const [size, after] = readNumber(index, next);
      blocks += Math.ceil(unpadded / 4) * 4;
      total += size;
      at = after;
    }
    end -= FOOTER + indexSize + blocks + FOOTER;
  }
  if (end !== offset) {
    throw new Error('damaged xz stream');
  }
  return total;
}
