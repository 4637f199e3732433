import { constants } from 'node:fs';
import * as fs from 'node:fs/promises';
import * as path from 'node:path';
import type { z } from 'zod';
import { explainDiskError, readFileOrUndefined, syncDirectory } from '../core/files.ts';
import { explainDamage } from './state.ts';

/** Bytes up to and with the last line end. */
export function wholeLines(bytes: Buffer): number {
  return bytes.lastIndexOf('\n') + 1;
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
 * point, and then the lines before it are there.
 */
export class LineFile<Line> {
  readonly #file: string;
  readonly #schema: z.ZodType<Line>;
  /** What follows when the user removes the file. */
  readonly #afterwards: string;

  constructor(file: string, schema: z.ZodType<Line>, afterwards: string) {
    this.#file = file;
    this.#schema = schema;
    this.#afterwards = afterwards;
  }

  /** @throws LockstepError REPOSITORY_INVALID when a whole line is none of this file */
  async read(): Promise<Line[]> {
    const bytes = await this.#bytes();
    const lines = bytes.subarray(0, wholeLines(bytes)).toString('utf8').split('\n').slice(0, -1);
    try {
      return lines.map((line) => this.#schema.parse(JSON.parse(line)));
    } catch (cause) {
      throw explainDamage(cause, this.#file, this.#afterwards);
    }
  }

  /** @throws LockstepError DISK_FULL */
  async append(lines: readonly Line[]): Promise<void> {
    if (lines.length > 0) {
      const text = lines.map((line) => `${JSON.stringify(line)}\n`).join('');
      await appendAt(this.#file, Buffer.from(text), wholeLines(await this.#bytes()));
    }
  }

  async #bytes(): Promise<Buffer> {
    return (await readFileOrUndefined(this.#file)) ?? Buffer.alloc(0);
  }
}
