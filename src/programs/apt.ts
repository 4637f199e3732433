import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { type RunResult, runProgram } from './run.ts';

/** apt, bound to a private root by its configuration file; the host's apt state is not touched. */
export interface Apt {
  get(args: readonly string[], signal?: AbortSignal): Promise<RunResult>;
  cache(args: readonly string[], signal?: AbortSignal): Promise<RunResult>;
  /** apt-helper(1), which does not know how large a download should be. @param fileBytes the largest file it may write */
  helper(args: readonly string[], fileBytes: number, signal?: AbortSignal): Promise<RunResult>;
  /** The decompressed bytes of an index, whatever its compression; throws when it can't be read to its end. */
  cat(file: string): AsyncGenerator<Uint8Array>;
}

/** @param config path of the private root's apt.conf */
export function aptWith(config: string): Apt {
  const env = { APT_CONFIG: config };
  const run = (program: string) => {
    return (args: readonly string[], signal?: AbortSignal): Promise<RunResult> =>
      // apt goes with Lockstep, however that ends: one left over would hold the lists' lock.
      runProgram('setpriv', ['--pdeathsig', 'KILL', '--', program, ...args], {
        env,
        allowFailure: true,
        ...(signal === undefined ? {} : { signal }),
      });
  };
  return {
    get: run('apt-get'),
    cache: run('apt-cache'),
    helper: (args, fileBytes, signal) =>
      run('prlimit')([`--fsize=${fileBytes}`, '--', '/usr/lib/apt/apt-helper', ...args], signal),
    async *cat(file) {
      const child = spawn('/usr/lib/apt/apt-helper', ['cat-file', file], {
        env: { ...process.env, ...env, LC_ALL: 'C.UTF-8' },
        stdio: ['ignore', 'pipe', 'pipe'],
      });
      let stderr = '';
      child.stderr.setEncoding('utf8').on('data', (text: string) => {
        stderr = (stderr + text).slice(-4096);
      });
      const ended: Promise<unknown[]> = once(child, 'close');
      try {
        for await (const chunk of child.stdout) {
          if (chunk instanceof Uint8Array) {
            yield chunk;
          }
        }
      } finally {
        child.kill();
      }
      const [status] = await ended;
      if (status !== 0) {
        throw new Error(
          `apt-helper cat-file ${file} ended with status ${String(status)}: ${stderr.trim()}`,
        );
      }
    },
  };
}
