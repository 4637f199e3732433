import { LockstepError } from '../core/errors.ts';
import type { Config } from '../config/schema.ts';
import type { Publications } from '../ledger/schema.ts';
import type { KeyringInputs } from '../packager/keyring.ts';
import { armourBody, dearmour } from '../publisher/armour.ts';
import { type Keyring, keyringToHave, writeKeyRecord } from '../publisher/key-record.ts';
import { slugOf } from '../publisher/names.ts';
import { openSigning, type Signing, type SigningOptions } from '../publisher/signing.ts';
import { publicationId } from './suite-update.ts';

export type { Signing } from '../publisher/signing.ts';

/** What of a configuration says how the repository is signed. */
export type SigningConfig = Pick<Config, 'state' | 'repository'>;

export function signingOptions({ state, repository }: SigningConfig): SigningOptions {
  const { home, key } = repository.signing;
  return {
    state,
    origin: repository.origin,
    admin: home === undefined || key === undefined ? undefined : { home, key },
  };
}

/** Opens what the repository is signed with, as the configuration and the state folder say. */
export async function signingOf(config: SigningConfig): Promise<Signing> {
  return await openSigning(signingOptions(config), new Date());
}

/** Packages of others that would be replaced on the machines of a repository with such a name. */
const TAKEN = new Set(['debian', 'debian-ports', 'ubuntu']);

/** @throws LockstepError CONFIG_INVALID when the origin is that of an archive with such a package */
export function keyringPackageName(origin: string): string {
  const slug = slugOf(origin);
  if (TAKEN.has(slug)) {
    throw new LockstepError(
      'CONFIG_INVALID',
      `repository.origin is ${origin}: ${slug}-archive-keyring is another archive's package`,
      { hint: 'give the repository a name of its own', exitCode: 2 },
    );
  }
  return `${slug}-archive-keyring`;
}

/** The keyring that machines are given now. */
export function currentKeyring({ record }: Signing): Keyring {
  const keyring = record.keyrings.at(-1);
  if (keyring === undefined) {
    throw new Error('a record of keys without a keyring');
  }
  return keyring;
}

/** What the keyring package is made of. */
export function keyringInputs({ repository }: SigningConfig, signing: Signing): KeyringInputs {
  const { version, since, fingerprints, publicKey } = currentKeyring(signing);
  const former = signing.record.keyrings.map((keyring) => armourBody(keyring.publicKey));
  const body = armourBody(publicKey);
  return {
    name: keyringPackageName(repository.origin),
    version,
    epoch: Math.floor(Date.parse(since) / 1000),
    url: repository.url,
    fingerprints,
    binary: dearmour(publicKey),
    armoured: publicKey,
    former: [...new Set(former)].filter((text) => text !== body),
  };
}

/** What tracking packages ask for; undefined as long as there was one set of keys only. */
export function keyringRelation(
  { repository }: SigningConfig,
  { record }: Signing,
): string | undefined {
  const keyring = record.keys.length > 1 ? keyringToHave(record) : undefined;
  return keyring && `${keyringPackageName(repository.origin)} (>= ${keyring.version})`;
}

/**
 * Notes that the keys of now are published, if they were not before.
 *
 * @param suites what each suite has: where it has anything, its keyring package has to be the one of these keys
 */
export async function notePublished(
  { state, repository }: SigningConfig,
  signing: Signing,
  suites: readonly Publications[string][],
  now: Date,
): Promise<void> {
  const { record } = signing;
  const last = currentKeyring(signing);
  const id = publicationId(keyringPackageName(repository.origin), 'all');
  const isOut = suites.every(
    (suite) =>
      Object.keys(suite).length === 0 || suite[id]?.version.startsWith(last.version) === true,
  );
  if (last.published === undefined && isOut) {
    const noted = { ...last, published: now.toISOString() };
    const keyrings = [...record.keyrings.slice(0, -1), noted];
    await writeKeyRecord(state, { ...record, keyrings });
  }
}
