import * as path from 'node:path';
import { z } from 'zod';
import { LockstepError } from '../core/errors.ts';
import { readFileOrUndefined, writeFileAtomic } from '../core/files.ts';

const fingerprint = z.string().regex(/^[0-9A-F]{40}$/);
const instant = z.iso.datetime();

const schema = z.object({
  format: z.literal(1),
  /** Every key that has signed the repository, in the order in which they came. */
  keys: z
    .array(
      z.object({
        fingerprint,
        /** Its GnuPG home: below the folder of keys, or absolute for one of the administrator's. */
        home: z.string(),
        since: instant,
        /** When its signatures ended. */
        until: instant.optional(),
      }),
    )
    .min(1),
  /** Every set of keys that machines were given, oldest first; the last one is that of now. */
  keyrings: z.array(
    z.object({
      version: z.string().regex(/^\d{8}\.\d{6}$/),
      fingerprints: z.array(fingerprint),
      /** The block that `.sources` files carry. */
      publicKey: z.string(),
      since: instant,
      /** When it was published for the first time. */
      published: instant.optional(),
    }),
  ),
});

/** The keys of a repository over time. At most two sign at once. */
export type KeyRecord = z.output<typeof schema>;
export type KeyEntry = KeyRecord['keys'][number];
export type Keyring = KeyRecord['keyrings'][number];

/** The folder of keys in a state folder. */
export function keysFolder(state: string): string {
  return path.join(path.resolve(state), 'keys');
}

function recordFile(state: string): string {
  return path.join(keysFolder(state), 'signing.json');
}

/** @throws LockstepError KEY_UNUSABLE when the file is damaged */
export async function readKeyRecord(state: string): Promise<KeyRecord | undefined> {
  const file = recordFile(state);
  const text = await readFileOrUndefined(file);
  if (text === undefined) {
    return undefined;
  }
  try {
    return schema.parse(JSON.parse(text.toString('utf8')));
  } catch (cause) {
    throw new LockstepError('KEY_UNUSABLE', `${file}, which says what signs, is damaged`, {
      hint: 'put it back from a backup',
      cause,
    });
  }
}

export async function writeKeyRecord(state: string, record: KeyRecord): Promise<void> {
  const text = `${JSON.stringify(record, undefined, 1)}\n`;
  await writeFileAtomic(recordFile(state), text, { mode: 0o600, onlyIfChanged: true });
}

/** The keys that sign now, oldest first. */
export function activeKeys({ keys }: KeyRecord): KeyEntry[] {
  return keys.filter(({ until }) => until === undefined);
}

/** The version of a set of keys that begins then: it rises with time, also where the record was lost. */
function versionAt(at: Date, before: Keyring | undefined): string {
  const text = at.toISOString().replace(/\D/g, '');
  const version = `${text.slice(0, 8)}.${text.slice(8, 14)}`;
  return before === undefined || version > before.version
    ? version
    : versionAt(new Date(at.getTime() + 1000), before);
}

/** A record whose last keyring is this one; the record itself when it is already. */
export function withKeyring(record: KeyRecord, publicKey: string, at: Date): KeyRecord {
  const last = record.keyrings.at(-1);
  if (last?.publicKey === publicKey) {
    return record;
  }
  const keyring: Keyring = {
    version: versionAt(at, last),
    fingerprints: activeKeys(record).map((key) => key.fingerprint),
    publicKey,
    since: at.toISOString(),
  };
  return { ...record, keyrings: [...record.keyrings, keyring] };
}

/** The first keyring that has the newest of the keys that sign: whoever has that one or a later one follows. */
export function keyringToHave(record: KeyRecord): Keyring | undefined {
  const newest = activeKeys(record).at(-1)?.fingerprint ?? '';
  return record.keyrings.find(({ fingerprints }) => fingerprints.includes(newest));
}
