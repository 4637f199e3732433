import { spawn } from 'node:child_process';
import { once } from 'node:events';
import * as path from 'node:path';
import { type RunResult, runProgram } from './run.ts';

/** apt, bound to a private root by its configuration file; the host's apt state is not touched. */
export interface Apt {
  get(args: readonly string[], signal?: AbortSignal): Promise<RunResult>;
  cache(args: readonly string[], signal?: AbortSignal): Promise<RunResult>;
  /** apt-helper(1), which does not know how large a download should be. @param fileBytes the largest file it may write */
  helper(args: readonly string[], fileBytes: number, signal?: AbortSignal): Promise<RunResult>;
  /**
   * The decompressed bytes of an index, whatever its compression; throws when it can't be read to its end.
   *
   * @param near leaves out the lines that it does not ask for; an empty line stands in their place
   */
  cat(file: string, near?: Near): AsyncGenerator<Uint8Array>;
}

/** Lines of a file, and some lines around each. */
export interface Near {
  /** Basic regular expressions (grep(1)) of bytes, any of them. */
  patterns: readonly string[];
  /** How many lines before and after a line that matches are there too. */
  lines: number;
}

/**
 * Filtered by grep before it reaches this process: taking 50 MB from a pipe is most of the cost of reading an index.
 * grep's 1 says that nothing matched.
 */
const CAT_NEAR = `
/usr/lib/apt/apt-helper cat-file "$1" | grep -a -C "$2" --group-separator= "\${@:3}"
status=("\${PIPESTATUS[@]}")
[ "\${status[1]}" -le 1 ] || exit "\${status[1]}"
exit "\${status[0]}"
`;

function catCommand(file: string, near: Near | undefined): [program: string, args: string[]] {
  if (near === undefined) {
    return ['/usr/lib/apt/apt-helper', ['cat-file', file]];
  }
  const patterns = near.patterns.flatMap((pattern) => ['-e', pattern]);
  return ['bash', ['-c', CAT_NEAR, 'bash', file, String(near.lines), ...patterns]];
}

/** Folder of a private root for apt's temporary files. */
export const APT_SCRATCH = 'tmp';

/**
 * @param config path of the private root's apt.conf
 * @param cwd folder that apt runs in; this process's own unless given
 */
export function aptWith(config: string, cwd?: string): Apt {
  const scratch = path.join(path.dirname(config), APT_SCRATCH);
  const env = {
    APT_CONFIG: config,
    // What apt has in work lies in the root, where the next command finds what a killed one has left; not where the
    // path is an odd one, which apt-key(8) does not quote.
    ...(/^[\w./+-]+$/.test(scratch) ? { TMPDIR: scratch } : {}),
  };
  const run = (program: string) => {
    return (args: readonly string[], signal?: AbortSignal): Promise<RunResult> =>
      // apt goes with Lockstep, however that ends: one left over would hold the lists' lock.
      runProgram('setpriv', ['--pdeathsig', 'KILL', '--', program, ...args], {
        env,
        allowFailure: true,
        ...(cwd === undefined ? {} : { cwd }),
        ...(signal === undefined ? {} : { signal }),
      });
  };
  return {
    get: run('apt-get'),
    cache: run('apt-cache'),
    helper: (args, fileBytes, signal) =>
      run('prlimit')([`--fsize=${fileBytes}`, '--', '/usr/lib/apt/apt-helper', ...args], signal),
    async *cat(file, near) {
      const [program, args] = catCommand(file, near);
      const child = spawn(program, args, {
        env: { ...process.env, ...env, LC_ALL: near === undefined ? 'C.UTF-8' : 'C' },
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
