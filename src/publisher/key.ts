import { constants } from 'node:fs';
import * as fs from 'node:fs/promises';
import * as path from 'node:path';
import { LockstepError } from '../core/errors.ts';
import { exists, explainDiskError, makeDirectoryAtomic, syncDirectory } from '../core/files.ts';
import { type Gpg, signersOf, withGpg } from '../programs/gpg.ts';
import { dearmour } from './armour.ts';

/** What a repository is signed with: a key, or during a rotation two at once. */
export interface SigningKey {
  /** 40 hex digits, upper case; of several keys the newest one's. */
  readonly fingerprint: string;
  /** The public keys in one block, ASCII-armoured, ending with a line feed. */
  readonly publicKey: string;
  /**
   * Clear-signs a text (SHA-512), with every key.
   *
   * @throws LockstepError KEY_UNUSABLE
   */
  sign(content: string, signal?: AbortSignal): Promise<string>;
  /** Whether a clear-signed text carries a good signature of every key, and no other one. */
  verify(clearsigned: string): Promise<boolean>;
  /** Whether it is signed, well, by keys that sign the repository now or did earlier: all or some of them. */
  isOurs(clearsigned: string): Promise<boolean>;
}

/** A single key. */
export interface SingleKey extends SigningKey {
  /** When it was made, in seconds since 1970. */
  readonly created: number;
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

/** Removes what a killed maker of a home left beside it. */
async function removeLeftovers(home: string): Promise<void> {
  const folder = path.dirname(home);
  for (const name of await fs.readdir(folder)) {
    const file = path.join(folder, name);
    if (name.startsWith(`.tmp-${path.basename(home)}-`)) {
      const { mtimeMs } = await fs.lstat(file);
      if (Date.now() - mtimeMs > LEFTOVER_MILLISECONDS) {
        await fs.rm(file, { recursive: true, force: true });
      }
    }
  }
}

/** Whether a clear-signed text has exactly these signatures, all of them good. */
export async function isSignedBy(
  fingerprints: readonly string[],
  publicKey: string,
  clearsigned: string,
): Promise<boolean> {
  const signers = await signersOf(dearmour(publicKey), clearsigned);
  return signers.toSorted().join() === fingerprints.toSorted().join();
}

type KeyFacts = Pick<SingleKey, 'fingerprint' | 'publicKey' | 'created'>;

/** @param fingerprint the key; the first one that can sign unless given */
async function readKey(home: string, fingerprint: string | undefined): Promise<KeyFacts> {
  return withGpg(home, async (gpg) => {
    try {
      const key = (await gpg.secretKeys()).find(
        (one) => one.signs && (fingerprint === undefined || one.fingerprint === fingerprint),
      );
      if (key === undefined) {
        const which = fingerprint === undefined ? 'no secret key' : `no secret key ${fingerprint}`;
        throw unusable(home, `there is ${which} in it that can sign`);
      }
      const publicKey = await gpg.exportKey(key.fingerprint);
      // A signature made and checked, since a listed key may still be damaged or want a passphrase.
      const signed = await gpg.clearsign(key.fingerprint, 'test\n');
      if (await isSignedBy([key.fingerprint], publicKey, signed)) {
        return { fingerprint: key.fingerprint, publicKey, created: key.created };
      }
    } catch (error) {
      throw explain(home, error);
    }
    throw unusable(home, 'what it signs does not verify');
  });
}

/** @param sign signs with that key */
export function singleKey(facts: KeyFacts, sign: SigningKey['sign']): SingleKey {
  const verify = (clearsigned: string): Promise<boolean> =>
    isSignedBy([facts.fingerprint], facts.publicKey, clearsigned);
  return { ...facts, sign, verify, isOurs: verify };
}

/**
 * Makes a key: Ed25519, signs only, no expiry, no passphrase, in a GnuPG home of its own that only its owner can enter. A
 * home that is there stays as it is.
 *
 * @throws LockstepError ENVIRONMENT when gpg is not installed, DISK_FULL, PROGRAM_FAILED
 */
export async function makeOwnKey(home: string, origin: string): Promise<void> {
  await makeDirectoryAtomic(home, async (temporary) => {
    await fs.chmod(temporary, 0o700);
    await withGpg(temporary, (gpg) => gpg.generateKey(userIdOf(origin)));
    await syncTree(temporary);
  });
  await syncDirectory(path.dirname(home));
  await removeLeftovers(home);
}

/**
 * A key that Lockstep has made.
 *
 * @param fingerprint the first one in the home that can sign, unless given
 * @throws LockstepError KEY_UNUSABLE when the home holds no such key that signs, ENVIRONMENT when gpg is not installed
 */
export async function ownKey(home: string, fingerprint?: string): Promise<SingleKey> {
  const status = await fs.lstat(home).catch(() => undefined);
  if (status?.isDirectory() !== true && status?.isSymbolicLink() !== true) {
    throw unusable(home, status === undefined ? 'it is gone' : 'it is not a folder');
  }
  const facts = await readKey(home, fingerprint);

  // One use of the home at a time: each ends the agent that it started.
  let last: Promise<unknown> = Promise.resolve();
  function inTurn<T>(work: (gpg: Gpg) => Promise<T>): Promise<T> {
    const result = last.then(() => withGpg(home, work));
    last = result.catch(() => undefined);
    return result;
  }

  return singleKey(facts, async (content, signal) => {
    try {
      return await inTurn((gpg) => gpg.clearsign(facts.fingerprint, content, signal));
    } catch (caught) {
      const error = explain(home, caught);
      throw error === caught && !(await exists(home))
        ? unusable(home, 'it is gone', caught)
        : error;
    }
  });
}

/**
 * The repository's own signing key, made at the first call, in `<stateDirectory>/keys`. A home that is there is used as
 * it is and never replaced.
 *
 * @throws LockstepError KEY_UNUSABLE when the home is there but holds no key that signs, ENVIRONMENT when gpg
 *   is not installed, DISK_FULL
 */
export async function ensureSigningKey(stateDirectory: string, origin: string): Promise<SingleKey> {
  const home = path.join(path.resolve(stateDirectory), 'keys');
  await makeOwnKey(home, origin);
  return await ownKey(home);
}
