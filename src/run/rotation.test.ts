import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import * as fs from 'node:fs/promises';
import { tmpdir } from 'node:os';
import * as path from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { configSchema } from '../config/schema.ts';
import { dearmour } from '../publisher/armour.ts';
import { ensureSigningKey, makeOwnKey } from '../publisher/key.ts';
import { readKeyRecord, writeKeyRecord } from '../publisher/key-record.ts';
import { signedText } from '../publisher/release.ts';
import { retireKey } from './retirement.ts';
import { rotateKey } from './rotation.ts';
import { slow } from '../../test/support/tier.ts';
import {
  currentKeyring,
  keyringInputs,
  keyringPackageName,
  keyringRelation,
  notePublished,
  type SigningConfig,
  signingOf,
} from './signing.ts';

let root: string;
let config: SigningConfig;
const homes: string[] = [];

beforeEach(async () => {
  root = await fs.mkdtemp(path.join(tmpdir(), 'lockstep-rotation-'));
  config = configOf({});
});

afterEach(async () => {
  for (const home of homes.splice(0).filter(existsSync)) {
    execFileSync('gpgconf', ['--homedir', home, '--kill', 'all'], { stdio: 'pipe' });
  }
  await fs.rm(root, { recursive: true, force: true });
});

function configOf(signing: Record<string, unknown>): SigningConfig {
  const parsed = configSchema.parse({
    repository: { origin: 'Example Modules', directory: path.join(root, 'repository'), signing },
    state: path.join(root, 'state'),
    archives: [{ suites: ['trixie'] }],
    modules: [{ package: 'a-dkms' }],
  });
  return parsed;
}

/** A GnuPG home of the administrator's with some keys. @returns their fingerprints */
async function adminHome(name: string, count = 1): Promise<{ home: string; keys: string[] }> {
  const home = path.join(root, name);
  await fs.mkdir(home, { mode: 0o700 });
  homes.push(home);
  const gpg = (...args: string[]): string =>
    execFileSync('gpg', ['--homedir', home, '--batch', ...args], {
      encoding: 'utf8',
      stdio: 'pipe',
    });
  for (let index = 0; index < count; index += 1) {
    const loopback = ['--pinentry-mode', 'loopback', '--passphrase', ''];
    gpg(...loopback, '--quick-generate-key', `Key ${index}`, 'ed25519', 'sign', 'never');
  }
  const listing = gpg('--with-colons', '--list-keys');
  return { home, keys: [...listing.matchAll(/^fpr:+(?<print>\w+):/gm)].map((one) => one[1] ?? '') };
}

/** Who signed a text, by gpgv with these keys. */
async function signers(publicKey: string, text: string): Promise<string[]> {
  const [keyring, signed] = ['keys.pgp', 'signed'].map((name) => path.join(root, name));
  await fs.writeFile(keyring ?? '', dearmour(publicKey));
  await fs.writeFile(signed ?? '', text);
  const options = ['--status-fd', '1', '--keyring', keyring ?? '', signed ?? ''];
  const said = execFileSync('gpgv', options, { encoding: 'utf8', stdio: 'pipe' });
  return [...said.matchAll(/VALIDSIG .* (?<print>\w+)$/gm)].map((match) => match[1] ?? '');
}

const plain = { named: undefined, dryRun: false };
const forced = { ...plain, force: true };

async function signedBy(now = config): Promise<string[]> {
  const { key } = await signingOf(now);
  const text = await key.sign('Origin: x\n- dash\n');
  expect(signedText(text)).toBe('Origin: x\n- dash\n');
  expect(await key.verify(text)).toBe(true);
  return await signers(key.publicKey, text);
}

/** Publishes nothing, but notes that it was. */
async function publish(at = new Date()): Promise<void> {
  const signing = await signingOf(config);
  await writeKeyRecord(config.state, signing.record);
  await notePublished(config, signing, [{}], at);
}

describe('a rotation', () => {
  test('has two keys sign, then the next one', async () => {
    const first = await ensureSigningKey(config.state, 'Example Modules');
    const before = await signingOf(config);
    const alone = await first.sign('text\n');
    expect(before.key.publicKey).toBe(first.publicKey);
    expect(await signedBy()).toEqual([first.fingerprint]);
    expect(keyringRelation(config, before)).toBeUndefined();

    await rotateKey(config, plain);
    const during = await signingOf(config);
    const next = during.key.fingerprint;
    expect(next).not.toBe(first.fingerprint);
    expect(await signedBy()).toEqual([first.fingerprint, next]);
    // What one of them signed alone is to be signed anew, and is known as the repository's own.
    expect(await during.key.verify(alone)).toBe(false);
    expect(await during.key.isOurs(alone)).toBe(true);
    expect(await during.key.isOurs(alone.replace('text', 'next'))).toBe(false);
    expect(currentKeyring(during).version > currentKeyring(before).version).toBe(true);
    const version = currentKeyring(during).version;
    const relation = `example-modules-archive-keyring (>= ${version})`;
    expect(keyringRelation(config, during)).toBe(relation);

    const both = await during.key.sign('text\n');
    await retireKey(config, forced);
    const after = await signingOf(config);
    expect(await signedBy()).toEqual([next]);
    for (const text of [alone, both]) {
      expect(await after.key.verify(text)).toBe(false);
      expect(await after.key.isOurs(text)).toBe(true);
    }
    // Whoever has both keys needs no newer package.
    expect(keyringRelation(config, after)).toBe(relation);
    expect(keyringInputs(config, after).former).toHaveLength(2);
    expect(keyringInputs(config, after).fingerprints).toEqual([next]);
  });

  test('a dry run changes nothing', async () => {
    await ensureSigningKey(config.state, 'Example Modules');
    const names = await fs.readdir(path.join(config.state, 'keys'));
    const { steps } = await rotateKey(config, { ...plain, dryRun: true });
    expect(steps[0]).toContain('make a key');
    expect(await fs.readdir(path.join(config.state, 'keys'))).toEqual(names);
    await rotateKey(config, plain);
    const record = await readKeyRecord(config.state);
    await retireKey(config, { ...forced, dryRun: true });
    expect(await readKeyRecord(config.state)).toEqual(record);
  });

  test('goes on with the key that an interrupted one has made', async () => {
    await ensureSigningKey(config.state, 'Example Modules');
    await makeOwnKey(path.join(config.state, 'keys/key-2'), 'Example Modules');
    const files = await fs.readdir(path.join(config.state, 'keys/key-2/private-keys-v1.d'));
    await rotateKey(config, plain);
    expect(await fs.readdir(path.join(config.state, 'keys/key-2/private-keys-v1.d'))).toEqual(
      files,
    );
    const record = await readKeyRecord(config.state);
    // Again: nothing is begun twice.
    await rotateKey(config, plain);
    expect(await readKeyRecord(config.state)).toEqual(record);
  });

  test('is not ended before machines could get the next key for long enough', async () => {
    await ensureSigningKey(config.state, 'Example Modules');
    await rotateKey(config, plain);
    const retire = { ...forced, force: false };
    const early = { code: 'KEY_NEEDED' };
    await expect(retireKey(config, retire)).rejects.toMatchObject(early);
    await expect(retireKey(config, retire)).rejects.toThrow('not published yet');
    const day = 86_400_000;
    await publish(new Date(Date.now() - 30 * day + 3_600_000));
    await expect(retireKey(config, retire)).rejects.toMatchObject(early);
    const shorter = configOf({ overlapDays: 29 });
    expect((await retireKey(shorter, { ...retire, dryRun: true })).steps[0]).toContain('alone');
    await retireKey(shorter, retire);
    expect(await signedBy()).toHaveLength(1);
  });

  test('can be taken back at once, and a later one brings another key', async () => {
    const first = await ensureSigningKey(config.state, 'Example Modules');
    await rotateKey(config, plain);
    const next = (await signingOf(config)).key.fingerprint;
    await retireKey(config, { ...forced, named: next, force: false });
    expect(await signedBy()).toEqual([first.fingerprint]);
    await retireKey(config, { ...forced, named: next });
    await rotateKey(config, plain);
    const third = (await signingOf(config)).key.fingerprint;
    expect([first.fingerprint, next]).not.toContain(third);
    await expect(retireKey(config, { ...forced, named: '0'.repeat(40) })).rejects.toThrow('never');
  });

  test('one key is not ended', async () => {
    const { fingerprint } = await ensureSigningKey(config.state, 'Example Modules');
    expect((await retireKey(config, forced)).steps[0]).toContain('nothing is to be ended');
    const named = retireKey(config, { ...forced, named: fingerprint });
    await expect(named).rejects.toMatchObject({ code: 'USAGE' });
  });
});

describe('keys of the administrator’s own', () => {
  test('follow one that Lockstep made: the signatures come from two homes', async () => {
    const first = await ensureSigningKey(config.state, 'Example Modules');
    const { home, keys } = await adminHome('own', 2);
    const [second = '', third = ''] = keys;
    const named = configOf({ home, key: second });
    // Machines know the first one only.
    await expect(signingOf(named)).rejects.toMatchObject({ code: 'CONFIG_INVALID' });
    await rotateKey(named, plain);
    expect(await signedBy(named)).toEqual([first.fingerprint, second]);
    // The record has the last word.
    expect(await signedBy(config)).toEqual([first.fingerprint, second]);
    await retireKey(named, forced);
    expect(await signedBy(named)).toEqual([second]);

    await expect(rotateKey(named, plain)).rejects.toMatchObject({ code: 'USAGE' });
    await rotateKey(named, { ...plain, named: third });
    const { steps } = await retireKey(named, forced);
    expect(steps.at(-1)).toContain(`repository.signing.key may name ${third}`);
    expect(await signedBy(named)).toEqual([third]);
    expect(await signedBy(configOf({ home, key: third }))).toEqual([third]);
    const ended = rotateKey(named, { ...plain, named: second });
    await expect(ended).rejects.toThrow('has ended');
  });

  test('sign from the first on, and Lockstep makes none', async () => {
    const { home, keys } = await adminHome('own');
    const named = configOf({ home, key: keys[0] });
    expect(await signedBy(named)).toEqual(keys);
    await writeKeyRecord(named.state, (await signingOf(named)).record);
    expect(await fs.readdir(path.join(named.state, 'keys'))).toEqual(['signing.json']);
    // A home that has moved is named by the configuration.
    execFileSync('gpgconf', ['--homedir', home, '--kill', 'all'], { stdio: 'pipe' });
    await fs.rename(home, path.join(root, 'moved'));
    homes.push(path.join(root, 'moved'));
    expect(await signedBy(configOf({ home: path.join(root, 'moved'), key: keys[0] }))).toEqual(
      keys,
    );
  });

  test('a key that can’t sign begins nothing', async () => {
    await ensureSigningKey(config.state, 'Example Modules');
    const { home } = await adminHome('own', 0);
    const named = configOf({ home, key: '0'.repeat(40) });
    await expect(rotateKey(named, plain)).rejects.toMatchObject({ code: 'KEY_UNUSABLE' });
    expect(await readKeyRecord(named.state)).toBeUndefined();
    const nowhere = rotateKey(config, { ...plain, named: '0'.repeat(40) });
    await expect(nowhere).rejects.toMatchObject({ code: 'USAGE' });
  });
});

test.runIf(slow)(
  'killed at any step, it has begun, or ended, or not, and can be repeated',
  async () => {
    await ensureSigningKey(config.state, 'Example Modules');
    await writeKeyRecord(config.state, (await signingOf(config)).record);
    const child = path.join(import.meta.dirname, 'testing/rotate-child.ts');
    const clean = path.join(root, 'clean');
    /** @returns whether it came to its end */
    const run = (command: string, inject: string): boolean => {
      const trace = ['-f', '-qq', '-o', '/dev/null', '-e', 'trace=/^mkdir,/^rename,fsync'];
      const words = [process.execPath, child, config.state, command];
      const env = { ...process.env, UV_THREADPOOL_SIZE: '1' };
      return (
        spawnSync('strace', [...trace, '-e', `inject=${inject}`, ...words], { env }).status === 0
      );
    };
    for (const [command, before, after] of [
      ['rotate', 1, 2],
      ['retire', 2, 1],
    ] as const) {
      await fs.cp(config.state, clean, { recursive: true });
      const seen = new Set<number>();
      for (const call of ['/^mkdir', '/^rename', 'fsync']) {
        for (let when = 1, isWhole = false; !isWhole; when += 1) {
          await fs.rm(config.state, { recursive: true });
          await fs.cp(clean, config.state, { recursive: true });
          // gpg is hit too, or instead.
          isWhole = run(command, `${call}:signal=SIGKILL:when=${when}`);
          const found = await signedBy();
          expect([before, after]).toContain(found.length);
          seen.add(found.length);
          expect(run(command, 'fsync:delay_enter=0')).toBe(true);
          expect(await signedBy()).toHaveLength(after);
        }
      }
      expect(seen).toEqual(new Set([1, 2]));
      await fs.rm(clean, { recursive: true });
    }
  },
  1_200_000,
);

test('a key whose public half changes (a later expiry) is a keyring of its own', async () => {
  const { home, keys } = await adminHome('own');
  const named = configOf({ home, key: keys[0] });
  const before = (await signingOf(named)).record;
  await writeKeyRecord(named.state, before);
  expect((await signingOf(named)).record).toEqual(before);
  const change = ['--quick-set-expire', keys[0] ?? '', '2y'];
  execFileSync('gpg', ['--homedir', home, '--batch', ...change], { stdio: 'pipe' });
  const after = (await signingOf(named)).record;
  expect(after.keyrings.map(({ fingerprints }) => fingerprints)).toEqual([keys, keys]);
  const versions = after.keyrings.map(({ version }) => version);
  expect(versions.toSorted()).toEqual(versions);
  expect(new Set(versions).size).toBe(2);
});

test('a damaged record is said', async () => {
  await ensureSigningKey(config.state, 'Example Modules');
  await fs.writeFile(path.join(config.state, 'keys/signing.json'), '{}');
  await expect(signingOf(config)).rejects.toMatchObject({ code: 'KEY_UNUSABLE' });
});

test('no repository replaces the keyring package of an archive', () => {
  expect(keyringPackageName('Example Modules')).toBe('example-modules-archive-keyring');
  for (const origin of ['Debian', 'ubuntu', 'Debian Ports']) {
    expect(() => keyringPackageName(origin)).toThrow(/name|archive's package/);
  }
});
