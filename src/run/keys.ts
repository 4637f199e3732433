import * as path from 'node:path';
import { exists } from '../core/files.ts';
import {
  activeKeys,
  type KeyRecord,
  keyringToHave,
  readKeyRecord,
} from '../publisher/key-record.ts';
import { hasFirstKey, homeOf, isOwn } from '../publisher/signing.ts';
import type { Context } from './context.ts';
import { planAll } from './plan.ts';
import { publishAll, tellPublished } from './publish.ts';
import { endsFrom } from './retirement.ts';
import type { KeyChange } from './rotation.ts';
import { keyringPackageName, type SigningConfig, signingOf, signingOptions } from './signing.ts';
import { writeSiteAfterRun } from './write-site.ts';

export { retireKey } from './retirement.ts';
export { rotateKey } from './rotation.ts';

export interface KeyView {
  fingerprint: string;
  /** Path of its GnuPG home. */
  home: string;
  madeByLockstep: boolean;
  since: string;
  /** When its signatures ended; null when it signs. */
  until: string | null;
}

/** The keys of a repository, as commands show them. */
export interface KeysView {
  /** Empty before the first run. */
  keys: KeyView[];
  /** The keyring package with the keys of now; `published` is null until it is. */
  keyring: { package: string; version: string; since: string; published: string | null } | null;
  /** The rotation under way: since when machines can get the next key, and from when the old one may end. */
  rotation: { from: string; to: string; published: string | null; endsFrom: string | null } | null;
}

/** A change of keys, as commands show it. */
export interface KeyChangeView extends KeysView {
  dryRun: boolean;
  steps: string[];
}

function rotationOf(config: SigningConfig, record: KeyRecord): KeysView['rotation'] {
  const [from, to] = activeKeys(record);
  if (from === undefined || to === undefined) {
    return null;
  }
  const published = keyringToHave(record)?.published;
  return {
    from: from.fingerprint,
    to: to.fingerprint,
    published: published ?? null,
    endsFrom: published === undefined ? null : endsFrom(config, published).toISOString(),
  };
}

function viewOf(config: SigningConfig, record: KeyRecord): KeysView {
  const options = signingOptions(config);
  const keyring = record.keyrings.at(-1);
  return {
    keys: record.keys.map((entry) => ({
      fingerprint: entry.fingerprint,
      home: homeOf(options, entry),
      madeByLockstep: isOwn(entry),
      since: entry.since,
      until: entry.until ?? null,
    })),
    keyring:
      keyring === undefined
        ? null
        : {
            package: keyringPackageName(config.repository.origin),
            version: keyring.version,
            since: keyring.since,
            published: keyring.published ?? null,
          },
    rotation: rotationOf(config, record),
  };
}

/** What signs, as it was left; makes and changes nothing. */
export async function showKeys({ config }: Context): Promise<KeysView> {
  const record = await readKeyRecord(config.state);
  if (record !== undefined) {
    return viewOf(config, record);
  }
  const isThere = config.repository.signing.key !== undefined || (await hasFirstKey(config.state));
  return isThere
    ? viewOf(config, (await signingOf(config)).record)
    : { keys: [], keyring: null, rotation: null };
}

/** Publishes at once what a change of keys asks for, if anything is published; what it can't, the next run does. */
async function publishNow(context: Context): Promise<void> {
  if (await exists(path.join(context.config.repository.directory, 'dists'))) {
    const planned = await planAll(context, { refresh: false });
    const published = await publishAll(context, planned);
    tellPublished(context, published);
    await writeSiteAfterRun(context, planned.survey, planned.plan);
    if (published.failure !== undefined) {
      throw published.failure;
    }
  }
}

/**
 * Shows a change of keys, and publishes it unless it was not to be done. A change that was made before is published again, so
 * that a command that was interrupted can be repeated.
 */
export async function applyKeyChange(
  context: Context,
  { record, steps }: KeyChange,
  dryRun: boolean,
): Promise<KeyChangeView> {
  const { config } = context;
  if (!dryRun) {
    await publishNow(context);
  }
  const after = (dryRun ? undefined : await readKeyRecord(config.state)) ?? record;
  return { ...viewOf(config, after), dryRun, steps };
}
