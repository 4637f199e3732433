import * as fs from 'node:fs/promises';
import { tmpdir } from 'node:os';
import * as path from 'node:path';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { ensureSigningKey, type SingleKey } from './key.ts';
import { publish } from './publish.ts';
import { Store } from './store.ts';
import { makeDeb } from './testing/debs.ts';
import { joinKeys } from './signing.ts';
import { verifyRepository } from './verify.ts';

const DATE = new Date('2026-11-10T09:08:07Z');
const MODULES = 'foo-modules-6.12.117+deb13-amd64';

let root: string;
let key: SingleKey;
let repository: string;
let count = 0;

beforeAll(async () => {
  root = await fs.mkdtemp(path.join(tmpdir(), 'lockstep-verify-'));
  key = await ensureSigningKey(path.join(root, 'key'), 'Example');
});

afterAll(async () => {
  await fs.rm(root, { recursive: true, force: true });
});

beforeEach(async () => {
  count += 1;
  repository = path.join(root, `repository-${count}`);
  await publishDebs([
    makeDeb(root, { name: MODULES, version: '1-1' }),
    makeDeb(root, {
      name: 'foo-modules-amd64',
      version: '1-1',
      extra: `Depends: ${MODULES} (>= 1-1), linux-latest-modules-6.12.117+deb13-amd64\n`,
    }),
  ]);
});

async function publishDebs(debs: readonly string[], validDays?: number): Promise<void> {
  const suite = { suite: 'trixie', codename: 'trixie', component: 'main' };
  await publish(
    {
      directory: repository,
      stateDirectory: path.join(root, `state-${count}`),
      ...{ origin: 'Example', key, url: 'http://localhost/', date: DATE, validDays },
    },
    [{ ...suite, architectures: ['amd64'], debs }],
  );
}

const defects = async (now = DATE): Promise<string[]> =>
  (await verifyRepository(repository, key, now)).defects.map(
    ({ what, problem }) => `${what} ${problem}`,
  );

const filesBelow = async (folder: string, end: RegExp): Promise<string[]> =>
  (await fs.readdir(path.join(repository, folder), { recursive: true }))
    .filter((name) => end.test(name))
    .map((name) => path.join(folder, name));

test('a whole repository has no defect', async () => {
  expect(await verifyRepository(repository, key, DATE)).toEqual({
    suites: 1,
    packages: 2,
    defects: [],
  });
});

test('a package that is gone, or other than the index says', async () => {
  const [first = '', second = ''] = await filesBelow('pool', /\.deb$/);
  await fs.rm(path.join(repository, first));
  const file = path.join(repository, second);
  const bytes = await fs.readFile(file);
  bytes[100] = (bytes[100] ?? 0) ^ 1;
  await fs.rm(file);
  await fs.writeFile(file, bytes);
  expect(await defects()).toEqual(
    expect.arrayContaining([`${first} is missing`, `${second} is not what the index says`]),
  );
});

test('an index that is gone under one of its names, or altered', async () => {
  const [hash = ''] = await filesBelow('dists', /by-hash\/SHA256\/[0-9a-f]+$/);
  await fs.rm(path.join(repository, hash));
  await fs.writeFile(path.join(repository, 'dists/trixie/main/binary-amd64/Packages.xz'), 'x');
  expect(await defects()).toEqual(
    expect.arrayContaining([
      `${hash} is missing`,
      'dists/trixie/main/binary-amd64/Packages.xz is not what InRelease says',
    ]),
  );
});

test('a package that is altered, where the plain name of its index is missing', async () => {
  const [file = ''] = await filesBelow('pool', /\.deb$/);
  await fs.rm(path.join(repository, file));
  await fs.writeFile(path.join(repository, file), 'x');
  const index = 'dists/trixie/main/binary-amd64/Packages.gz';
  await fs.rm(path.join(repository, index));
  expect(await defects()).toEqual(
    expect.arrayContaining([`${index} is missing`, `${file} is not what the index says`]),
  );
});

test('a signature of another key, and a Release file that has ended', async () => {
  const other = await ensureSigningKey(path.join(root, 'other'), 'Other');
  const both = joinKeys([key, other], []);
  // What only one of two keys has signed is to be signed anew, and may stay until then.
  expect((await verifyRepository(repository, both, DATE)).defects).toMatchObject([
    { what: 'dists/trixie/InRelease', isDamaged: false },
  ]);
  const found = await verifyRepository(repository, other, DATE);
  expect(found.defects).toMatchObject([{ what: 'dists/trixie/InRelease', isDamaged: true }]);
  await publishDebs([makeDeb(root, { name: MODULES, version: '1-1' })], 7);
  expect(await defects(new Date('2026-11-18T00:00:00Z'))).toEqual([
    'dists/trixie/InRelease ended on 2026-11-17T09:08:07.000Z',
  ]);
});

test('a tracking package whose module package is not there in that version', async () => {
  const extra = `Depends: ${MODULES} (>= 2-1), lockstep-guard (>= 1.0), x-archive-keyring (>= 2), linux-image-x\n`;
  await publishDebs([
    makeDeb(root, { name: MODULES, version: '1-1' }),
    makeDeb(root, { name: 'foo-modules-amd64', version: '2-1', extra }),
  ]);
  expect(await defects()).toEqual([
    `trixie: foo-modules-amd64 2-1 needs ${MODULES} (>= 2-1), which is not there`,
    'trixie: foo-modules-amd64 2-1 needs lockstep-guard (>= 1.0), which is not there',
    'trixie: foo-modules-amd64 2-1 needs x-archive-keyring (>= 2), which is not there',
  ]);
});

test('a Contents that says other files than the packages have', async () => {
  const state = path.join(root, `state-${count}`);
  const store = await Store.open(state);
  store.run('UPDATE deb SET files = ? WHERE name = ?', 'usr/bin/other', MODULES);
  store.run('DELETE FROM part');
  store.run('DELETE FROM listed');
  store.commit();
  store.close();
  await publishDebs(
    (await filesBelow('pool', /\.deb$/)).map((name) => path.join(repository, name)),
  );
  const found = await defects();
  const what = 'dists/trixie/main/Contents-amd64.gz';
  expect(found).toEqual([
    expect.stringMatching(`^${what} does not say [^ ]+ foo-modules-`),
    `${what} says what is in no package: usr/bin/other ${MODULES}`,
  ]);
});
