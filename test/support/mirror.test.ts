import * as fs from 'node:fs/promises';
import * as os from 'node:os';
import * as path from 'node:path';
import { expect, test } from 'vitest';
import { runProgram } from '../../src/programs/run.ts';
import { debianSources, usualSuites } from './mirror.ts';

test('apt reads the sources as they are meant', async () => {
  const access = {
    mirrorOf: (suite: string) =>
      `http://mirror.invalid/${suite.endsWith('-security') ? 'security' : 'debian'}`,
    keyring: '/usr/share/keyrings/debian-archive-keyring.gpg',
    transport: [],
  };
  const folder = await fs.mkdtemp(path.join(os.tmpdir(), 'lockstep-mirror-'));
  try {
    const file = path.join(folder, 'debian.sources');
    await fs.writeFile(file, debianSources(access, usualSuites('trixie'), ['main', 'contrib']));
    const { stdout } = await runProgram('apt-get', [
      ...['-o', `Dir::Etc::sourcelist=${file}`, '-o', 'Dir::Etc::sourceparts=/dev/null'],
      ...['-o', `Dir::State::lists=${folder}`, 'update', '--print-uris'],
    ]);
    expect(stdout.match(/'[^']+InRelease'/g)).toEqual([
      `'http://mirror.invalid/debian/dists/trixie/InRelease'`,
      `'http://mirror.invalid/debian/dists/trixie-updates/InRelease'`,
      `'http://mirror.invalid/security/dists/trixie-security/InRelease'`,
    ]);
  } finally {
    await fs.rm(folder, { recursive: true });
  }
});

test('sid has neither updates nor security', () => {
  expect(usualSuites('sid')).toEqual(['sid']);
});
