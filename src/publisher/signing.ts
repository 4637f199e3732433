import * as path from 'node:path';
import { LockstepError } from '../core/errors.ts';
import { exists } from '../core/files.ts';
import { signersOf } from '../programs/gpg.ts';
import { type AdminKey, adminKey } from './admin-key.ts';
import { dearmour, joinArmoured, joinSigned } from './armour.ts';
import { ensureSigningKey, isSignedBy, ownKey, type SigningKey, type SingleKey } from './key.ts';
import {
  activeKeys,
  type KeyEntry,
  keysFolder,
  type KeyRecord,
  readKeyRecord,
  withKeyring,
} from './key-record.ts';

export interface SigningOptions {
  /** The state folder. */
  state: string;
  origin: string;
  /** The key that the configuration names, if any. */
  admin: AdminKey | undefined;
}

/** What a repository is signed with, and what machines are told of it. */
export interface Signing {
  /** Its last keyring is that of the keys that sign now. Whoever publishes writes it before. */
  record: KeyRecord;
  key: SigningKey;
}

/** The home of a key: the configuration's where it names the key, since a home may move. */
export function homeOf({ state, admin }: SigningOptions, entry: Omit<KeyEntry, 'since'>): string {
  return admin?.key === entry.fingerprint
    ? admin.home
    : path.resolve(keysFolder(state), entry.home);
}

/** Whether a key is one that Lockstep made. */
export function isOwn({ home }: Pick<KeyEntry, 'home'>): boolean {
  return !path.isAbsolute(home);
}

/** Opens one of a record's keys. @throws LockstepError KEY_UNUSABLE */
export async function openKey(options: SigningOptions, entry: KeyEntry): Promise<SingleKey> {
  const home = homeOf(options, entry);
  return isOwn(entry)
    ? await ownKey(home, entry.fingerprint)
    : await adminKey({ home, key: entry.fingerprint });
}

/** Whether Lockstep has made a key in the state folder, or somebody has put one there. */
export async function hasFirstKey(state: string): Promise<boolean> {
  const folder = keysFolder(state);
  const names = ['pubring.kbx', 'private-keys-v1.d'];
  return (await Promise.all(names.map((name) => exists(path.join(folder, name))))).includes(true);
}

/** The keys of a repository of which nothing is written down yet: a key of its own, once there is one, is its first. */
async function firstKey(options: SigningOptions): Promise<[KeyRecord, SingleKey]> {
  const { state, origin, admin } = options;
  const isAdmins = admin !== undefined && !(await hasFirstKey(state));
  const key = isAdmins ? await adminKey(admin) : await ensureSigningKey(state, origin);
  const { fingerprint, created } = key;
  const home = isAdmins ? admin.home : '.';
  const since = new Date(created * 1000).toISOString();
  return [{ format: 1, keys: [{ fingerprint, home, since }], keyrings: [] }, key];
}

/** Several keys as one. @param known all public keys that there ever were, as blocks */
export function joinKeys(keys: readonly SingleKey[], known: readonly string[]): SigningKey {
  const fingerprints = keys.map((key) => key.fingerprint);
  const publicKey = joinArmoured(
    'PUBLIC KEY BLOCK',
    keys.map((key) => key.publicKey),
  );
  return {
    fingerprint: fingerprints.at(-1) ?? '',
    publicKey,
    async sign(content, signal) {
      const signed: string[] = [];
      // One after the other: two pinentries at once are one too many.
      for (const key of keys) {
        signed.push(await key.sign(content, signal));
      }
      return joinSigned(signed);
    },
    verify: (clearsigned) => isSignedBy(fingerprints, publicKey, clearsigned),
    async isOurs(clearsigned) {
      const all = Buffer.concat([publicKey, ...known].map(dearmour));
      return (await signersOf(all, clearsigned)).length > 0;
    },
  };
}

/** @throws LockstepError CONFIG_INVALID when the configuration names a key that the repository does not know */
function checkAdmin({ admin }: SigningOptions, record: KeyRecord): void {
  if (admin !== undefined && !record.keys.some((key) => key.fingerprint === admin.key)) {
    const present = activeKeys(record).map((key) => key.fingerprint);
    throw new LockstepError(
      'CONFIG_INVALID',
      `repository.signing.key is ${admin.key}, but the repository is signed by ${present.join(' and ')}`,
      {
        hint: 'machines know only that one: `lockstep key rotate` makes the other follow it',
        exitCode: 2,
      },
    );
  }
}

/**
 * Opens what the repository is signed with: the keys that its record says, or its first one. Writes nothing but a first key
 * of its own.
 *
 * @param now when a set of keys that is not in the record begins
 * @param mayDiffer whether the configuration may name a key that is to come
 * @throws LockstepError KEY_UNUSABLE, CONFIG_INVALID, ENVIRONMENT, DISK_FULL
 */
export async function openSigning(
  options: SigningOptions,
  now: Date,
  mayDiffer = false,
): Promise<Signing> {
  const written = await readKeyRecord(options.state);
  if (written === undefined) {
    const [record, key] = await firstKey(options);
    if (!mayDiffer) {
      checkAdmin(options, record);
    }
    // Known from the key alone, so that any machine with that key makes the same packages.
    const since = new Date(key.created * 1000);
    return { record: withKeyring(record, key.publicKey, since), key };
  }
  if (!mayDiffer) {
    checkAdmin(options, written);
  }
  const keys: SingleKey[] = [];
  for (const entry of activeKeys(written)) {
    keys.push(await openKey(options, entry));
  }
  const known = written.keyrings.map(({ publicKey }) => publicKey);
  const key = joinKeys(keys, known);
  return { record: withKeyring(written, key.publicKey, now), key };
}
