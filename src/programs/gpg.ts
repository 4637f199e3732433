import { randomBytes } from 'node:crypto';
import * as fs from 'node:fs/promises';
import { tmpdir } from 'node:os';
import * as path from 'node:path';
import { exists } from '../core/files.ts';
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
const COMMON = ['--batch', '--no-tty', '--no-options', '--quiet', '--trust-model', 'always'];
const SECRET = ['--pinentry-mode', 'loopback', '--passphrase', ''];

function sleep(milliseconds: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, milliseconds);
  });
}

/** Ends the agent that gpg started for this home and takes its sockets away. */
async function stopAgent(home: string): Promise<void> {
  const sockets = AGENT_SOCKETS.map((name) => path.join(home, name));
  if (!(await exists(path.join(home, 'S.gpg-agent')))) {
    return;
  }
  await runProgram('gpgconf', ['--homedir', home, '--kill', 'gpg-agent'], { allowFailure: true });
  for (let tries = 0; tries < 100 && (await exists(path.join(home, 'S.gpg-agent'))); tries += 1) {
    await sleep(10);
  }
  await Promise.all(sockets.map((socket) => fs.rm(socket, { force: true })));
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

function bind(home: string): Gpg {
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
      await run([...SECRET, '--quick-generate-key', '--', userId, 'ed25519', 'sign', 'never']);
    },
    async secretKeys() {
      const listing = await run(['--with-colons', '--list-secret-keys'], { allowFailure: true });
      return readSecretKeys(listing.stdout);
    },
    async exportKey(fingerprint) {
      const args = ['--armor', '--export-options', 'export-minimal', '--export', fingerprint];
      return (await run(args)).stdout;
    },
    async clearsign(fingerprint, text, signal) {
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

/**
 * Works with the GnuPG home `home`, and leaves no agent, socket or link behind. gpg meets the home under a short
 * name in the folder for temporary files: a socket's path has to fit into 108 bytes (unix(7)), and the home's own
 * path may be longer.
 */
export async function withGpg<T>(home: string, work: (gpg: Gpg) => Promise<T>): Promise<T> {
  const link = path.join(tmpdir(), `lockstep-${randomBytes(6).toString('hex')}`);
  await fs.symlink(path.resolve(home), link);
  try {
    return await work(bind(link));
  } finally {
    try {
      await stopAgent(link);
    } finally {
      await fs.rm(link, { force: true });
    }
  }
}
