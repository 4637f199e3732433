import { execa } from 'execa';
import { errnoOf, LockstepError } from '../core/errors.ts';

export interface RunOptions {
  cwd?: string;
  env?: Record<string, string>;
  input?: string | Uint8Array;
  /** Milliseconds; the program and its descendants are killed after them. */
  timeout?: number;
  signal?: AbortSignal;
  /** Do not throw when the program ends with another status than 0. */
  allowFailure?: boolean;
}

export interface RunResult {
  exitCode: number;
  stdout: string;
  stderr: string;
}

/**
 * Runs an outside program to its end with a fixed locale and no standard input but the one given.
 *
 * @throws LockstepError ENVIRONMENT when the program is not installed, PROGRAM_FAILED when it fails (unless
 *   `allowFailure`) or runs into its time-out, INTERRUPTED when the signal fires
 */
export async function runProgram(
  program: string,
  args: readonly string[],
  options: RunOptions = {},
): Promise<RunResult> {
  const result = await execa(program, args, {
    ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
    ...(options.input === undefined ? { stdin: 'ignore' } : { input: options.input }),
    ...(options.timeout === undefined ? {} : { timeout: options.timeout }),
    ...(options.signal === undefined ? {} : { cancelSignal: options.signal }),
    env: { LC_ALL: 'C.UTF-8', ...options.env },
    reject: false,
    stripFinalNewline: false,
    maxBuffer: 256 * 1024 * 1024,
  });
  if (result.isCanceled) {
    throw new LockstepError('INTERRUPTED', `${program} was interrupted`, { exitCode: 130 });
  }
  if (result.failed && errnoOf(result.cause) === 'ENOENT') {
    throw new LockstepError('ENVIRONMENT', `the program ${program} is not installed`, {
      hint: 'lockstep doctor',
      cause: result.cause,
    });
  }
  const exitCode = result.exitCode ?? 128;
  if (result.failed && options.allowFailure !== true) {
    const tail = result.stderr.trim().split('\n').slice(-5).join('\n');
    const how = result.timedOut ? 'ran into its time-out' : `ended with status ${exitCode}`;
    throw new LockstepError('PROGRAM_FAILED', `${program} ${how}: ${tail}`, { cause: result });
  }
  return { exitCode, stdout: result.stdout, stderr: result.stderr };
}
