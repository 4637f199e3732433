import * as fs from 'node:fs/promises';
import * as os from 'node:os';
import * as path from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { sha256 } from '../../src/core/hash.ts';
import { giveDebs, takeDebs } from './deb-cache.ts';

let folder: string;
let shared: string;
let lists: string;

beforeEach(async () => {
  folder = await fs.mkdtemp(path.join(os.tmpdir(), 'lockstep-debs-'));
  shared = path.join(folder, 'shared');
  lists = path.join(folder, 'lists');
  await fs.mkdir(shared);
  await fs.mkdir(lists);
});

afterEach(async () => {
  await fs.rm(folder, { recursive: true });
});

async function ownFolder(name: string, files: Record<string, string>): Promise<string> {
  const own = path.join(folder, name);
  await fs.mkdir(path.join(own, 'partial'), { recursive: true });
  for (const [file, content] of Object.entries(files)) {
    await fs.writeFile(path.join(own, file), content);
  }
  return own;
}

test('packages of the archive go from root to root, others stay where they are', async () => {
  const index = `Package: a\nSHA256: ${sha256('debian a')}\n\nPackage: c\nSHA256: ${sha256('c')}\n`;
  await fs.writeFile(path.join(lists, 'host_dists_trixie_main_binary-amd64_Packages'), index);
  const first = await ownFolder('first', {
    'a_1_all.deb': 'debian a',
    'b_1_all.deb': 'b',
    lock: '',
  });
  await giveDebs(first, shared, lists);
  const second = await ownFolder('second', {});
  await takeDebs(shared, second);
  expect((await fs.readdir(second)).toSorted()).toEqual(['a_1_all.deb', 'partial']);
  expect(await fs.readFile(path.join(second, 'a_1_all.deb'), 'utf8')).toBe('debian a');
});

test('a package of the same name and size as one of the archive stays where it is', async () => {
  await fs.writeFile(path.join(lists, 'x_Packages'), `SHA256: ${sha256('debian a')}\n`);
  await giveDebs(await ownFolder('first', { 'a_1_all.deb': 'tester a' }), shared, lists);
  expect(await fs.readdir(shared)).toEqual([]);
});

test('two roots that give one package both end well', async () => {
  await fs.writeFile(path.join(lists, 'x_Packages'), `SHA256: ${sha256('a')}\n`);
  const both = ['first', 'second'].map(async (name) => {
    await giveDebs(await ownFolder(name, { 'a_1_all.deb': 'a' }), shared, lists);
  });
  await Promise.all(both);
  expect(await fs.readdir(shared)).toEqual(['a_1_all.deb']);
});

test('packages of long ago are dropped', async () => {
  await fs.writeFile(path.join(shared, 'a_1_all.deb'), 'a');
  await fs.writeFile(path.join(shared, 'b_1_all.deb'), 'b');
  const long = new Date(Date.now() - 40 * 86_400_000);
  await fs.utimes(path.join(shared, 'a_1_all.deb'), long, long);
  const own = await ownFolder('own', {});
  await takeDebs(shared, own);
  expect((await fs.readdir(own)).toSorted()).toEqual(['b_1_all.deb', 'partial']);
  expect(await fs.readdir(shared)).toEqual(['b_1_all.deb']);
});
