import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import * as fs from 'node:fs/promises';
import { tmpdir } from 'node:os';
import * as path from 'node:path';
import { errnoOf, LockstepError } from '../core/errors.ts';
import { openNameless } from '../core/files.ts';
import { type RunResult, runProgram } from './run.ts';

/** A key of a GnuPG home. */
export interface GpgKey {
  /** Of the primary key: 40 hex digits, upper case. */
  fingerprint: string;
  /** Whether it, or a subkey of it, can sign and is neither expired nor revoked. */
  signs: boolean;
  /** When it was made, in seconds since 1970. */
  created: number;
}

/** gpg, bound to one home folder; no other home and no gpg.conf is read. */
export interface Gpg {
  /** Makes an Ed25519 key that can only sign, never expires and has no passphrase. */
  generateKey(userId: string): Promise<void>;
  /** The keys whose secret half is in the home. */
  secretKeys(): Promise<GpgKey[]>;
  /** The key with that fingerprint, or with such a subkey, by its public half; undefined when there is none. */
  publicKey(fingerprint: string): Promise<GpgKey | undefined>;
  /** The public key, ASCII-armoured. */
  exportKey(fingerprint: string): Promise<string>;
  /** Clear-signs a text with SHA-512. */
  clearsign(fingerprint: string, text: string, signal?: AbortSignal): Promise<string>;
}

const AGENT_SOCKETS = ['', '.browser', '.extra', '.ssh'].map((end) => `S.gpg-agent${end}`);
const COMMON = ['--batch', '--no-tty', '--no-options', '--quiet', '--trust-model', 'always'];
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

/** The keys of a listing with colons (gnupg's doc/DETAILS). */
function readKeys(listing: string): GpgKey[] {
  const keys: GpgKey[] = [];
  let current: string[] | undefined;
  for (const line of listing.split('\n')) {
    const fields = line.split(':');
    if (fields[0] === 'sec' || fields[0] === 'pub') {
      current = fields;
    } else if (fields[0] === 'fpr' && current !== undefined) {
      const valid = !/^[ierd]/.test(current[1] ?? '');
      const present = current[0] === 'pub' || current[14] === '+' || current[14] === '';
      keys.push({
        fingerprint: fields[9] ?? '',
        signs: valid && present && (current[11] ?? '').includes('S'),
        created: Number(current[5] ?? 0),
      });
      current = undefined;
    }
  }
  return keys;
}

/** Whose agent gpg works with. */
interface Binding {
  /** Arguments of every call. */
  common: readonly string[];
  /** More of those that need a secret key. */
  secret: readonly string[];
  /** Milliseconds that one call may take. */
  timeout: number;
  /** Is awaited before whatever needs a secret key. */
  needsAgent: () => Promise<unknown>;
}

function bind(home: string, { common, secret, timeout, needsAgent }: Binding): Gpg {
  const run = (
    args: readonly string[],
    options: { input?: string; signal?: AbortSignal | undefined; allowFailure?: boolean } = {},
  ): Promise<RunResult> => {
    const { signal, ...rest } = options;
    return runProgram('gpg', [...COMMON, ...common, ...args], {
      env: { GNUPGHOME: home },
      timeout,
      ...rest,
      ...(signal === undefined ? {} : { signal }),
    });
  };
  return {
    async generateKey(userId) {
      await needsAgent();
      await run([...secret, '--quick-generate-key', '--', userId, 'ed25519', 'sign', 'never']);
    },
    async secretKeys() {
      await needsAgent();
      const args = ['--with-colons', '--list-secret-keys'];
      const { exitCode, stdout, stderr } = await run(args, { allowFailure: true });
      const keys = readKeys(stdout);
      if (keys.length === 0 && exitCode !== 0) {
        throw new LockstepError('PROGRAM_FAILED', `gpg can't list the keys: ${stderr.trim()}`);
      }
      return keys;
    },
    async publicKey(fingerprint) {
      const args = ['--with-colons', '--list-keys', fingerprint];
      return readKeys((await run(args, { allowFailure: true })).stdout)[0];
    },
    async exportKey(fingerprint) {
      const args = ['--armor', '--export-options', 'export-minimal', '--export', fingerprint];
      return (await run(args)).stdout;
    },
    async clearsign(fingerprint, text, signal) {
      await needsAgent();
      const args = ['--local-user', fingerprint, '--digest-algo', 'SHA512', '--clear-sign'];
      return (await run([...secret, ...args], { input: text, signal })).stdout;
    },
  };
}

/** A home that is not there: verifying reads nothing of it. */
const NO_HOME = '/nonexistent';

/** Words of a status line that make a signature no good one, though it fits the text. */
const NO_GOOD = /^\[GNUPG:\] (?:BADSIG|ERRSIG|EXPSIG|EXPKEYSIG|REVKEYSIG|NO_PUBKEY|NODATA)\b/m;

/**
 * Who signed a clear-signed text, judged by these public keys alone: no home, no agent, no secret is asked.
 *
 * @param publicKeys keys one after the other, not armoured
 * @returns the primary keys' fingerprints of all signatures; none when one of them is not good
 */
export async function signersOf(
  publicKeys: Uint8Array,
  clearsigned: string,
  signal?: AbortSignal,
): Promise<string[]> {
  // Without a name, nothing of it is left when this process is killed.
  await using keyring = await openNameless(tmpdir());
  await keyring.writeFile(publicKeys);
  // As /proc has it, which may be that of a process tree around this one.
  const self = await fs.readlink('/proc/self');
  const { exitCode, stdout } = await runProgram(
    'gpg',
    [
      ...[...COMMON, '--no-autostart', '--no-random-seed-file', '--lock-never'],
      ...['--no-default-keyring', '--keyring', `/proc/${self}/fd/${keyring.fd}`],
      ...['--status-fd', '1', '--verify'],
    ],
    {
      env: { GNUPGHOME: NO_HOME },
      timeout: 60_000,
      input: clearsigned,
      allowFailure: true,
      ...(signal === undefined ? {} : { signal }),
    },
  );
  return exitCode !== 0 || NO_GOOD.test(stdout)
    ? []
    : stdout
        .split('\n')
        .filter((line) => line.startsWith('[GNUPG:] VALIDSIG '))
        .map((line) => line.trim().split(' ').at(-1) ?? '');
}

/**
 * Works with a GnuPG home of somebody else: the agent is the one that gpg itself finds or starts for it, with its
 * configuration, so that passphrases that it knows, its pinentry, smart cards and HSMs work as they do by hand.
 */
export function gpgOf(home: string): Gpg {
  return bind(path.resolve(home), {
    common: [],
    secret: [],
    // Somebody may have to find the card, or type.
    timeout: 180_000,
    needsAgent: () => Promise.resolve(),
  });
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
    const binding: Binding = {
      common: ['--no-autostart'],
      secret: SECRET,
      timeout: 60_000,
      needsAgent,
    };
    return await work(bind(link, binding));
  } finally {
    try {
      await (await agent?.catch(() => undefined))?.stop();
    } finally {
      await fs.rm(link, { force: true });
    }
  }
}
