import { constants } from 'node:fs';
import * as fs from 'node:fs/promises';
import * as path from 'node:path';
import { LockstepError } from '../core/errors.ts';
import { exists, explainDiskError, makeDirectoryAtomic, syncDirectory } from '../core/files.ts';
import { type Gpg, withGpg } from '../programs/gpg.ts';

/** The key that a repository is signed with. */
export interface SigningKey {
  /** 40 hex digits, upper case. */
  readonly fingerprint: string;
  /** The public key, ASCII-armoured, ending with a line feed. */
  readonly publicKey: string;
  /**
   * Clear-signs a text (SHA-512).
   *
   * @throws LockstepError KEY_UNUSABLE
   */
  sign(content: string, signal?: AbortSignal): Promise<string>;
  /** Whether a clear-signed text carries this key's good signature. */
  verify(clearsigned: string): Promise<boolean>;
}

/** What a killed maker left is removed once it is this old; a younger one may still be at work. */
const LEFTOVER_MILLISECONDS = 3_600_000;

function unusable(home: string, why: string, cause?: unknown): LockstepError {
  return new LockstepError('KEY_UNUSABLE', `the signing key in ${home} can't be used: ${why}`, {
    hint:
      `put the folder ${home} back from a backup; a new key (mv ${home} ${home}.old, then run again) ` +
      'has to be installed on every machine that uses the repository',
    cause,
  });
}

/** What gpg's failure says of the key; a full disk is no fault of it. */
function explain(home: string, error: unknown): unknown {
  const explained = explainDiskError(error, home);
  return explained instanceof LockstepError && explained.code === 'PROGRAM_FAILED'
    ? unusable(home, explained.message, error)
    : explained;
}

/** The user id of the key: the origin without the characters that mean something to gpg. */
function userIdOf(origin: string): string {
  const name = origin
    .replace(/[\p{C}<>()"\\]+/gu, ' ')
    .replace(/\s+/g, ' ')
    .trim();
  return `${name === '' ? 'Lockstep' : name} archive signing key`;
}

async function syncTree(directory: string): Promise<void> {
  for (const entry of await fs.readdir(directory, { withFileTypes: true })) {
    const file = path.join(directory, entry.name);
    if (entry.isDirectory()) {
      await syncTree(file);
    } else if (entry.isFile()) {
      const handle = await fs.open(file, constants.O_RDONLY);
      try {
        await handle.sync();
      } finally {
        await handle.close();
      }
    }
  }
  await syncDirectory(directory);
}

async function removeLeftovers(stateDirectory: string): Promise<void> {
  for (const name of await fs.readdir(stateDirectory)) {
    const file = path.join(stateDirectory, name);
    if (name.startsWith('.tmp-keys-')) {
      const { mtimeMs } = await fs.lstat(file);
      if (Date.now() - mtimeMs > LEFTOVER_MILLISECONDS) {
        await fs.rm(file, { recursive: true, force: true });
      }
    }
  }
}

/** A signature made and checked, since a listed key may still be damaged or want a passphrase. */
async function tryKey(gpg: Gpg, fingerprint: string): Promise<boolean> {
  const signed = await gpg.clearsign(fingerprint, 'test\n');
  return gpg.verify(fingerprint, signed);
}

async function readKey(home: string): Promise<{ fingerprint: string; publicKey: string }> {
  return withGpg(home, async (gpg) => {
    try {
      const key = (await gpg.secretKeys()).find((candidate) => candidate.signs);
      if (key === undefined) {
        throw unusable(home, 'there is no secret key in it that can sign');
      }
      if (await tryKey(gpg, key.fingerprint)) {
        return {
          fingerprint: key.fingerprint,
          publicKey: await gpg.exportKey(key.fingerprint),
        };
      }
    } catch (error) {
      throw explain(home, error);
    }
    throw unusable(home, 'what it signs does not verify');
  });
}

/**
 * The repository's signing key. Made at the first call: Ed25519, signs only, no expiry, no passphrase, in a
 * GnuPG home of its own, `<stateDirectory>/keys`, that only its owner can enter. A home that is there is used as it
 * is and never replaced.
 *
 * @throws LockstepError KEY_UNUSABLE when the home is there but holds no key that signs, ENVIRONMENT when gpg
 *   is not installed, DISK_FULL
 */
export async function ensureSigningKey(
  stateDirectory: string,
  origin: string,
): Promise<SigningKey> {
  const home = path.join(path.resolve(stateDirectory), 'keys');
  await makeDirectoryAtomic(home, async (temporary) => {
    await fs.chmod(temporary, 0o700);
    await withGpg(temporary, (gpg) => gpg.generateKey(userIdOf(origin)));
    await syncTree(temporary);
  });
  await syncDirectory(path.dirname(home));
  await removeLeftovers(path.dirname(home));
  const status = await fs.lstat(home);
  if (!status.isDirectory() && !status.isSymbolicLink()) {
    throw unusable(home, 'it is not a folder');
  }
  const { fingerprint, publicKey } = await readKey(home);

  // One use of the home at a time: each ends the agent that it started.
  let last: Promise<unknown> = Promise.resolve();
  function inTurn<T>(work: (gpg: Gpg) => Promise<T>): Promise<T> {
    const result = last.then(() => withGpg(home, work));
    last = result.catch(() => undefined);
    return result;
  }

  return {
    fingerprint,
    publicKey,
    async sign(content, signal) {
      try {
        return await inTurn((gpg) => gpg.clearsign(fingerprint, content, signal));
      } catch (caught) {
        const error = explain(home, caught);
        throw error === caught && !(await exists(home))
          ? unusable(home, 'it is gone', caught)
          : error;
      }
    },
    verify: (clearsigned) => inTurn((gpg) => gpg.verify(fingerprint, clearsigned)),
  };
}
