import { execFileSync } from 'node:child_process';
import * as fs from 'node:fs/promises';
import { tmpdir } from 'node:os';
import * as path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Apt } from '../programs/apt.ts';
import { ensureSigningKey } from './key.ts';
import type { SuitePublication } from './publication.ts';
import { type PublisherOptions, publish } from './publish.ts';
import { type RepositoryServer, serveRepository } from './serve.ts';
import { makeApt, update } from './testing/apt.ts';
import { makeDeb } from './testing/debs.ts';
import { writeSmallDeb } from './testing/small-debs.ts';

let root: string;
let server: RepositoryServer;
let options: PublisherOptions;

const NAME = 'foo-modules-6.12.117+deb13-amd64';

beforeAll(async () => {
  root = await fs.mkdtemp(path.join(tmpdir(), 'lockstep-apt-'));
  const directory = path.join(root, 'repository');
  await fs.mkdir(directory);
  server = await serveRepository(directory, { port: 0 });
  options = {
    directory,
    stateDirectory: path.join(root, 'state'),
    origin: 'Example Modules',
    key: await ensureSigningKey(path.join(root, 'state'), 'Example Modules'),
    url: server.url,
    date: new Date(Date.now() - 60_000),
  };
});

afterAll(async () => {
  await server.close();
  await fs.rm(root, { recursive: true, force: true });
});

function suite(debs: string[]): SuitePublication {
  return { suite: 'trixie', codename: 'trixie', component: 'main', architectures: ['amd64'], debs };
}

test('apt updates without a word, downloads, and follows', async () => {
  const debs = [
    makeDeb(root, { name: NAME, version: '1:1.0~rc1+x-1', extra: 'Source: foo\n' }),
    makeDeb(root, { name: 'foo-doc', version: '1', architecture: 'all' }),
  ];
  await publish(options, [suite(debs)]);
  const sources = await fs.readFile(path.join(options.directory, 'trixie.sources'), 'utf8');
  const apt = makeApt(path.join(root, 'apt'), sources, ['arm64']);
  expect(await update(apt)).toContain(`Get:1 ${server.url.slice(0, -1)} trixie InRelease`);
  expect((await apt.cache(['pkgnames'])).stdout.split('\n').filter(Boolean).sort()).toEqual([
    'foo-doc',
    NAME,
  ]);

  const cache = path.join(root, 'apt/var/cache/apt/archives');
  const download = await apt.get(['install', '--yes', '--download-only', NAME, 'foo-doc']);
  expect(download).toMatchObject({ exitCode: 0, stderr: '' });
  const fetched = (await fs.readdir(cache)).filter((name) => name.endsWith('.deb')).sort();
  expect(fetched).toEqual(['foo-doc_1_all.deb', `${NAME}_1%3a1.0~rc1+x-1_amd64.deb`]);
  expect(await fs.readFile(path.join(cache, fetched[1] ?? ''))).toEqual(
    await fs.readFile(debs[0] ?? ''),
  );

  expect(await update(apt)).toContain(`Hit:1 ${server.url.slice(0, -1)} trixie InRelease`);
  await publish({ ...options, date: new Date() }, [
    suite([...debs, makeDeb(root, { name: NAME, version: '1:1.0-1', extra: 'Source: foo\n' })]),
  ]);
  expect(await update(apt)).toContain(`Get:1 ${server.url.slice(0, -1)} trixie InRelease`);
  expect((await apt.cache(['policy', NAME])).stdout).toContain('Candidate: 1:1.0-1');
});

/** What dpkg notes of an installed package. */
function installed(name: string, version: string): string {
  return `Package: ${name}
Status: install ok installed
Maintainer: Nobody <nobody@localhost>
Architecture: amd64
Version: ${version}
Description: package of a test

`;
}

describe('a suite that is not automatic', () => {
  let directory: string;
  let sources: string;
  const versions = { trixie: '1', 'trixie-backports': '3', experimental: '5' };

  beforeAll(async () => {
    directory = path.join(root, 'priorities');
    const publications = Object.entries(versions).map(
      ([name, version]): SuitePublication => ({
        suite: name,
        codename: name,
        component: 'main',
        architectures: ['amd64'],
        debs: ['tool', `only-${name}`].map((tool) => makeDeb(root, { name: tool, version })),
        notAutomatic: name !== 'trixie',
        butAutomaticUpgrades: name === 'trixie-backports',
      }),
    );
    await publish({ ...options, directory, url: `file:${directory}` }, publications);
    const files = Object.keys(versions).map((name) => path.join(directory, `${name}.sources`));
    sources = (await Promise.all(files.map((file) => fs.readFile(file, 'utf8')))).join('\n');
  });

  /** Priority of each suite, as apt says it. */
  async function priorities(apt: Apt): Promise<Record<string, number>> {
    const { stdout } = await apt.cache(['policy']);
    const lines = [...stdout.matchAll(/^ *(-?\d+) \S+ (\S+)\/main amd64 Packages$/gm)];
    return Object.fromEntries(lines.map((match) => [match[2] ?? '', Number(match[1])]));
  }

  async function candidate(apt: Apt, name: string): Promise<string | undefined> {
    const { stdout } = await apt.cache(['policy', name]);
    return /^ *Candidate: (.*)$/m.exec(stdout)?.[1];
  }

  test('has the priority that such a suite of Debian has', async () => {
    const apt = makeApt(path.join(root, 'apt-priorities'), sources);
    await update(apt);
    expect(await priorities(apt)).toEqual({
      trixie: 500,
      'trixie-backports': 100,
      experimental: 1,
    });
    expect(await candidate(apt, 'tool')).toBe('1');
    expect(await candidate(apt, 'only-trixie-backports')).toBe('3');
    const install = await apt.get([
      'install',
      '--simulate',
      '--target-release=experimental',
      'tool',
    ]);
    expect(install.stdout).toContain('Inst tool (5 ');
  });

  test.each([
    // An installed package follows backports, and experimental only when it is told to.
    ['2', 'trixie-backports', '3'],
    ['4', 'experimental', '4'],
  ])('with %s of a package installed, %s gives version %s', async (version, _suite, expected) => {
    const status = installed('tool', version);
    const apt = makeApt(path.join(root, `apt-installed-${version}`), sources, [], { status });
    await update(apt);
    expect(await candidate(apt, 'tool')).toBe(expected);
    const { stdout } = await apt.get(['upgrade', '--simulate']);
    expect(stdout.includes('Inst tool ')).toBe(version !== expected);
  });
});

test('apt of any architecture of a suite updates, also of one without a package', async () => {
  const directory = path.join(root, 'architectures');
  const debs = [
    makeDeb(root, { name: NAME, version: '1' }),
    makeDeb(root, { name: 'foo-modules-arm64', version: '1', architecture: 'arm64' }),
    makeDeb(root, { name: 'foo-common', version: '1', architecture: 'all' }),
  ];
  const architectures = ['amd64', 'arm64', 'armhf'];
  const there = { ...options, directory, url: `file:${directory}` };
  /** Packages that a machine of this architecture, and no other one, knows. */
  const names = async (native: string): Promise<string[]> => {
    const sources = await fs.readFile(path.join(directory, 'trixie.sources'), 'utf8');
    const own = sources.replace(/^Architectures: .*$/m, `Architectures: ${native}`);
    expect(own).not.toBe(sources);
    const apt = makeApt(await fs.mkdtemp(path.join(root, 'apt-native-')), own, [], { native });
    await update(apt);
    return (await apt.cache(['pkgnames'])).stdout.split('\n').filter(Boolean).sort();
  };
  await publish(there, [{ ...suite(debs), architectures }]);
  expect(await names('amd64')).toEqual(['foo-common', NAME]);
  expect(await names('arm64')).toEqual(['foo-common', 'foo-modules-arm64']);
  expect(await names('armhf')).toEqual(['foo-common']);
  await publish(there, [{ ...suite(debs.slice(0, 1)), architectures }]);
  expect(await names('amd64')).toEqual([NAME]);
  expect(await names('armhf')).toEqual([]);
});

test('apt of a machine takes its own architecture from a suite of several', async () => {
  const directory = path.join(root, 'own-architecture');
  const debs = ['amd64', 'arm64'].map((architecture) =>
    makeDeb(root, { name: 'same', version: '1', architecture }),
  );
  const there = { ...options, directory, url: `file:${directory}` };
  await publish(there, [{ ...suite(debs), architectures: ['amd64', 'arm64', 'armhf'] }]);
  const sources = await fs.readFile(path.join(directory, 'trixie.sources'), 'utf8');
  for (const [native, expected] of [
    ['amd64', '1'],
    ['arm64', '1'],
    ['armhf', undefined],
  ] as const) {
    const apt = makeApt(path.join(root, `apt-own-${native}`), sources, [], { native });
    await update(apt);
    const { stdout } = await apt.cache(['policy', 'same']);
    expect(/^ *Candidate: (.*)$/m.exec(stdout)?.[1]).toBe(expected);
  }
});

test.each(['xz', 'gz'])('apt reads an index of many blocks to its end, as %s', async (form) => {
  const directory = path.join(root, `blocks-${form}`);
  const small = path.join(root, `small-${form}`);
  await fs.mkdir(small);
  const debs = Array.from({ length: 400 }, (_, at) =>
    writeSmallDeb(small, { name: `small-${at}`, architecture: 'amd64' }),
  );
  await publish({ ...options, directory, url: `file:${directory}` }, [suite(debs)]);
  const sources = await fs.readFile(path.join(directory, 'trixie.sources'), 'utf8');
  const at = path.join(root, `apt-blocks-${form}`);
  const apt = makeApt(at, sources);
  await fs.appendFile(
    path.join(at, 'apt.conf'),
    `Acquire::CompressionTypes::Order { "${form}"; };\n`,
  );
  await update(apt);
  expect((await apt.cache(['pkgnames'])).stdout.trim().split('\n')).toHaveLength(debs.length);
});

test('apt reads the repository as files, too', async () => {
  const sources = await fs.readFile(path.join(options.directory, 'trixie.sources'), 'utf8');
  const local = sources.replace(/^URIs: .*$/m, `URIs: file:${options.directory}`);
  const apt = makeApt(path.join(root, 'apt-file'), local);
  await update(apt);
  expect((await apt.cache(['pkgnames'])).stdout).toContain(NAME);
});

test('apt refuses what another key signed', async () => {
  const sources = await fs.readFile(path.join(options.directory, 'trixie.sources'), 'utf8');
  const other = await ensureSigningKey(path.join(root, 'other'), 'Other');
  const block = other.publicKey.trimEnd().replace(/^$/gm, '.').replace(/^/gm, ' ');
  const apt = makeApt(
    path.join(root, 'apt-other'),
    sources.replace(/Signed-By:[^]*/, `Signed-By:\n${block}\n`),
  );
  await expect(update(apt)).rejects.toThrow(/NO_PUBKEY|not signed/);
});

test('apt resumes a download and reads while a publisher works', async () => {
  const big = makeDeb(root, { name: 'big', version: '1', content: 'x'.repeat(300_000) });
  const sources = await fs.readFile(path.join(options.directory, 'trixie.sources'), 'utf8');
  const apt = makeApt(path.join(root, 'apt-busy'), sources);
  const publishing = (async () => {
    for (let round = 0; round < 8; round += 1) {
      const debs = [big, makeDeb(root, { name: 'round', version: String(round) })];
      await publish({ ...options, date: new Date() }, [suite(debs)]);
    }
  })();
  for (let round = 0; round < 4; round += 1) {
    await update(apt);
  }
  await publishing;
  await update(apt);
  expect((await apt.cache(['policy', 'round'])).stdout).toContain('Candidate: 7');

  const partial = path.join(root, 'apt-busy/var/cache/apt/archives/partial/big_1_amd64.deb');
  const bytes = await fs.readFile(big);
  await fs.writeFile(partial, bytes.subarray(0, 100));
  const { mtime } = await fs.stat(path.join(options.directory, 'pool/main/b/big/big_1_amd64.deb'));
  await fs.utimes(partial, mtime, mtime);
  const download = await apt.get(['install', '--yes', '--download-only', 'big']);
  expect(download).toMatchObject({ exitCode: 0, stderr: '' });
  const fetched = path.join(root, 'apt-busy/var/cache/apt/archives/big_1_amd64.deb');
  expect(execFileSync('cmp', [fetched, big], { encoding: 'utf8' })).toBe('');
});
