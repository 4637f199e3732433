import { describe, expect, test } from 'vitest';
import { lockstepErrorOf } from '../core/testing/errors.ts';
import { runProgram } from '../programs/run.ts';
import { mirrorFor, parseSources, readMachineApt, requireMirror } from './machine.ts';

const DEBIAN = 'http://mirror.example/debian';
const SECURITY = 'http://security.example/debian-security';

/** What `apt-get update --print-uris` prints for a file of sources. */
function printed(...sources: [uri: string, suite: string][]): string {
  return sources
    .flatMap(([uri, suite]) => [
      `'${uri}/dists/${suite}/InRelease' x_dists_${suite}_InRelease 0 `,
      `'${uri}/dists/${suite}/main/binary-amd64/Packages.xz' x_Packages 0 `,
    ])
    .join('\n');
}

describe('the sources of a machine', () => {
  test('are read from what apt prints', () => {
    const text = printed(
      [DEBIAN, 'bookworm'],
      [SECURITY, 'bookworm-security'],
      ['http://mirror.example/with%20space', 'stable/updates'],
    );
    expect(parseSources(text)).toEqual([
      { uri: DEBIAN, suite: 'bookworm' },
      { uri: SECURITY, suite: 'bookworm-security' },
      { uri: 'http://mirror.example/with space', suite: 'stable/updates' },
    ]);
    expect(parseSources(`'${DEBIAN}//dists/sid/Release' x 0 \nE: broken\n`)).toEqual([
      { uri: DEBIAN, suite: 'sid' },
    ]);
    expect(parseSources('')).toEqual([]);
  });

  test('of this machine are what its apt says, without a change to it', async () => {
    const machine = await readMachineApt();
    const policy = await runProgram('apt-get', ['indextargets', '--format', '$(RELEASE)']);
    const suites = new Set(policy.stdout.split('\n').filter((line) => line !== ''));
    for (const { uri, suite } of machine.sources) {
      expect(uri).toMatch(/^[a-z+]+:/);
      expect(suite).not.toBe('');
    }
    expect(suites.size === 0 || machine.sources.length > 0).toBe(true);
    expect(machine.architecture).toMatch(/^[a-z0-9-]+$/);
    const release = await runProgram('sh', ['-c', '. /etc/os-release; echo "$VERSION_CODENAME"']);
    expect(machine.codename).toBe(release.stdout.trim());
    for (const line of machine.transport) {
      expect(line).toMatch(/^Acquire::[^ ]+ ".*";$/);
    }
  });
});

describe('the mirror for a suite', () => {
  const bookworm = parseSources(
    printed([DEBIAN, 'bookworm'], [DEBIAN, 'bookworm-updates'], [SECURITY, 'bookworm-security']),
  );

  test.each([
    ['trixie', DEBIAN],
    ['sid', DEBIAN],
    ['trixie-backports', DEBIAN],
    ['trixie-security', SECURITY],
    ['buster/updates', SECURITY],
    ['bookworm', DEBIAN],
    ['bookworm-security', SECURITY],
  ])('%s', (suite, expected) => {
    expect(mirrorFor(suite, bookworm, 'bookworm')).toBe(expected);
  });

  test('is the very one that the machine has for that suite', () => {
    const sources = [...bookworm, { uri: 'http://other.example/debian', suite: 'trixie' }];
    expect(mirrorFor('trixie', sources, 'bookworm')).toBe('http://other.example/debian');
    expect(mirrorFor('forky', sources, 'bookworm')).toBe(DEBIAN);
  });

  test('is found where the machine names classes and not codenames', () => {
    const sources = parseSources(printed([DEBIAN, 'stable'], [SECURITY, 'stable-security']));
    expect(mirrorFor('trixie', sources, 'bookworm')).toBe(DEBIAN);
    expect(mirrorFor('trixie-security', sources, 'bookworm')).toBe(SECURITY);
  });

  test('is never that of somebody else', () => {
    const sources = parseSources(
      printed(
        ['http://vendor.example/apt', 'any'],
        ['http://vendor.example/x', 'bookworm-pgdg'],
        [DEBIAN, 'bookworm'],
      ),
    );
    expect(mirrorFor('trixie', sources, 'bookworm')).toBe(DEBIAN);
    expect(mirrorFor('trixie-security', sources, 'bookworm')).toBeUndefined();
    expect(mirrorFor('trixie', sources.slice(0, 2), 'bookworm')).toBeUndefined();
  });

  test('is asked for when there is none', async () => {
    const machine = { sources: [], codename: 'trixie', architecture: 'amd64', transport: [] };
    const error = await lockstepErrorOf(() => requireMirror('trixie-security', machine));
    expect(error).toMatchObject({ code: 'MIRROR_UNKNOWN', exitCode: 2 });
    expect(error.message).toContain('security mirror');
    expect(error.hint).toContain('mirror:');
  });
});
