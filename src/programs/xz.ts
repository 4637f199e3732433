import { execFile, spawn } from 'node:child_process';
import * as fs from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import * as path from 'node:path';
import { pipeline } from 'node:stream/promises';
import { promisify } from 'node:util';
import { errnoOf, LockstepError } from '../core/errors.ts';

const run = promisify(execFile);
const ENVIRONMENT = { LC_ALL: 'C.UTF-8', XZ_DEFAULTS: '', XZ_OPT: '' };
/**
 * For contents of some 50 KB, of which an index is made: a third of the time of `-6`, and 4 % more bytes. A larger
 * dictionary would only be time to clear it.
 */
const SETTINGS = '--lzma2=preset=5,mf=hc4,nice=32,dict=256KiB';

/** Files of one call: enough that starting xz costs little, few enough that all processors have some. */
const FILES_A_CALL = 50;

/** Whether this is a program's failure, and no error of the file system. */
function isEnded(error: unknown): boolean {
  return error instanceof Error && 'stderr' in error;
}

function explain(error: unknown): unknown {
  if (errnoOf(error) !== 'ENOENT' && !isEnded(error)) {
    return error;
  }
  return errnoOf(error) === 'ENOENT'
    ? new LockstepError('ENVIRONMENT', 'the program xz is not installed', {
        hint: 'lockstep doctor',
        cause: error,
      })
    : new LockstepError('PROGRAM_FAILED', `xz failed: ${String(error)}`, { cause: error });
}

/**
 * Compresses each of several contents with xz on a single thread: equal bytes in, equal bytes out.
 *
 * @param scratch a folder in which files may be made and removed
 * @throws LockstepError ENVIRONMENT when xz is not installed, PROGRAM_FAILED when it fails
 */
export async function compressXz(
  contents: readonly Uint8Array[],
  scratch: string,
): Promise<Buffer[]> {
  if (contents.length === 0) {
    return [];
  }
  const folder = await fs.mkdtemp(path.join(scratch, '.tmp-xz-'));
  const compressed: Buffer[] = [];
  const calls = Array.from({ length: Math.ceil(contents.length / FILES_A_CALL) }, (_, call) =>
    Array.from(
      { length: Math.min(FILES_A_CALL, contents.length - call * FILES_A_CALL) },
      (_value, at) => call * FILES_A_CALL + at,
    ),
  );
  const work = async (): Promise<void> => {
    for (let call = calls.shift(); call !== undefined; call = calls.shift()) {
      const files = call.map((index) => path.join(folder, String(index)));
      for (const [at, file] of files.entries()) {
        await fs.writeFile(file, contents[call[at] ?? 0] ?? '');
      }
      await run('xz', ['--compress', '--threads=1', SETTINGS, '--', ...files], {
        env: { ...process.env, ...ENVIRONMENT },
      });
      for (const [at, file] of files.entries()) {
        compressed[call[at] ?? 0] = await fs.readFile(`${file}.xz`);
        await fs.rm(`${file}.xz`);
      }
    }
  };
  try {
    await Promise.all(Array.from({ length: availableParallelism() }, work));
    return compressed;
  } catch (error) {
    throw explain(error);
  } finally {
    await fs.rm(folder, { recursive: true, force: true });
  }
}

/**
 * Decompresses a row of xz streams in one process; what it yields belongs to one after the other, without a break.
 *
 * @throws LockstepError ENVIRONMENT when xz is not installed, PROGRAM_FAILED when a stream is damaged
 */
export async function* decompressXz(streams: AsyncIterable<Uint8Array>): AsyncGenerator<Buffer> {
  const child = spawn('xz', ['--decompress', '--stdout', '--threads=1'], {
    env: { ...process.env, ...ENVIRONMENT },
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  const ended = new Promise<void>((resolve, reject) => {
    let said = '';
    child.stderr.on('data', (text: Buffer) => {
      said += text.toString();
    });
    child.once('error', (error) => reject(explain(error)));
    child.once('close', (status) => {
      if (status === 0) {
        resolve();
      } else {
        reject(new LockstepError('PROGRAM_FAILED', `xz ended with status ${status}: ${said}`));
      }
    });
  });
  // Its failure is told when its output is read to the end.
  ended.catch(() => undefined);
  // Why it stopped reading is what its status says.
  const fed = pipeline(streams, child.stdin).catch((error: unknown) => {
    if (errnoOf(error) !== 'EPIPE' && errnoOf(error) !== 'ERR_STREAM_PREMATURE_CLOSE') {
      throw error;
    }
  });
  fed.catch(() => undefined);
  try {
    const output: AsyncIterable<Buffer> = child.stdout;
    yield* output;
    await fed;
    await ended;
  } finally {
    child.kill('SIGKILL');
  }
}
