import { execa } from 'execa';
import { errnoOf, LockstepError } from '../core/errors.ts';

/**
 * Compresses with xz on a single thread: equal bytes in, equal bytes out.
 *
 * @throws LockstepError ENVIRONMENT when xz is not installed, PROGRAM_FAILED when it fails
 */
export async function compressXz(content: Uint8Array): Promise<Uint8Array> {
  const result = await execa('xz', ['--compress', '--stdout', '--threads=1', '-6'], {
    input: content,
    encoding: 'buffer',
    env: { LC_ALL: 'C.UTF-8', XZ_DEFAULTS: '', XZ_OPT: '' },
    reject: false,
    stripFinalNewline: false,
    maxBuffer: 256 * 1024 * 1024,
  });
  if (result.failed) {
    if (errnoOf(result.cause) === 'ENOENT') {
      throw new LockstepError('ENVIRONMENT', 'the program xz is not installed', {
        hint: 'lockstep doctor',
        cause: result.cause,
      });
    }
    throw new LockstepError('PROGRAM_FAILED', `xz ended with status ${result.exitCode ?? 128}`, {
      cause: result,
    });
  }
  return result.stdout;
}
