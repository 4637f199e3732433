import { LockstepError } from '../core/errors.ts';
import { activeKeys, type KeyEntry, type KeyRecord } from '../publisher/key-record.ts';
import { homeOf, isOwn, openKey, openSigning } from '../publisher/signing.ts';
import { type ChangeOptions, type KeyChange, usage, writeKeys } from './rotation.ts';
import { keyringPackageName, type SigningConfig, signingOptions } from './signing.ts';

const DAY = 24 * 60 * 60 * 1000;

/** The instant from which an old key may end, when machines could get the next one at another. */
export function endsFrom({ repository }: SigningConfig, published: string): Date {
  return new Date(Date.parse(published) + repository.signing.overlapDays * DAY);
}

/** @throws LockstepError KEY_NEEDED when machines may not have the key that stays */
function checkOverlap(config: SigningConfig, record: KeyRecord, staying: KeyEntry): void {
  const { published } =
    record.keyrings.find(({ fingerprints }) => fingerprints.includes(staying.fingerprint)) ?? {};
  const end = published === undefined ? undefined : endsFrom(config, published);
  if (end !== undefined && end <= new Date()) {
    return;
  }
  throw new LockstepError(
    'KEY_NEEDED',
    end === undefined
      ? 'the old key has to sign for longer: the next one is not published yet'
      : `the old key has to sign until ${end.toISOString()}: machines can get the next one since ${published ?? ''}`,
    {
      hint: `machines that do not have the next key would refuse the repository; ${
        end === undefined ? 'lockstep run publishes it' : 'if that has to be: --force'
      }`,
      exitCode: 1,
    },
  );
}

/**
 * Ends a rotation: from the next publication on one of the two keys signs no more. `named` is the one that ends, the old one
 * unless given: to end the new one takes the rotation back.
 *
 * @param options `force`: even if machines had no time to get the key that stays
 * @throws LockstepError KEY_NEEDED, USAGE, KEY_UNUSABLE; nothing is changed then
 */
export async function retireKey(
  config: SigningConfig,
  options: ChangeOptions & { force: boolean },
): Promise<KeyChange> {
  const { named, dryRun, force } = options;
  const how = signingOptions(config);
  const { record } = await openSigning(how, new Date(), true);
  const active = activeKeys(record);
  const [old] = active;
  const known = record.keys.find(({ fingerprint }) => fingerprint === (named ?? old?.fingerprint));
  const staying = active.find((entry) => entry !== known);
  if (known === undefined) {
    throw usage(`the key ${named ?? ''} never signed the repository`, 'lockstep key show');
  }
  if (known.until !== undefined) {
    return { record, steps: [`${known.fingerprint} has ended already`] };
  }
  if (staying === undefined) {
    if (named !== undefined) {
      throw usage(`${named} is the only key that signs`, 'lockstep key rotate brings the next one');
    }
    return { record, steps: [`${known.fingerprint} alone signs: nothing is to be ended`] };
  }
  if (known === old && !force) {
    checkOverlap(config, record, staying);
  }
  const home = homeOf(how, known);
  const steps = [
    `sign every suite by ${staying.fingerprint} alone`,
    `take ${known.fingerprint} out of the .sources files and of ${keyringPackageName(config.repository.origin)}`,
    isOwn(known)
      ? `leave its secret half in ${home}: it is yours to destroy`
      : `leave ${home} as it is; repository.signing.key may name ${staying.fingerprint} now`,
  ];
  if (dryRun) {
    return { record, steps };
  }
  const now = new Date();
  const until = now.toISOString();
  const keys = record.keys.map((entry) => (entry === known ? { ...entry, until } : entry));
  const key = await openKey(how, staying);
  return { record: await writeKeys(config, { ...record, keys }, [key], now), steps };
}
