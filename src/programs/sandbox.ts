import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createWriteStream, readFileSync, type WriteStream } from 'node:fs';
import * as fs from 'node:fs/promises';
import * as path from 'node:path';
import { Readable } from 'node:stream';
import { finished } from 'node:stream/promises';
import { LockstepError } from '../core/errors.ts';
import { watchMemory } from './memory-watch.ts';

export interface SandboxLimits {
  /** Wall seconds. */
  seconds: number;
  /** Bytes of standard output and error together. */
  outputBytes: number;
  /** Bytes of the largest file that can be written. */
  fileBytes: number;
  /** Processes and threads. */
  processes: number;
  /** Bytes of memory that all processes and the folders in memory may take together; no limit when undefined. */
  memoryBytes?: number;
}

export interface SandboxRequest {
  /** Scratch folder; `upper` in it is what the build folder got, `out` what was put into /out. Made when missing. */
  folder: string;
  /** Folders that make up the read-only root, uppermost first. */
  layers: readonly string[];
  /** Folder the build folder begins with; it is not written to. Empty when undefined. */
  source: string | undefined;
  /** Where the build folder is mounted: below /var/lib/dkms. */
  buildPath: string;
  /**
   * Where a second copy of the source is mounted, which can be written to as well: a folder of the root. Some modules
   * build where their source lies. Nowhere when undefined.
   */
  sourcePath?: string;
  env: Readonly<Record<string, string>>;
  command: readonly string[];
  limits: SandboxLimits;
  /** File that gets the output; the terminal when `interactive`. */
  log: string;
  interactive?: boolean;
  signal?: AbortSignal | undefined;
}

export type SandboxEnd = 'exited' | 'timeout' | 'output-limit' | 'memory-limit' | 'interrupted';

export interface SandboxResult {
  end: SandboxEnd;
  /** Exit status, 128 + signal as shells have it. */
  status: number;
}

/**
 * The user that builds run as when Lockstep runs as root: no account, no files, nothing else runs as it. Inside the
 * sandbox it is 1000.
 */
export const BUILD_USER = 2_001_417_421;

/** Where bwrap says how the command ended; it says nothing when the command could not be begun. */
const STATUS_FD = 3;

/** Folders in memory that can be written to. */
const MEMORY_FOLDERS = ['/tmp', '/var/tmp', '/run', '/dev/shm'] as const;
/** Bytes of each. */
const MEMORY_FOLDER_BYTES = 1024 ** 3;

const SCRIPT = path.join(import.meta.dirname, 'mount-and-run.sh');

/** Whether builds run as {@link BUILD_USER}; otherwise they run as the user who runs Lockstep. */
export function runsAsRoot(): boolean {
  return process.geteuid?.() === 0;
}

function bwrapArguments(request: SandboxRequest, mark: string): string[] {
  const { limits } = request;
  const env = Object.entries(request.env).flatMap(([name, value]) => ['--setenv', name, value]);
  return [
    'prlimit',
    '--core=0',
    `--nproc=${limits.processes}`,
    `--fsize=${limits.fileBytes}`,
    'bwrap',
    // The IPC namespace is mount-and-run.sh's.
    ...['user', 'pid', 'net', 'uts', 'cgroup-try'].map((name) => `--unshare-${name}`),
    // Whoever makes user namespaces makes process trees in which nobody looks for memory.
    '--disable-userns',
    ...['--uid', '1000', '--gid', '1000', '--hostname', 'lockstep'],
    '--die-with-parent',
    ...['--json-status-fd', String(STATUS_FD)],
    ...(request.interactive === true ? [] : ['--new-session']),
    ...['--ro-bind', '/mnt/root', '/', '--dev', '/dev', '--proc', '/proc'],
    ...MEMORY_FOLDERS.flatMap((at) => ['--size', String(MEMORY_FOLDER_BYTES), '--tmpfs', at]),
    ...['--remount-ro', '/dev'],
    ...['--size', '1048576', '--tmpfs', '/var/lib/dkms'],
    ...['--bind', '/mnt/build', request.buildPath, '--bind', '/mnt/out', '/out'],
    ...(request.sourcePath === undefined || request.source === undefined
      ? []
      : ['--bind', '/mnt/source', request.sourcePath]),
    // Nobody has such a variable: its name marks the sandbox's processes.
    ...['--chdir', request.buildPath, '--clearenv', '--unsetenv', mark, ...env],
    '--',
    ...request.command,
  ];
}

/**
 * The whole command line of a sandbox, outermost program first.
 *
 * @param mark a word that no other sandbox has
 */
export function sandboxCommand(request: SandboxRequest, mark: string): string[] {
  const asRoot = runsAsRoot();
  const user = [
    `--reuid=${BUILD_USER}`,
    `--regid=${BUILD_USER}`,
    '--clear-groups',
    '--no-new-privs',
  ];
  return [
    ...['setpriv', '--pdeathsig', 'KILL', 'unshare'],
    ...(asRoot ? [] : ['--user', '--map-root-user']),
    ...['--mount', '--ipc', '--propagation', 'private', '--'],
    ...['bash', SCRIPT, path.join(request.folder, 'mnt'), String(MEMORY_FOLDER_BYTES)],
    asRoot ? '' : 'userxattr,',
    request.source ?? '-',
    // Processes are counted by user and user namespace: with one of its own a build is limited by itself alone.
    ...(asRoot ? ['setpriv', ...user, 'unshare', '--user', '--map-current-user', '--'] : []),
    ...bwrapArguments(request, mark),
  ];
}

async function prepareFolder(request: SandboxRequest): Promise<void> {
  const { folder, layers } = request;
  for (const name of ['mnt', 'upper', 'work', 'source-upper', 'source-work', 'out']) {
    await fs.mkdir(path.join(folder, name), { recursive: true });
  }
  if (layers.some((layer) => layer.includes('\n'))) {
    throw new LockstepError(
      'SANDBOX_FAILED',
      `the path ${JSON.stringify(folder)} has a line break`,
    );
  }
  await fs.writeFile(path.join(folder, 'layers'), layers.map((layer) => `${layer}\n`).join(''));
  if (runsAsRoot()) {
    for (const name of ['upper', 'source-upper', 'out']) {
      await fs.chown(path.join(folder, name), BUILD_USER, BUILD_USER);
    }
  }
}

/** Copies output to the log up to a limit. @returns how many bytes came */
async function copyLimited(
  from: AsyncIterable<Uint8Array>,
  log: WriteStream,
  state: { bytes: number },
  limit: number,
  exceeded: () => void,
): Promise<void> {
  for await (const chunk of from) {
    const room = limit - state.bytes;
    state.bytes += chunk.length;
    if (room > 0 && !log.destroyed && !log.write(chunk.subarray(0, room))) {
      await once(log, 'drain');
    }
    if (state.bytes > limit) {
      exceeded();
    }
  }
}

/** The processes of a sandbox, from outside. */
class Processes {
  readonly #child: ChildProcess;
  readonly #mark: string;
  #status = '';
  #isKilled = false;

  constructor(child: ChildProcess, mark: string) {
    this.#child = child;
    this.#mark = mark;
    const stream = child.stdio[STATUS_FD];
    if (stream instanceof Readable) {
      stream.setEncoding('utf8').on('data', (text: string) => {
        this.#status += text;
        if (this.#isKilled) {
          this.#killInit();
        }
      });
    }
  }

  /** Whether the command was begun and has ended, as bwrap says; false when the sandbox could not be set up. */
  get hasEnded(): boolean {
    return this.#status.includes('"exit-code"');
  }

  /** The first process of the sandbox's process tree, once it is there. */
  get init(): string | undefined {
    return /"child-pid": (?<pid>\d+)/.exec(this.#status)?.groups?.['pid'];
  }

  kill(): void {
    this.#isKilled = true;
    this.#killInit();
    this.#child.kill('SIGKILL');
  }

  /**
   * Kills the first process of the sandbox's process tree, with which all others go. bwrap binds it to itself only
   * after the command has begun: a sandbox whose bwrap is killed in between would go on.
   */
  #killInit(): void {
    const pid = this.init;
    try {
      // Its number may belong to another process by now; its command line is bwrap's own.
      if (pid !== undefined && readFileSync(`/proc/${pid}/cmdline`).includes(this.#mark)) {
        process.kill(Number(pid), 'SIGKILL');
      }
    } catch {
      // It is gone.
    }
  }
}

/** The end of a log, for a message. */
async function tailOf(log: string): Promise<string> {
  const text = await fs.readFile(log, 'utf8').catch(() => '');
  return text.trim().split('\n').slice(-3).join('; ');
}

/**
 * Runs a command in a sandbox: no network, a process tree of its own that dies whole, no capability, nothing
 * writable but the build folder, /out and size-limited temporary folders.
 *
 * @throws LockstepError ENVIRONMENT when unshare or bwrap are missing, SANDBOX_FAILED when the sandbox itself
 *   could not be set up
 */
export async function runSandbox(request: SandboxRequest): Promise<SandboxResult> {
  request.signal?.throwIfAborted();
  await prepareFolder(request);
  const mark = `lockstep-${randomBytes(8).toString('hex')}`;
  const [program = '', ...args] = sandboxCommand(request, mark);
  const interactive = request.interactive === true;
  const child = spawn(program, args, {
    stdio: interactive
      ? ['inherit', 'inherit', 'inherit', 'pipe']
      : ['ignore', 'pipe', 'pipe', 'pipe'],
    env: {
      PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
      LC_ALL: 'C.UTF-8',
    },
  });
  const processes = new Processes(child, mark);
  let end: SandboxEnd = 'exited';
  const stop = (why: SandboxEnd): void => {
    end = end === 'exited' ? why : end;
    processes.kill();
  };
  const timer = interactive
    ? undefined
    : setTimeout(() => {
        stop('timeout');
      }, request.limits.seconds * 1000);
  const unwatch = watchMemory(
    () => processes.init,
    MEMORY_FOLDERS,
    request.limits.memoryBytes ?? Number.POSITIVE_INFINITY,
    () => {
      stop('memory-limit');
    },
  );
  const onAbort = (): void => {
    stop('interrupted');
  };
  request.signal?.addEventListener('abort', onAbort, { once: true });
  try {
    const status = new Promise<number>((resolve, reject) => {
      child.once('error', reject);
      child.once('close', (code, signal) => {
        resolve(code ?? (signal === null ? 128 : 137));
      });
    });
    if (!interactive && child.stdout !== null && child.stderr !== null) {
      const log = createWriteStream(request.log, { flags: 'a' });
      const written = finished(log);
      written.catch(() => {
        processes.kill();
      });
      const state = { bytes: 0 };
      const exceeded = (): void => {
        stop('output-limit');
      };
      const { outputBytes } = request.limits;
      await Promise.all([
        copyLimited(child.stdout, log, state, outputBytes, exceeded),
        copyLimited(child.stderr, log, state, outputBytes, exceeded),
      ]);
      log.end();
      await written;
    }
    const result = { end, status: await status };
    if (result.end === 'exited' && !processes.hasEnded) {
      throw new Error(interactive ? 'see above' : await tailOf(request.log));
    }
    return result;
  } catch (cause) {
    processes.kill();
    throw new LockstepError('SANDBOX_FAILED', `the sandbox can't be started: ${String(cause)}`, {
      hint: 'lockstep doctor',
      cause,
    });
  } finally {
    clearTimeout(timer);
    unwatch();
    request.signal?.removeEventListener('abort', onAbort);
  }
}
