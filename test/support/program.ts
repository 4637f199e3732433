import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import * as fs from 'node:fs/promises';
import * as os from 'node:os';
import * as path from 'node:path';
import { text } from 'node:stream/consumers';
import { z } from 'zod';

const ROOT = path.join(import.meta.dirname, '../..');
const MAIN = path.join(ROOT, 'src/cli/main.ts');

/** What `./lockstep` sets for the program. */
export const PROGRAM_ENVIRONMENT = {
  NODE_COMPILE_CACHE: path.join(ROOT, '.cache/compiled'),
} as const;

export interface ProgramEnd {
  /** Undefined when a signal ended it. */
  exitCode: number | undefined;
  stdout: string;
  stderr: string;
}

export interface ProgramOptions {
  env?: Record<string, string>;
  /** Words before the program: `unshare`, `strace` ... */
  prefix?: readonly string[];
}

/** The program while it runs, in a session of its own as a terminal would have it. */
export interface Running {
  child: ChildProcess;
  end: Promise<ProgramEnd>;
  /** Sends a signal to the program alone, or as Ctrl-C does to its whole process group. */
  kill(signal: NodeJS.Signals, whom: 'program' | 'group'): void;
}

/**
 * A folder of a test's own: temporary files of the program and its children go to `tmp`, so that what a run leaves
 * behind can be told from what others do on this machine.
 */
export interface Scratch extends AsyncDisposable {
  path: string;
  tmp: string;
  start(args: readonly string[], options?: ProgramOptions): Running;
  run(args: readonly string[], options?: ProgramOptions): Promise<ProgramEnd>;
}

/** The command line that starts the program as `./lockstep` does. */
export function programCommand(args: readonly string[]): string[] {
  return [process.execPath, MAIN, ...args];
}

export async function scratch(name: string): Promise<Scratch> {
  const folder = await fs.mkdtemp(path.join(os.tmpdir(), `lockstep-test-${name}-`));
  await fs.chmod(folder, 0o755);
  const tmp = path.join(folder, 'tmp');
  await fs.mkdir(tmp);
  const start = (args: readonly string[], options: ProgramOptions = {}): Running => {
    const [program = '', ...rest] = [...(options.prefix ?? []), ...programCommand(args)];
    const child = spawn(program, rest, {
      cwd: folder,
      detached: true,
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, ...PROGRAM_ENVIRONMENT, TMPDIR: tmp, NO_COLOR: '1', ...options.env },
    });
    const closed: Promise<unknown[]> = once(child, 'close');
    return {
      child,
      end: Promise.all([text(child.stdout), text(child.stderr), closed]).then(
        ([stdout, stderr]) => ({ exitCode: child.exitCode ?? undefined, stdout, stderr }),
      ),
      kill(signal, whom) {
        // Nothing is left to kill when it ended before.
        if (child.pid !== undefined && child.exitCode === null) {
          process.kill(whom === 'group' ? -child.pid : child.pid, signal);
        }
      },
    };
  };
  return {
    path: folder,
    tmp,
    start,
    run: (args, options) => start(args, options).end,
    async [Symbol.asyncDispose]() {
      // A tree of a hostile test can be deeper than a path can be long: rm(1) copes.
      await once(spawn('rm', ['-rf', '--', folder], { stdio: 'ignore' }), 'close');
    },
  };
}

const errorSchema = z.strictObject({
  error: z.strictObject({ code: z.string(), message: z.string(), hint: z.string() }),
});

/** The error that a command with `--json` ended with; throws when its output is anything else. */
export function errorOf(end: ProgramEnd): z.infer<typeof errorSchema>['error'] {
  return errorSchema.parse(JSON.parse(end.stdout)).error;
}

const targetsSchema = z.object({
  targets: z.array(
    z.object({ module: z.string(), release: z.string(), verdict: z.string(), reason: z.string() }),
  ),
  built: z.number().optional(),
});

/** What `run --json` ended with. */
export function resultOf(end: ProgramEnd): z.infer<typeof targetsSchema> {
  return targetsSchema.parse(JSON.parse(end.stdout));
}
