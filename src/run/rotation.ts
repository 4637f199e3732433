import * as path from 'node:path';
import { LockstepError } from '../core/errors.ts';
import { adminKey, tryKey } from '../publisher/admin-key.ts';
import { joinArmoured } from '../publisher/armour.ts';
import { makeOwnKey, ownKey, type SingleKey } from '../publisher/key.ts';
import {
  activeKeys,
  type KeyEntry,
  type KeyRecord,
  keysFolder,
  withKeyring,
  writeKeyRecord,
} from '../publisher/key-record.ts';
import { openKey, openSigning } from '../publisher/signing.ts';
import { keyringPackageName, type SigningConfig, signingOptions } from './signing.ts';

export interface ChangeOptions {
  /** Fingerprint of the key that is meant, where one is named. */
  named: string | undefined;
  /** Say what would be done, and do nothing. */
  dryRun: boolean;
  signal?: AbortSignal;
}

/** What a change of keys did, or would do. */
export interface KeyChange {
  /** What is written down of the keys. */
  record: KeyRecord;
  /** One sentence a step. */
  steps: string[];
}

export function usage(message: string, hint: string): LockstepError {
  return new LockstepError('USAGE', message, { hint, exitCode: 2 });
}

/** The record with the keyring of these keys, all of them that sign, written down at once. */
export async function writeKeys(
  { state }: SigningConfig,
  record: KeyRecord,
  keys: readonly SingleKey[],
  now: Date,
): Promise<KeyRecord> {
  const blocks = keys.map((key) => key.publicKey);
  const after = withKeyring(record, joinArmoured('PUBLIC KEY BLOCK', blocks), now);
  await writeKeyRecord(state, after);
  return after;
}

/** The key that a rotation is to bring: one of the administrator's, or undefined for one that Lockstep makes. */
function wantedKey(
  { repository }: SigningConfig,
  record: KeyRecord,
  named: string | undefined,
): string | undefined {
  const { key } = repository.signing;
  const isKnown = record.keys.some(({ fingerprint }) => fingerprint === key);
  return named ?? (isKnown ? undefined : key);
}

interface NextKey {
  home: string;
  open: () => Promise<SingleKey>;
  step: string;
}

/** A key that Lockstep makes; one that an interrupted rotation has made is there already. */
function newKey({ state, repository }: SigningConfig, record: KeyRecord): NextKey {
  const home = `key-${record.keys.length + 1}`;
  const folder = path.join(keysFolder(state), home);
  return {
    home,
    async open() {
      await makeOwnKey(folder, repository.origin);
      return await ownKey(folder);
    },
    step: `make a key in ${folder}`,
  };
}

/** @throws LockstepError USAGE */
function adoptedKey(
  { repository }: SigningConfig,
  record: KeyRecord,
  key: string,
  signal: AbortSignal | undefined,
): NextKey {
  const { home } = repository.signing;
  if (home === undefined) {
    throw usage(
      `where the key ${key} is, is not known`,
      'name its GnuPG home and itself in the configuration: repository.signing.home and key',
    );
  }
  const known = record.keys.find(({ fingerprint }) => fingerprint === key);
  if (known !== undefined) {
    throw usage(
      `the key ${key} ${known.until === undefined ? 'signs already' : 'has ended'}`,
      'a rotation brings a key that never signed the repository',
    );
  }
  return {
    home,
    async open() {
      const opened = await adminKey({ home, key });
      await tryKey(opened, { home, key }, signal);
      return opened;
    },
    step: `take the key ${key} of ${home}`,
  };
}

/**
 * Begins a rotation: from the next publication on two keys sign, and machines are given both. One that is under way stays as
 * it is.
 *
 * `named` is the next key; unless given, it is the configuration's if that one is new, else one that is made.
 *
 * @throws LockstepError USAGE, KEY_UNUSABLE, ENVIRONMENT, DISK_FULL; nothing is changed then
 */
export async function rotateKey(
  config: SigningConfig,
  { named, dryRun, signal }: ChangeOptions,
): Promise<KeyChange> {
  const options = signingOptions(config);
  const { record } = await openSigning(options, new Date(), true);
  const [present, other] = activeKeys(record);
  if (present === undefined) {
    throw new Error('a record without a key that signs');
  }
  const wanted = wantedKey(config, record, named);
  if (other !== undefined) {
    if (wanted !== undefined && wanted !== other.fingerprint) {
      throw usage(
        'two keys sign already: a rotation is under way',
        'end it first: lockstep key retire; lockstep key show says when',
      );
    }
    return { record, steps: [`${present.fingerprint} and ${other.fingerprint} sign already`] };
  }
  const { signing, origin } = config.repository;
  if (wanted === undefined && signing.home !== undefined) {
    throw usage(
      'the repository is signed by a key of your own, and so is to be the next one',
      `make it by gpg --homedir '${signing.home}' --quick-generate-key, then: lockstep key rotate --key FINGERPRINT`,
    );
  }
  const next =
    wanted === undefined ? newKey(config, record) : adoptedKey(config, record, wanted, signal);
  const steps = [
    next.step,
    `sign every suite by ${present.fingerprint} and that key`,
    `publish both in the .sources files and in ${keyringPackageName(origin)}`,
    `let ${present.fingerprint} sign for at least ${signing.overlapDays} days more`,
  ];
  if (dryRun) {
    return { record, steps };
  }
  // What fails does so before anything depends on it.
  const key = await next.open();
  const now = new Date();
  const { fingerprint } = key;
  const entry: KeyEntry = { fingerprint, home: next.home, since: now.toISOString() };
  const after = { ...record, keys: [...record.keys, entry] };
  const keys = [await openKey(options, present), key];
  return { record: await writeKeys(config, after, keys, now), steps };
}
