import { constants } from 'node:fs';
import * as fs from 'node:fs/promises';
import * as path from 'node:path';
import type { z } from 'zod';
import { errnoOf } from '../core/errors.ts';
import { explainDiskError, readFileOrUndefined, syncDirectory } from '../core/files.ts';
import { explainDamage } from './state.ts';

/** Bytes up to and with the last line end. */
export function wholeLines(bytes: Buffer): number {
  return bytes.lastIndexOf('\n') + 1;
}

/** The size of a file; 0 when there is none. */
export async function sizeOf(file: string): Promise<number> {
  try {
    return (await fs.stat(file)).size;
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') {
      return 0;
    }
    throw error;
  }
}

/** The bytes of a file after a position; none when there is no such file. */
export async function readFrom(file: string, begin: number): Promise<Buffer> {
  return (await readFileOrUndefined(file))?.subarray(begin) ?? Buffer.alloc(0);
}

/**
 * Reads the whole lines of a file's bytes.
 *
 * @param afterwards what follows when the user removes the file
 * @throws LockstepError REPOSITORY_INVALID when a whole line is none of this file
 */
export function parseLines<Line>(
  bytes: Buffer,
  schema: z.ZodType<Line>,
  file: string,
  afterwards: string,
): Line[] {
  const lines = bytes.subarray(0, wholeLines(bytes)).toString('utf8').split('\n').slice(0, -1);
  try {
    return lines.map((line) => schema.parse(JSON.parse(line)));
  } catch (cause) {
    throw explainDamage(cause, file, afterwards);
  }
}

/**
 * Writes bytes at the end of the whole lines of a file, which is made when it is missing, and has them on disk.
 *
 * @param whole where the last whole line ends; anything after it goes
 * @throws LockstepError DISK_FULL
 */
export async function appendAt(file: string, bytes: Buffer, whole: number): Promise<void> {
  try {
    const handle = await fs.open(file, constants.O_RDWR | constants.O_CREAT, 0o644);
    try {
      await handle.truncate(whole);
      let written = 0;
      while (written < bytes.length) {
        const rest = bytes.subarray(written);
        written += (await handle.write(rest, 0, rest.length, whole + written)).bytesWritten;
      }
      await handle.sync();
    } finally {
      await handle.close();
    }
    await syncDirectory(path.dirname(file));
  } catch (error) {
    throw explainDiskError(error, file);
  }
}

/**
 * A file of JSON lines that only grows. A line that was not ended was not written: whoever writes may be killed at any
 * point, and then the lines before it are there. What was read is not read again.
 */
export class LineFile<Line> {
  readonly #file: string;
  readonly #schema: z.ZodType<Line>;
  readonly #afterwards: string;
  #lines: readonly Line[] = [];
  /** Bytes of the lines that were read. */
  #whole = 0;

  /** @param afterwards what follows when the user removes the file */
  constructor(file: string, schema: z.ZodType<Line>, afterwards: string) {
    this.#file = file;
    this.#schema = schema;
    this.#afterwards = afterwards;
  }

  /** @throws LockstepError REPOSITORY_INVALID when a whole line is none of this file */
  async read(): Promise<readonly Line[]> {
    const size = await sizeOf(this.#file);
    if (size < this.#whole) {
      // A file that is shorter than it was is another one.
      this.#lines = [];
      this.#whole = 0;
    }
    if (size > this.#whole) {
      const bytes = await readFrom(this.#file, this.#whole);
      const more = parseLines(bytes, this.#schema, this.#file, this.#afterwards);
      this.#lines = [...this.#lines, ...more];
      this.#whole += wholeLines(bytes);
    }
    return this.#lines;
  }

  /** @throws LockstepError DISK_FULL; REPOSITORY_INVALID when a whole line is none of this file */
  async append(lines: readonly Line[]): Promise<void> {
    if (lines.length > 0) {
      await this.read();
      const text = lines.map((line) => `${JSON.stringify(line)}\n`).join('');
      await appendAt(this.#file, Buffer.from(text), this.#whole);
    }
  }
}
