import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import * as fs from 'node:fs/promises';
import { tmpdir } from 'node:os';
import * as path from 'node:path';
import { errnoOf, LockstepError } from '../core/errors.ts';
import { type RunResult, runProgram } from './run.ts';

/** A key of a GnuPG home that can sign. */
export interface GpgKey {
  /** 40 hex digits, upper case. */
  fingerprint: string;
  /** Whether it can sign and is neither expired nor revoked. */
  signs: boolean;
}

/** gpg, bound to one home folder; no other home and no configuration file is read. */
export interface Gpg {
  /** Makes an Ed25519 key that can only sign, never expires and has no passphrase. */
  generateKey(userId: string): Promise<void>;
  /** The keys whose secret half is in the home. */
  secretKeys(): Promise<GpgKey[]>;
  /** The public key, ASCII-armoured. */
  exportKey(fingerprint: string): Promise<string>;
  /** Clear-signs a text with SHA-512. */
  clearsign(fingerprint: string, text: string, signal?: AbortSignal): Promise<string>;
  /** Whether a clear-signed text has a good signature by that key. */
  verify(fingerprint: string, clearsigned: string): Promise<boolean>;
}

const AGENT_SOCKETS = ['', '.browser', '.extra', '.ssh'].map((end) => `S.gpg-agent${end}`);
const COMMON = [
  ...['--batch', '--no-tty', '--no-options', '--quiet', '--no-autostart'],
  ...['--trust-model', 'always'],
];
const SECRET = ['--pinentry-mode', 'loopback', '--passphrase', ''];

/** An agent of a home, and what ends it. */
interface Agent {
  stop: () => Promise<void>;
}

/**
 * Starts the agent that gpg works with. The one that gpg would start by itself outlives it, and so a Lockstep that is
 * killed. This one lives in a process tree of its own, whose first process is `cat`: that ends, and the tree with it,
 * as soon as nobody holds the other end of its input.
 *
 * @throws LockstepError PROGRAM_FAILED
 */
async function startAgent(home: string): Promise<Agent> {
  const user = process.geteuid?.() === 0 ? [] : ['--user', '--map-current-user'];
  const agent = [
    'gpg-agent',
    '--homedir',
    home,
    '--no-options',
    '--quiet',
    '--daemon',
    '--',
    'cat',
  ];
  const child = spawn('unshare', [...user, '--pid', '--fork', '--', ...agent], {
    env: { ...process.env, LC_ALL: 'C.UTF-8' },
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  let said = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    said += text;
  });
  const ended = new Promise<void>((resolve) => {
    child.once('error', (error) => {
      said += error.message;
      resolve();
    });
    child.once('close', () => {
      resolve();
    });
  });
  // Its end is told by `close`.
  child.stdin.on('error', () => undefined);
  // `cat` is there only after the agent listens.
  const answered = once(child.stdout, 'data').then(
    () => true,
    () => false,
  );
  child.stdin.write('\n');
  const isThere = await Promise.race([answered, ended.then(() => false)]);
  if (!isThere) {
    throw new LockstepError('PROGRAM_FAILED', `gpg-agent can't be started: ${said.trim()}`);
  }
  return {
    async stop() {
      child.stdin.end();
      await ended;
      await Promise.all(AGENT_SOCKETS.map((name) => fs.rm(path.join(home, name), { force: true })));
    },
  };
}

function readSecretKeys(listing: string): GpgKey[] {
  const keys: GpgKey[] = [];
  let current: string[] | undefined;
  for (const line of listing.split('\n')) {
    const fields = line.split(':');
    if (fields[0] === 'sec') {
      current = fields;
    } else if (fields[0] === 'fpr' && current !== undefined) {
      const valid = !/^[ierd]/.test(current[1] ?? '');
      const present = current[14] === '+' || current[14] === '';
      keys.push({
        fingerprint: fields[9] ?? '',
        signs: valid && present && (current[11] ?? '').includes('S'),
      });
      current = undefined;
    }
  }
  return keys;
}

/** @param needsAgent is awaited before whatever needs a secret key */
function bind(home: string, needsAgent: () => Promise<unknown>): Gpg {
  const run = (
    args: readonly string[],
    options: { input?: string; signal?: AbortSignal | undefined; allowFailure?: boolean } = {},
  ): Promise<RunResult> => {
    const { signal, ...rest } = options;
    return runProgram('gpg', [...COMMON, ...args], {
      env: { GNUPGHOME: home },
      timeout: 60_000,
      ...rest,
      ...(signal === undefined ? {} : { signal }),
    });
  };
  return {
    async generateKey(userId) {
      await needsAgent();
      await run([...SECRET, '--quick-generate-key', '--', userId, 'ed25519', 'sign', 'never']);
    },
    async secretKeys() {
      await needsAgent();
      const args = ['--with-colons', '--list-secret-keys'];
      const { exitCode, stdout, stderr } = await run(args, { allowFailure: true });
      const keys = readSecretKeys(stdout);
      if (keys.length === 0 && exitCode !== 0) {
        throw new LockstepError('PROGRAM_FAILED', `gpg can't list the keys: ${stderr.trim()}`);
      }
      return keys;
    },
    async exportKey(fingerprint) {
      const args = ['--armor', '--export-options', 'export-minimal', '--export', fingerprint];
      return (await run(args)).stdout;
    },
    async clearsign(fingerprint, text, signal) {
      await needsAgent();
      const args = ['--local-user', fingerprint, '--digest-algo', 'SHA512', '--clear-sign'];
      return (await run([...SECRET, ...args], { input: text, signal })).stdout;
    },
    async verify(fingerprint, clearsigned) {
      const result = await run(['--status-fd', '1', '--verify'], {
        input: clearsigned,
        allowFailure: true,
      });
      const signers = result.stdout
        .split('\n')
        .filter((line) => line.startsWith('[GNUPG:] VALIDSIG '))
        .map((line) => line.trim().split(' ').at(-1));
      return result.exitCode === 0 && signers.length === 1 && signers[0] === fingerprint;
    },
  };
}

/** Whether a process is there. */
function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return errnoOf(error) === 'EPERM';
  }
}

const LINK = /^lockstep-(?<pid>\d+)-[0-9a-f]{12}$/;

/** Takes away the links to a home of processes that were killed. */
async function removeDeadLinks(home: string): Promise<void> {
  const folder = tmpdir();
  for (const name of await fs.readdir(folder)) {
    const pid = LINK.exec(name)?.groups?.['pid'];
    const link = path.join(folder, name);
    if (
      pid !== undefined &&
      !isAlive(Number(pid)) &&
      (await fs.readlink(link).catch(() => undefined)) === home
    ) {
      await fs.rm(link, { force: true });
    }
  }
}

/**
 * Works with the GnuPG home `home`, and leaves no agent, socket or link behind. gpg meets the home under a short
 * name in the folder for temporary files: a socket's path has to fit into 108 bytes (unix(7)), and the home's own
 * path may be longer.
 */
export async function withGpg<T>(home: string, work: (gpg: Gpg) => Promise<T>): Promise<T> {
  const name = `lockstep-${process.pid}-${randomBytes(6).toString('hex')}`;
  const link = path.join(tmpdir(), name);
  await removeDeadLinks(path.resolve(home));
  await fs.symlink(path.resolve(home), link);
  let agent: Promise<Agent> | undefined;
  const needsAgent = (): Promise<Agent> => {
    agent ??= startAgent(link);
    return agent;
  };
  try {
    return await work(bind(link, needsAgent));
  } finally {
    try {
      await (await agent?.catch(() => undefined))?.stop();
    } finally {
      await fs.rm(link, { force: true });
    }
  }
}
