import { crc32 } from 'node:zlib';
import type { Member } from './deb-archive.ts';

/*
 * The xz file format (tukaani.org/xz/xz-file-format.txt): a stream is a header, blocks, an index of the blocks' sizes,
 * and a footer.
 */

const HEADER = 12;
const FOOTER = 12;
/** An index longer than this is no package's: each block of 1 MiB has some bytes in it. */
const MAX_INDEX = 1024 * 1024;

/** Bytes of a block, without its padding, and what they are when they are decompressed. */
interface BlockSizes {
  unpadded: number;
  uncompressed: number;
}

/** A stream, as its end says it. */
interface StreamEnd {
  blocks: BlockSizes[];
  /** Bytes of all blocks with their padding. */
  blockBytes: number;
  /** Bytes of the whole stream. */
  length: number;
}

/** A number in seven-bit pieces, the lowest first (section 1.2). */
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

function formatNumber(value: number): number[] {
  const bytes: number[] = [];
  let left = value;
  for (; left >= 0x80; left = Math.floor(left / 0x80)) {
    bytes.push((left % 0x80) | 0x80);
  }
  return [...bytes, left];
}

/**
 * Reads the end of a stream (sections 2.1.2 and 4).
 *
 * @param read gives bytes of the file
 * @param end where the stream ends
 */
function readEnd(read: (at: number, size: number) => Buffer, end: number): StreamEnd {
  const footer = read(end - FOOTER, FOOTER);
  const indexSize = (footer.readUInt32LE(4) + 1) * 4;
  if (footer.toString('latin1', 10) !== 'YZ' || indexSize > MAX_INDEX) {
    throw new Error('damaged xz stream');
  }
  const index = read(end - FOOTER - indexSize, indexSize);
  let [records, at] = readNumber(index, 1);
  const blocks: BlockSizes[] = [];
  for (; records > 0; records -= 1) {
    const [unpadded, next] = readNumber(index, at);
    const [uncompressed, after] = readNumber(index, next);
    blocks.push({ unpadded, uncompressed });
    at = after;
  }
  const blockBytes = blocks.reduce((sum, { unpadded }) => sum + Math.ceil(unpadded / 4) * 4, 0);
  return { blocks, blockBytes, length: HEADER + blockBytes + indexSize + FOOTER };
}

/**
 * Bytes that xz streams, one after the other, have when they are decompressed. xz itself refuses a stream whose index is
 * not true.
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
    // Zeros may stand between streams.
    if (read(end - 4, 4).readUInt32LE() === 0) {
      end -= 4;
      continue;
    }
    const stream = readEnd(read, end);
    total += stream.blocks.reduce((sum, { uncompressed }) => sum + uncompressed, 0);
    end -= stream.length;
  }
  if (end !== offset) {
    throw new Error('damaged xz stream');
  }
  return total;
}

function withSum(bytes: Buffer): Buffer {
  const sum = Buffer.alloc(4);
  sum.writeUInt32LE(crc32(bytes));
  return Buffer.concat([bytes, sum]);
}

/**
 * One stream of the blocks of several. apt reads no more than the first stream of a file, but all blocks of it.
 *
 * @param streams whole streams with the same kind of check; at least one
 */
export function joinXz(streams: readonly Uint8Array[]): Buffer {
  const parts: Buffer[] = [];
  const records: number[] = [];
  let count = 0;
  for (const stream of streams) {
    const bytes = Buffer.from(stream.buffer, stream.byteOffset, stream.length);
    const { blocks, blockBytes } = readEnd(
      (at, size) => bytes.subarray(at, at + size),
      bytes.length,
    );
    if (parts.length === 0) {
      parts.push(bytes.subarray(0, HEADER));
    }
    parts.push(bytes.subarray(HEADER, HEADER + blockBytes));
    count += blocks.length;
    for (const { unpadded, uncompressed } of blocks) {
      records.push(...formatNumber(unpadded), ...formatNumber(uncompressed));
    }
  }
  const header = parts[0];
  if (header === undefined) {
    throw new Error('no xz stream to join');
  }
  const list = [0, ...formatNumber(count), ...records];
  const index = withSum(Buffer.from([...list, ...Buffer.alloc(-list.length & 3)]));
  const tail = Buffer.alloc(6);
  tail.writeUInt32LE(index.length / 4 - 1);
  header.copy(tail, 4, 6, 8);
  const sum = Buffer.alloc(4);
  sum.writeUInt32LE(crc32(tail));
  return Buffer.concat([...parts, index, sum, tail, Buffer.from('YZ')]);
}
