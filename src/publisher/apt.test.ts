import { execFileSync } from 'node:child_process';
import * as fs from 'node:fs/promises';
import { tmpdir } from 'node:os';
import * as path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { ensureSigningKey } from './key.ts';
import type { SuitePublication } from './publication.ts';
import { type PublisherOptions, publish } from './publish.ts';
import { type RepositoryServer, serveRepository } from './serve.ts';
import { makeApt, update } from './testing/apt.ts';
import { makeDeb } from './testing/debs.ts';

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
