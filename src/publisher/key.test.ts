import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import * as fs from 'node:fs/promises';
import { tmpdir } from 'node:os';
import * as path from 'node:path';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { withGpg } from '../programs/gpg.ts';
import { ensureSigningKey } from './key.ts';

const CHILD = path.join(import.meta.dirname, '../programs/testing/gpg-child.ts');

let root: string;

beforeEach(async () => {
  root = await fs.mkdtemp(path.join(tmpdir(), 'lockstep-key-'));
});

afterEach(async () => {
  vi.unstubAllEnvs();
  await fs.rm(root, { recursive: true, force: true });
});

/** Command lines of the agents whose home has a path below `directory`. */
async function agents(directory: string): Promise<string[]> {
  const found: string[] = [];
  for (const pid of (await fs.readdir('/proc')).filter((name) => /^\d+$/.test(name))) {
    try {
      const line = await fs.readFile(`/proc/${pid}/cmdline`, 'utf8');
      if (line.startsWith('gpg-agent\0') && line.includes(directory)) {
        found.push(line);
      }
    } catch {
      // The process ended meanwhile.
    }
  }
  return found;
}

async function modes(directory: string): Promise<Record<string, string>> {
  const found: Record<string, string> = {};
  for (const name of await fs.readdir(directory, { recursive: true })) {
    found[name] = ((await fs.stat(path.join(directory, name))).mode & 0o777).toString(8);
  }
  return found;
}

describe('the signing key', () => {
  test('is made once, signs, and only its public half is needed to verify', async () => {
    const key = await ensureSigningKey(root, 'Example "modules" <x>');
    const again = await ensureSigningKey(root, 'Another origin');
    expect(again.fingerprint).toBe(key.fingerprint);
    expect(again.publicKey).toBe(key.publicKey);
    const signed = await again.sign('Origin: x\n- dash\n');
    expect(signed).toContain('Hash: SHA512');

    await fs.writeFile(path.join(root, 'key.asc'), key.publicKey);
    await fs.writeFile(path.join(root, 'signed'), signed);
    execFileSync('gpg', ['--dearmor', '-o', `${root}/key.gpg`, `${root}/key.asc`], {
      env: { ...process.env, GNUPGHOME: root },
    });
    execFileSync('gpgv', ['--keyring', `${root}/key.gpg`, `${root}/signed`], { stdio: 'pipe' });
    const listing = execFileSync('gpg', ['--show-keys', '--with-colons', `${root}/key.asc`], {
      encoding: 'utf8',
      env: { ...process.env, GNUPGHOME: root },
    });
    const fields = (/^pub:.*$/m.exec(listing)?.[0] ?? '').split(':');
    expect(fields[3]).toBe('22');
    expect(fields[6]).toBe('');
    expect(fields[11]).toBe('scSC');
    expect(listing).toContain(':Example modules x archive signing key:');
  });

  test('verifies its own signatures and nothing else', async () => {
    const key = await ensureSigningKey(path.join(root, 'one'), 'One');
    const other = await ensureSigningKey(path.join(root, 'two'), 'Two');
    const signed = await key.sign('text\n');
    expect(await key.verify(signed)).toBe(true);
    expect(await key.verify(signed.replace('text', 'next'))).toBe(false);
    expect(await key.verify('text\n')).toBe(false);
    expect(await other.verify(signed)).toBe(false);
  });

  test('lies where only its owner can read it', async () => {
    await ensureSigningKey(root, 'Example');
    expect(await fs.readdir(root)).toEqual(['keys']);
    const found = await modes(root);
    expect(found['keys']).toBe('700');
    expect(found['keys/private-keys-v1.d']).toBe('700');
    const secrets = Object.keys(found).filter((name) => name.endsWith('.key'));
    expect(secrets).toHaveLength(1);
    expect(found[secrets[0] ?? '']).toBe('600');
  });

  test('a deep folder is no obstacle; no agent, socket or link stays', async () => {
    // The folder for temporary files is this test's own, so that no other test's links are in it.
    vi.stubEnv('TMPDIR', path.join(root, 't'));
    await fs.mkdir(path.join(root, 't'));
    const deep = path.join(root, 'd'.repeat(100), 'e'.repeat(100));
    const key = await ensureSigningKey(deep, 'Example');
    await Promise.all([key.sign('a\n'), key.sign('b\n'), key.verify('c\n')]);
    const during = await withGpg(path.join(deep, 'keys'), async (gpg) => {
      await gpg.clearsign(key.fingerprint, 'd\n');
      return agents(root);
    });
    expect(during).toHaveLength(1);
    const names = await fs.readdir(path.join(deep, 'keys'));
    expect(names.filter((name) => name.startsWith('S.'))).toEqual([]);
    expect(await fs.readdir(path.join(root, 't'))).toEqual([]);
    expect(await agents(root)).toEqual([]);
  });

  test('its user may be killed: the agent goes too, and the next one takes the rest away', async () => {
    vi.stubEnv('TMPDIR', path.join(root, 't'));
    await fs.mkdir(path.join(root, 't'));
    const key = await ensureSigningKey(root, 'Example');
    const child = spawn(process.execPath, [CHILD, path.join(root, 'keys'), key.fingerprint]);
    await once(child.stdout, 'data');
    expect(await agents(root)).toHaveLength(1);
    child.kill('SIGKILL');
    await once(child, 'close');
    await vi.waitFor(async () => {
      expect(await agents(root)).toEqual([]);
    });
    expect(await fs.readdir(path.join(root, 't'))).toHaveLength(1);
    await (await ensureSigningKey(root, 'Example')).sign('a\n');
    expect(await fs.readdir(path.join(root, 't'))).toEqual([]);
    const names = await fs.readdir(path.join(root, 'keys'));
    expect(names.filter((name) => name.startsWith('S.'))).toEqual([]);
  });

  test.each<[string, (keys: string) => Promise<void>]>([
    [
      'an empty home',
      async (keys) => {
        await fs.rm(keys, { recursive: true });
        await fs.mkdir(keys);
      },
    ],
    [
      'a home without the secret half',
      (keys) => fs.rm(path.join(keys, 'private-keys-v1.d'), { recursive: true }),
    ],
    [
      'a damaged secret key',
      async (keys) => {
        for await (const file of fs.glob(`${keys}/private-keys-v1.d/*.key`)) {
          await fs.writeFile(file, 'Key: (private-key (ecc))\n');
        }
      },
    ],
    [
      'a key with a passphrase',
      async (keys) => {
        await fs.rm(keys, { recursive: true });
        await fs.mkdir(keys, { mode: 0o700 });
        const home = ['--homedir', keys, '--batch', '--pinentry-mode', 'loopback'];
        const args = ['--passphrase', 'x', '--quick-generate-key', 'Somebody', 'ed25519', 'sign'];
        execFileSync('gpg', [...home, ...args], { stdio: 'pipe' });
        execFileSync('gpgconf', ['--homedir', keys, '--kill', 'gpg-agent']);
      },
    ],
    [
      'a file in its place',
      async (keys) => {
        await fs.rm(keys, { recursive: true });
        await fs.writeFile(keys, '');
      },
    ],
  ])('%s is said, and nothing is replaced', async (_name, damage) => {
    await ensureSigningKey(root, 'Example');
    const keys = path.join(root, 'keys');
    await damage(keys);
    const unusable = { code: 'KEY_UNUSABLE' };
    await expect(ensureSigningKey(root, 'Example')).rejects.toMatchObject(unusable);
    await expect(ensureSigningKey(root, 'Example')).rejects.toThrow(keys);
  });
});
