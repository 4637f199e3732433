import * as fs from 'node:fs/promises';
import { describe, expect, test } from 'vitest';
import { parseStanza } from '../debian/control.ts';
import { lockstepErrorOf } from '../core/testing/errors.ts';
import { useScratch } from '../core/testing/scratch.ts';
import { runProgram } from '../programs/run.ts';
import {
  type ArchiveSource,
  formatAptConf,
  formatSources,
  writePrivateRoot,
} from './private-root.ts';

const at = useScratch('private-root');

const SOURCE: ArchiveSource = {
  mirror: 'http://mirror.example/debian',
  suites: ['trixie', 'trixie-updates'],
  components: ['main', 'contrib'],
  architectures: ['amd64', 'arm64'],
  keyring: '/usr/share/keyrings/archive.gpg',
  checkValidUntil: false,
};

/** One value of a configuration file, as apt reads it. */
async function aptValue(config: string, name: string): Promise<string> {
  const result = await runProgram('apt-config', ['shell', 'value', name], {
    env: { APT_CONFIG: config },
  });
  const shell = await runProgram('sh', ['-c', `${result.stdout}printf %s "$value"`]);
  return shell.stdout;
}

describe('the configuration', () => {
  test.each(['plain', 'with space', "quote's", 'back\\slash', '100%', 'ümläut', 'semi;colon {x}'])(
    'says to apt which root it has: %s',
    async (name) => {
      const root = at(name);
      const config = await writePrivateRoot(root, [SOURCE], ['amd64', 'arm64'], []);
      expect(await aptValue(config, 'Dir')).toBe(`${root}/`);
      expect(await aptValue(config, 'Dir::State::status')).toBe(`${root}/var/lib/dpkg/status`);
      const policy = await runProgram('apt-get', ['update', '--print-uris'], {
        env: { APT_CONFIG: config },
      });
      const uris = policy.stdout.match(/dists\/[^/]+\/InRelease/g);
      expect(uris).toEqual(['dists/trixie/InRelease', 'dists/trixie-updates/InRelease']);
    },
  );

  test('has no way to name a root with a quotation mark, and says so', async () => {
    const error = await lockstepErrorOf(() => formatAptConf('/a"b', ['amd64'], []));
    expect(error).toMatchObject({ code: 'CONFIG_INVALID', exitCode: 2 });
  });

  test('is read by apt as it is meant, with the transport of the machine', async () => {
    const transport = [
      'Acquire::http::Proxy "http://proxy.example:3142";',
      'Acquire::Retries "7";',
    ];
    const config = at('apt.conf');
    await fs.writeFile(config, formatAptConf(at(), ['arm64', 'amd64'], transport));
    expect(await aptValue(config, 'APT::Architecture')).toBe('arm64');
    expect(await aptValue(config, 'Acquire::http::Proxy')).toBe('http://proxy.example:3142');
    expect(await aptValue(config, 'Acquire::Check-Valid-Until')).toBe('true');
    expect(await aptValue(config, 'Acquire::Retries')).toBe('7');
    expect(await aptValue(config, 'APT::Update::Error-Mode')).toBe('any');
    const dump = await runProgram('apt-config', ['dump', 'APT::Architectures'], {
      env: { APT_CONFIG: config },
    });
    expect(dump.stdout.match(/"[a-z0-9]+"/g)).toEqual(['"arm64"', '"amd64"']);
  });

  test('nothing of the machine is read but what is handed in', async () => {
    const config = await writePrivateRoot(at('own'), [SOURCE], ['amd64'], []);
    const dump = await runProgram('apt-get', ['indextargets', '--format', '$(SITE)$(REPO_URI)'], {
      env: { APT_CONFIG: config },
    });
    expect(dump.stdout).toBe('');
    for (const name of ['Dir::Etc', 'Dir::State', 'Dir::Cache']) {
      const folder = await aptValue(config, `${name}/d`);
      expect(folder.startsWith(at('own'))).toBe(true);
    }
  });
});

describe('the sources', () => {
  test('are fields that say what they should', () => {
    const [first = '', second = ''] = formatSources([
      SOURCE,
      { ...SOURCE, mirror: 'http://mirror.example/a b', checkValidUntil: true },
    ]).split('\n\n');
    expect(Object.fromEntries(parseStanza(first))).toEqual({
      Types: 'deb',
      URIs: 'http://mirror.example/debian',
      Suites: 'trixie trixie-updates',
      Components: 'main contrib',
      Architectures: 'amd64 arm64',
      'Signed-By': '/usr/share/keyrings/archive.gpg',
      'Check-Valid-Until': 'no',
    });
    expect(parseStanza(second).get('URIs')).toBe('http://mirror.example/a%20b');
    expect(parseStanza(second).get('Check-Valid-Until')).toBe('yes');
  });

  test('are not written again when nothing changed', async () => {
    await writePrivateRoot(at('twice'), [SOURCE], ['amd64'], []);
    const file = at('twice/etc/apt/sources.list.d/lockstep.sources');
    await fs.utimes(file, 1000, 1000);
    await writePrivateRoot(at('twice'), [SOURCE], ['amd64'], []);
    expect((await fs.stat(file)).mtimeMs).toBe(1_000_000);
    await writePrivateRoot(at('twice'), [{ ...SOURCE, suites: ['sid'] }], ['amd64'], []);
    expect(await fs.readFile(file, 'utf8')).toContain('Suites: sid\n');
  });
});
