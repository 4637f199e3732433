import { execa } from 'execa';
import { errnoOf, LockstepError } from '../core/errors.ts';

export interface RunOptions {
  cwd?: string;
  env?: Record<string, string>;
  input?: string | Uint8Array;
  /** Milliseconds; the program is ended after them: SIGTERM, SIGKILL five seconds later. */
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

/** What is asked of execa's result. */
interface Ended {
  timedOut: boolean;
  isMaxBuffer: boolean;
  signal?: string | undefined;
  exitCode?: number | undefined;
  cause?: unknown;
}

/** How a program that failed ended, in words. */
function endingOf(result: Ended): string {
  if (result.timedOut) {
    return 'ran into its time-out';
  }
  if (result.isMaxBuffer) {
    return 'printed more than can be kept';
  }
  if (result.signal !== undefined) {
    return `was ended by ${result.signal}`;
  }
  return result.exitCode === undefined
    ? `can't be started (${errnoOf(result.cause) ?? 'unknown reason'})`
    : `ended with status ${result.exitCode}`;
}

/** Longest output, in characters: what a program says is kept in memory. */
const MAX_OUTPUT = 16 * 1024 * 1024;

/**
 * Runs an outside program to its end with a fixed locale and no standard input but the one given.
 *
 * @throws LockstepError ENVIRONMENT when the program is not installed, PROGRAM_FAILED when it fails (unless
 *   `allowFailure`), runs into its time-out or prints more than 16 MiB, INTERRUPTED when the signal fires
 */
export async function runProgram(
  program: string,
  args: readonly string[],
  options: RunOptions = {},
): Promise<RunResult> {
  const interrupted = (): LockstepError =>
    new LockstepError('INTERRUPTED', `${program} was interrupted`, { exitCode: 130 });
  if (options.signal?.aborted === true) {
    throw interrupted();
  }
  const result = await execa(program, args, {
    ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
    ...(options.input === undefined ? { stdin: 'ignore' } : { input: options.input }),
    ...(options.timeout === undefined ? {} : { timeout: options.timeout }),
    ...(options.signal === undefined ? {} : { cancelSignal: options.signal }),
    env: { LC_ALL: 'C.UTF-8', ...options.env },
    reject: false,
    stripFinalNewline: false,
    maxBuffer: MAX_OUTPUT,
  });
  if (result.isCanceled) {
    throw interrupted();
  }
  if (result.failed && errnoOf(result.cause) === 'ENOENT') {
    throw new LockstepError('ENVIRONMENT', `the program ${program} is not installed`, {
      hint: 'lockstep doctor',
      cause: result.cause,
    });
  }
  // A failure that is allowed is the program's own; what was cut short here is no answer of it.
  const cut = result.timedOut || result.isMaxBuffer;
  if (result.failed && (cut || options.allowFailure !== true)) {
    const tail = result.stderr.trim().split('\n').slice(-5).join('\n');
    throw new LockstepError('PROGRAM_FAILED', `${program} ${endingOf(result)}: ${tail}`, {
      cause: result,
    });
  }
  return { exitCode: result.exitCode ?? 128, stdout: result.stdout, stderr: result.stderr };
}

/** Whether a program is in PATH. */
export async function hasProgram(program: string): Promise<boolean> {
  const found = await runProgram('sh', ['-c', 'command -v "$1"', 'sh', program], {
    allowFailure: true,
  });
  return found.exitCode === 0;
}
