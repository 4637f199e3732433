import * as fs from 'node:fs';

/** A file up to this size is kept in memory while it is looked at. */
const SMALL = 128 * 1024;
const PIECE = 256 * 1024;

/**
 * Bytes of a file that does not change. Reads block: a small file costs one read, and what asynchronous reads would cost
 * besides is many times that.
 */
export class FileBytes {
  readonly file: string;
  readonly size: number;
  readonly #whole: Buffer | undefined;

  /** @throws Error of the file system: ENOENT ... */
  constructor(file: string) {
    this.file = file;
    const descriptor = fs.openSync(file, 'r');
    try {
      this.size = fs.fstatSync(descriptor).size;
      this.#whole = this.size <= SMALL ? readFully(descriptor, 0, this.size) : undefined;
    } finally {
      fs.closeSync(descriptor);
    }
  }

  /** The bytes of a range, or as many of them as there are. */
  at(offset: number, length: number): Buffer {
    if (this.#whole !== undefined) {
      return this.#whole.subarray(offset, offset + length);
    }
    const descriptor = fs.openSync(this.file, 'r');
    try {
      return readFully(descriptor, offset, length);
    } finally {
      fs.closeSync(descriptor);
    }
  }

  /** The bytes of a range in pieces; others get their turn between them. */
  async *pieces(offset = 0, length = this.size): AsyncGenerator<Buffer> {
    for (let at = 0; at < length; at += PIECE) {
      const piece = this.at(offset + at, Math.min(PIECE, length - at));
      if (piece.length === 0) {
        throw new Error(`${this.file} became shorter while it was read`);
      }
      yield piece;
      if (length > PIECE) {
        await new Promise((resolve) => {
          setImmediate(resolve);
        });
      }
    }
  }
}

function readFully(descriptor: number, offset: number, length: number): Buffer {
  const buffer = Buffer.allocUnsafe(length);
  let done = 0;
  while (done < length) {
    const read = fs.readSync(descriptor, buffer, done, length - done, offset + done);
    if (read === 0) {
      break;
    }
    done += read;
  }
  return buffer.subarray(0, done);
}
