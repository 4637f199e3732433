import { execFileSync } from 'node:child_process';
import * as fs from 'node:fs/promises';
import { tmpdir } from 'node:os';
import * as path from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { adminKey, tryKey } from './admin-key.ts';

let home: string;

beforeEach(async () => {
  home = await fs.mkdtemp(path.join(tmpdir(), 'lockstep-admin-'));
  // Nobody is there to be asked, and nothing but what the agent knows already may help.
  await fs.writeFile(
    path.join(home, 'gpg-agent.conf'),
    'allow-preset-passphrase\npinentry-program /bin/false\ns2k-count 65536\n',
  );
});

afterEach(async () => {
  execFileSync('gpgconf', ['--homedir', home, '--kill', 'all'], { stdio: 'pipe' });
  await fs.rm(home, { recursive: true, force: true });
});

function gpg(...args: string[]): string {
  const options = ['--homedir', home, '--batch', '--pinentry-mode', 'loopback'];
  return execFileSync('gpg', [...options, ...args], { encoding: 'utf8', stdio: 'pipe' });
}

/** Fields of the listing's lines of a kind. */
function listed(kind: string, field: number): string[] {
  return gpg('--with-colons', '--with-keygrip', '--list-secret-keys')
    .split('\n')
    .map((line) => line.split(':'))
    .filter(([name]) => name === kind)
    .map((fields) => fields[field] ?? '');
}

function makeKey(passphrase: string, usage = 'sign'): string {
  gpg('--passphrase', passphrase, '--quick-generate-key', 'Somebody', 'ed25519', usage, 'never');
  return listed('fpr', 9)[0] ?? '';
}

/** As after a reboot: the agent knows no passphrase. */
function forget(): void {
  execFileSync('gpgconf', ['--homedir', home, '--kill', 'gpg-agent'], { stdio: 'pipe' });
}

test('a key whose passphrase its agent knows signs; once it is forgotten, it says what to do', async () => {
  const fingerprint = makeKey('secret words');
  forget();
  const key = await adminKey({ home, key: fingerprint });
  const locked = key.sign('text\n');
  await expect(locked).rejects.toMatchObject({ code: 'KEY_UNUSABLE' });
  await expect(locked).rejects.toThrow(`the key ${fingerprint} of ${home} can't sign: `);
  await expect(locked).rejects.toHaveProperty('hint', expect.stringContaining('gpg-preset-pass'));
  execFileSync('gpg-connect-agent', ['--homedir', home, '/bye'], { stdio: 'pipe' });
  for (const grip of listed('grp', 9)) {
    execFileSync('/usr/lib/gnupg/gpg-preset-passphrase', ['--preset', grip], {
      input: 'secret words',
      env: { ...process.env, GNUPGHOME: home },
      stdio: 'pipe',
    });
  }
  const signed = await key.sign('text\n');
  expect(signed).toContain('Hash: SHA512');
  expect(await key.verify(signed)).toBe(true);
  await tryKey(key, { home, key: fingerprint });
  forget();
  await expect(key.sign('text\n')).rejects.toMatchObject({ code: 'KEY_UNUSABLE' });
  // To verify takes no secret.
  expect(await key.verify(signed)).toBe(true);
});

test('a signing subkey signs for its primary key, which may be somewhere else', async () => {
  const fingerprint = makeKey('', 'cert');
  gpg('--passphrase', '', '--quick-add-key', fingerprint, 'ed25519', 'sign', 'never');
  const [primary = ''] = listed('grp', 9);
  forget();
  await fs.rm(path.join(home, 'private-keys-v1.d', `${primary}.key`));
  const key = await adminKey({ home, key: fingerprint });
  const signed = await key.sign('text\n');
  expect(await key.verify(signed)).toBe(true);
  const subkey = listed('fpr', 9)[1] ?? '';
  await expect(adminKey({ home, key: subkey })).rejects.toThrow(`a subkey of ${fingerprint}`);
});

test.each<[string, () => string, RegExp]>([
  ['is not there', () => '0'.repeat(40), /no such key/],
  ['is not made for signing', () => makeKey('', 'cert'), /not made for signing/],
  [
    'is expired',
    () => {
      const past = ['--faked-system-time', '20200101T000000!', '--passphrase', ''];
      gpg(...past, '--quick-generate-key', 'Somebody', 'ed25519', 'sign', '1d');
      return listed('fpr', 9)[0] ?? '';
    },
    /expired/,
  ],
])('a key that %s is unusable', async (_what, make, why) => {
  const opened = adminKey({ home, key: make() });
  await expect(opened).rejects.toMatchObject({ code: 'KEY_UNUSABLE' });
  await expect(opened).rejects.toThrow(why);
});
