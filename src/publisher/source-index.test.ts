import * as fs from 'node:fs/promises';
import { tmpdir } from 'node:os';
import * as path from 'node:path';
import { gunzipSync } from 'node:zlib';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { sha256 } from '../core/hash.ts';
import { lockstepErrorOf } from '../core/testing/errors.ts';
import { ensureSigningKey, type SigningKey } from './key.ts';
import { fileOperations } from './operations.ts';
import type { SuitePublication } from './publication.ts';
import { publish } from './publish.ts';
import type { PoolFile } from './source-index.ts';
import { checkPlainNames, checkSuite } from './testing/consistency.ts';
import { makeDeb } from './testing/debs.ts';
import { makeSource } from './testing/source.ts';
import { verifyRepository } from './verify.ts';

const DATE = new Date('2026-11-10T09:08:07Z');

let root: string;
let key: SigningKey;
let deb: string;
let repository: string;
let count = 0;

beforeAll(async () => {
  root = await fs.mkdtemp(path.join(tmpdir(), 'lockstep-source-index-'));
  key = await ensureSigningKey(path.join(root, 'key'), 'Example');
  deb = makeDeb(root, { name: 'foo-modules-x', version: '1-1', extra: 'Source: foo (1)\n' });
});

afterAll(async () => {
  await fs.rm(root, { recursive: true, force: true });
});

beforeEach(() => {
  count += 1;
  repository = path.join(root, `repository-${count}`);
});

/** Publishes one suite with some source packages. @returns what was done to the disk */
async function publishSources(
  sources: readonly string[] | undefined,
  more: Partial<SuitePublication> = {},
): Promise<string[]> {
  const steps: string[] = [];
  await publish(
    {
      directory: repository,
      stateDirectory: path.join(root, `state-${count}`),
      ...{ origin: 'Example', key, url: 'http://localhost/', date: DATE, retainedGenerations: 2 },
      disk: fileOperations((step, file) =>
        steps.push(`${step} ${path.relative(repository, file) || '.'}`),
      ),
    },
    [
      {
        ...{ suite: 'trixie', codename: 'trixie', component: 'main', architectures: ['amd64'] },
        ...{ debs: [deb], sources },
        ...more,
      },
    ],
  );
  checkSuite(repository, 'trixie');
  return steps;
}

const foo = (version: string, content?: string): string =>
  makeSource(root, { name: 'foo', version, ...(content === undefined ? {} : { content }) });

async function poolFiles(): Promise<string[]> {
  const names = await fs.readdir(path.join(repository, 'pool'), { recursive: true });
  return names.filter((name) => /\.(?:dsc|xz|buildinfo)$/.test(name)).toSorted();
}

async function buildinfo(content: string): Promise<PoolFile> {
  const file = path.join(root, `${sha256(content)}.buildinfo`);
  await fs.writeFile(file, content);
  return {
    file,
    filename: 'pool/main/f/foo/foo-modules-x_1-1_amd64.buildinfo',
    sha256: sha256(content),
  };
}

describe('source packages', () => {
  test('lie beside their packages, in the pool before any index names them', async () => {
    const steps = await publishSources([foo('1'), foo('1')], {
      buildinfos: [await buildinfo('x')],
    });
    expect(await poolFiles()).toEqual([
      'main/f/foo/foo-modules-x_1-1_amd64.buildinfo',
      ...['main/f/foo/foo_1.dsc', 'main/f/foo/foo_1.tar.xz'],
    ]);
    checkPlainNames(repository, 'trixie');
    const rename = (end: string): number =>
      steps.findIndex((step) => step.startsWith('rename ') && step.endsWith(end));
    const synced = steps.indexOf('sync-directory pool/main/f/foo');
    const byHash = steps.findIndex((step) => /^rename dists.*by-hash/.test(step));
    for (const end of ['foo_1.dsc', 'foo_1.tar.xz', '.buildinfo']) {
      expect(rename(end)).toBeGreaterThan(-1);
      expect(rename(end)).toBeLessThan(synced);
    }
    expect(synced).toBeLessThan(byHash);
    expect(byHash).toBeLessThan(rename('main/source/Sources.gz'));
    expect(rename('main/source/Sources.gz')).toBeLessThan(rename('/InRelease'));
    const sources = await fs.readFile(path.join(repository, 'trixie.sources'), 'utf8');
    expect(sources).toMatch(/^Types: deb deb-src$/m);
    expect(await publishSources([foo('1')], { buildinfos: [await buildinfo('x')] })).toEqual([]);
  });

  test('stay as long as a kept state names them', async () => {
    await publishSources([foo('1'), foo('2')], { buildinfos: [await buildinfo('x')] });
    const both = [1, 2].flatMap((n) => [`main/f/foo/foo_${n}.dsc`, `main/f/foo/foo_${n}.tar.xz`]);
    await publishSources([foo('2')]);
    expect(await poolFiles()).toEqual(['main/f/foo/foo-modules-x_1-1_amd64.buildinfo', ...both]);
    await publishSources([foo('2'), foo('3')]);
    expect(await poolFiles()).toEqual(
      [2, 3].flatMap((n) => [`main/f/foo/foo_${n}.dsc`, `main/f/foo/foo_${n}.tar.xz`]),
    );
  });

  test('are known again when the store is lost', async () => {
    await publishSources([foo('1'), foo('2')], { buildinfos: [await buildinfo('x')] });
    const all = await poolFiles();
    await publishSources([foo('2')], { buildinfos: [await buildinfo('x')] });
    await fs.rm(path.join(root, `state-${count}`), { recursive: true });
    expect(await publishSources([foo('2')], { buildinfos: [await buildinfo('x')] })).toEqual(
      expect.not.arrayContaining([expect.stringMatching(/^(?:rename|unlink|create)/)]),
    );
    expect(await poolFiles()).toEqual(all);
    await publishSources([foo('3')], { buildinfos: [await buildinfo('x')] });
    expect(await poolFiles()).toEqual(
      all
        .filter((name) => !/foo_1/.test(name))
        .concat('main/f/foo/foo_3.dsc', 'main/f/foo/foo_3.tar.xz')
        .toSorted(),
    );
  });

  test('may be none; a suite without an index of them says so', async () => {
    await publishSources([]);
    const index = path.join(repository, 'dists/trixie/main/source/Sources.gz');
    const text = async (): Promise<string> => gunzipSync(await fs.readFile(index)).toString();
    expect(await text()).toBe('');
    await publishSources([foo('1')]);
    expect(await text()).toContain('Package: foo\n');
    await publishSources(undefined);
    await expect(fs.stat(index)).rejects.toThrow('ENOENT');
    const sources = await fs.readFile(path.join(repository, 'trixie.sources'), 'utf8');
    expect(sources).toMatch(/^Types: deb$/m);
    await publishSources([]);
    expect(await text()).toBe('');
  });

  test('never have other bytes under a published name', async () => {
    await publishSources([foo('1')]);
    const before = checkSuite(repository, 'trixie');
    const error = await lockstepErrorOf(() => publishSources([foo('1', 'other')]));
    expect(error).toMatchObject({ code: 'REPOSITORY_INVALID' });
    const twice = await lockstepErrorOf(() => publishSources([foo('5'), foo('5', 'other')]));
    expect(twice).toMatchObject({ code: 'REPOSITORY_INVALID' });
    expect(checkSuite(repository, 'trixie')).toBe(before);
  });

  test.each([
    ['a tarball that is another one', '1.tar.xz', 'y'],
    ['a .dsc that lists nothing', '1.dsc', 'Source: foo\nVersion: 1\n'],
    [
      'a .dsc that lists a file elsewhere',
      '1.dsc',
      `Source: foo\nVersion: 1\nChecksums-Sha256:\n ${'a'.repeat(64)} 1 ../x\n`,
    ],
    [
      'a .dsc with a name that leads out',
      '1.dsc',
      `Source: ../foo\nVersion: 1\nChecksums-Sha256:\n ${'a'.repeat(64)} 1 x\n`,
    ],
  ])('%s is refused', async (_what, end, content) => {
    const dsc = foo('1', `bad-${count}`);
    await fs.writeFile(path.join(path.dirname(dsc), `foo_${end}`), content);
    const error = await lockstepErrorOf(() => publishSources([dsc]));
    expect(error).toMatchObject({ code: 'REPOSITORY_INVALID' });
    await expect(fs.stat(path.join(repository, 'dists'))).rejects.toThrow('ENOENT');
  });

  test('are verified', async () => {
    await publishSources([foo('1')], { buildinfos: [await buildinfo('x')] });
    const found = async (): Promise<unknown> =>
      (await verifyRepository(repository, key, DATE)).defects;
    expect(await found()).toEqual([]);
    const at = (name: string): string => path.join(repository, 'pool/main/f/foo', name);
    await fs.rm(at('foo_1.tar.xz'));
    await fs.rm(at('foo_1.dsc'));
    await fs.writeFile(at('foo_1.dsc'), 'x');
    expect(await found()).toEqual([
      expect.objectContaining({ what: 'pool/main/f/foo/foo_1.dsc', isDamaged: true }),
      expect.objectContaining({ what: 'pool/main/f/foo/foo_1.tar.xz', isDamaged: false }),
    ]);
  });
});
