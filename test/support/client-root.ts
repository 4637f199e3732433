import { randomBytes } from 'node:crypto';
import * as fs from 'node:fs/promises';
import * as path from 'node:path';
import { execa } from 'execa';
import type { RunResult } from '../../src/programs/run.ts';
import { baseRoot } from './base-root.ts';
import { sweep, type TestCache, testCache } from './cache.ts';
import { giveDebs, takeDebs } from './deb-cache.ts';
import { enter, hold, type Holder, release, remove } from './holder.ts';
import { usualSuites } from './mirror.ts';

const ARCHIVES = 'var/cache/apt/archives';
const PROXIES = ['http_proxy', 'https_proxy', 'ftp_proxy', 'no_proxy'];

export interface ClientRootOptions {
  /** Suites of Debian in its sources; the release, its updates and its security unless given. */
  suites?: readonly string[];
  components?: readonly string[];
  /**
   * Make an initramfs when a kernel is installed. Not unless asked for: it takes longer than the rest, and
   * `bootKernel` brings its own. Works by INITRD=No in the environment, which Debian's kernel hooks know.
   */
  initrd?: boolean;
}

export interface RootRunOptions {
  env?: Record<string, string>;
  /** Seconds after which the command and all it has started are killed; 600 unless given. */
  timeout?: number;
  /** Folder in the root to run it in. */
  cwd?: string;
  /** Standard input; empty unless given. */
  input?: string | Uint8Array;
}

/** A Debian machine's root file system for one test; everything done in it is gone when it is disposed of. */
export interface ClientRoot extends AsyncDisposable {
  /**
   * The tree as this machine sees it, as long as the root lives. It lies in a mount namespace of its own, which the
   * path leads into. Absolute links in the tree lead out of it, to this machine's files: read what is known to be a
   * plain file, and write by `writeFile`.
   */
  readonly path: string;
  /** Runs a command as root with the host's network; never throws because of its exit status. */
  run(command: readonly string[], options?: RootRunOptions): Promise<RunResult>;
  /** As `run`; throws with all of its output when the status is not 0. @returns its standard output */
  must(command: readonly string[], options?: RootRunOptions): Promise<string>;
  /** Writes a file, and its folder when that is missing; links mean what they mean in the root. */
  writeFile(file: string, content: string | Uint8Array, mode?: number): Promise<void>;
  /** A text file's content; throws when there is none. */
  readFile(file: string): Promise<string>;
  /** Downloads packages of its suites (`name` or `name=version`). @returns paths of the .deb files on this machine */
  download(packages: readonly string[]): Promise<string[]>;
}

class MountedRoot implements ClientRoot {
  readonly path: string;
  readonly #cache: TestCache;
  readonly #base: string;
  readonly #state: string;
  readonly #holder: Holder;
  readonly #env: Record<string, string>;
  readonly #ended = new AbortController();

  constructor(cache: TestCache, base: string, state: string, holder: Holder, initrd: boolean) {
    this.#cache = cache;
    this.#base = base;
    this.#state = state;
    this.#holder = holder;
    this.path = path.join(`/proc/${holder.pid ?? 0}/root`, state, 'root');
    this.#env = {
      PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
      HOME: '/root',
      LC_ALL: 'C.UTF-8',
      DEBIAN_FRONTEND: 'noninteractive',
      ...Object.fromEntries(PROXIES.map((name) => [name, process.env[name] ?? ''])),
      ...(initrd ? {} : { INITRD: 'No' }),
    };
  }

  #own(): string {
    return path.join(this.#state, 'archives');
  }

  async run(command: readonly string[], options: RootRunOptions = {}): Promise<RunResult> {
    const inside = path.join(this.#state, 'root');
    const [program, ...args] = [
      ...enter(this.#holder, { ...this.#env, ...options.env }, inside, options.cwd ?? '/'),
      ...command,
    ];
    const result = await execa(program, args, {
      ...(options.input === undefined ? { stdin: 'ignore' } : { input: options.input }),
      timeout: (options.timeout ?? 600) * 1000,
      cancelSignal: this.#ended.signal,
      killSignal: 'SIGKILL',
      reject: false,
      stripFinalNewline: false,
      maxBuffer: 256 * 1024 * 1024,
    });
    const { stdout, stderr } = result;
    if (result.exitCode === undefined) {
      const how = result.timedOut ? 'ran into its time-out' : 'was killed';
      throw new Error(`${command.join(' ')} ${how}:\n${stdout}${stderr}`, { cause: result });
    }
    await giveDebs(this.#own(), this.#cache.archives, path.join(this.#base, 'var/lib/apt/lists'));
    return { exitCode: result.exitCode, stdout, stderr };
  }

  async must(command: readonly string[], options: RootRunOptions = {}): Promise<string> {
    const { exitCode, stdout, stderr } = await this.run(command, options);
    if (exitCode !== 0) {
      throw new Error(`${command.join(' ')} ended with status ${exitCode}:\n${stdout}${stderr}`);
    }
    return stdout;
  }

  async writeFile(file: string, content: string | Uint8Array, mode = 0o644): Promise<void> {
    const script = 'mkdir -p "$(dirname "$1")" && cat >"$1" && chmod "$2" "$1"';
    await this.must(['sh', '-c', script, 'sh', file, mode.toString(8)], { input: content });
  }

  async readFile(file: string): Promise<string> {
    return await this.must(['cat', file]);
  }

  async download(packages: readonly string[]): Promise<string[]> {
    const uris = await this.must(['apt-get', 'download', '--print-uris', ...packages]);
    await this.must(['apt-get', 'download', '--quiet', ...packages], { cwd: `/${ARCHIVES}` });
    const names = uris
      .split('\n')
      .flatMap((line) => /^'[^']+' (?<name>\S+\.deb) /.exec(line)?.[1] ?? []);
    return names.map((name) => path.join(this.#own(), name));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#ended.abort();
    await release(this.#holder);
    await remove(this.#state);
  }
}

/**
 * A fresh Debian machine's root, on amd64: `await using root = await clientRoot('trixie')`. Made on top of a cached
 * tree in milliseconds (the first one of a Release file's date: in 15–40 s). apt's lists are up to date, packages that
 * any root has downloaded before are not downloaded again, and services are not started.
 *
 * @param codename bookworm, trixie, sid ...: what mmdebstrap calls the suite
 */
export async function clientRoot(
  codename: string,
  options: ClientRootOptions = {},
): Promise<ClientRoot> {
  const cache = await testCache();
  const base = await baseRoot(cache, {
    codename,
    suites: options.suites ?? usualSuites(codename),
    components: options.components ?? ['main'],
  });
  return await rootOn(cache, base, options.initrd);
}

/** As {@link clientRoot}, on top of any tree of a Debian machine, which stays as it is. */
export async function rootOn(cache: TestCache, base: string, initrd = false): Promise<ClientRoot> {
  await sweep(cache.running, remove);
  const state = path.join(cache.running, `${process.pid}-${randomBytes(6).toString('hex')}`);
  for (const folder of ['base', 'upper', 'work', 'root', 'archives/partial']) {
    await fs.mkdir(path.join(state, folder), { recursive: true });
  }
  let holder: Holder | undefined;
  try {
    await takeDebs(cache.archives, path.join(state, 'archives'));
    holder = await hold(base, state);
    const root = new MountedRoot(cache, base, state, holder, initrd);
    await root.writeFile('/etc/resolv.conf', await fs.readFile('/etc/resolv.conf'));
    await root.writeFile('/etc/hosts', await fs.readFile('/etc/hosts'));
    await root.writeFile('/usr/sbin/policy-rc.d', '#!/bin/sh\nexit 101\n', 0o755);
    return root;
  } catch (error) {
    holder?.kill('SIGKILL');
    await remove(state);
    throw error;
  }
}
