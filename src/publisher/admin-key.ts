import { LockstepError } from '../core/errors.ts';
import { gpgOf } from '../programs/gpg.ts';
import { isSignedBy, type SingleKey, singleKey } from './key.ts';

/** A key of the administrator's own, in a GnuPG home that Lockstep only uses. */
export interface AdminKey {
  /** Absolute path of the home. */
  home: string;
  /** Fingerprint of the primary key: 40 hex digits, upper case. */
  key: string;
}

function unusable({ home, key }: AdminKey, why: string, cause?: unknown): LockstepError {
  return new LockstepError('KEY_UNUSABLE', `the key ${key} of ${home} can't sign: ${why}`, {
    hint:
      `as the user that runs Lockstep: gpg --homedir '${home}' --local-user ${key} --clear-sign </dev/null; once that works, ` +
      'run again. A locked key has to be unlocked in its gpg-agent (by that command, or gpg-preset-passphrase), ' +
      'a smart card plugged in',
    cause,
  });
}

/**
 * A key of the administrator's own, through the gpg-agent of its home. Nothing is signed to try it: a card may ask for
 * a PIN or a touch each time.
 *
 * @throws LockstepError KEY_UNUSABLE when the home has no such key that could sign, ENVIRONMENT when gpg is not installed
 */
export async function adminKey(admin: AdminKey): Promise<SingleKey> {
  const gpg = gpgOf(admin.home);
  const found = await gpg.publicKey(admin.key);
  if (found === undefined) {
    throw unusable(admin, 'the home has no such key');
  }
  if (found.fingerprint !== admin.key) {
    throw unusable(admin, `it is a subkey of ${found.fingerprint}: name that one`);
  }
  if (!found.signs) {
    throw unusable(admin, 'it is expired, revoked or not made for signing');
  }
  const facts = { fingerprint: found.fingerprint, created: found.created };
  const publicKey = await gpg.exportKey(admin.key);
  return singleKey({ ...facts, publicKey }, async (content, signal) => {
    try {
      return await gpg.clearsign(admin.key, content, signal);
    } catch (error) {
      throw error instanceof LockstepError && error.code === 'PROGRAM_FAILED'
        ? unusable(admin, error.message, error)
        : error;
    }
  });
}

/** Has a key sign something, before anything comes to depend on it. @throws LockstepError KEY_UNUSABLE */
export async function tryKey(key: SingleKey, admin: AdminKey, signal?: AbortSignal): Promise<void> {
  const signed = await key.sign('test\n', signal);
  if (!(await isSignedBy([key.fingerprint], key.publicKey, signed))) {
    throw unusable(admin, 'what it signs does not verify');
  }
}
