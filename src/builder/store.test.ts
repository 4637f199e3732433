import * as fs from 'node:fs/promises';
import * as path from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { useScratch } from '../core/testing/scratch.ts';
import type { DebRef } from '../model/packages.ts';
import { BUILD_USER, runsAsRoot } from '../programs/sandbox.ts';
import { Store } from './store.ts';
import { makeDeb } from './testing/inputs.ts';

const at = useScratch('store');
let fetched: string[] = [];

const fetch = (refs: readonly DebRef[]): Promise<string[]> => {
  fetched.push(...refs.map((ref) => ref.name));
  return Promise.resolve(refs.map((ref) => at(`${ref.sha256}.deb`)));
};

/** Everything in a folder, as paths. */
async function contentOf(folder: string): Promise<string[]> {
  const entries = await fs.readdir(folder, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => !entry.isDirectory())
    .map((entry) => path.relative(folder, path.join(entry.parentPath, entry.name)))
    .toSorted();
}

afterAll(async () => {
  // What packages made read-only goes only after this.
  await fs.rm(at(), { recursive: true, force: true });
});

describe('an unpacked package', () => {
  test('is made once, by whom it is asked first, and stays', async () => {
    const ref = makeDeb(at(), 'one', { 'usr/share/x': 'x' });
    fetched = [];
    const store = new Store(at('cache-1'), fetch);
    const folders = await Promise.all([store.headers(ref), store.headers(ref)]);
    expect(new Set(folders).size).toBe(1);
    expect(await contentOf(folders[0] ?? '')).toEqual(['usr/share/x']);
    expect(fetched).toEqual(['one']);
    expect(await new Store(at('cache-1'), fetch).headers(ref)).toBe(folders[0]);
    expect(fetched).toEqual(['one']);
  });

  test('that two processes make at once ends well for both', async () => {
    const ref = makeDeb(at(), 'two', { 'usr/share/x': 'x' });
    const stores = [new Store(at('cache-2'), fetch), new Store(at('cache-2'), fetch)];
    const folders = await Promise.all(stores.map((store) => store.headers(ref)));
    expect(new Set(folders).size).toBe(1);
    expect(await contentOf(at('cache-2'))).toEqual([`headers/${ref.sha256}/usr/share/x`]);
  });

  test('that cannot be fetched or read leaves nothing, and is tried again', async () => {
    const ref = makeDeb(at(), 'three', { 'usr/share/x': 'x' });
    let fails = true;
    const store = new Store(at('cache-3'), (refs) =>
      fails ? Promise.reject(new Error('no network')) : fetch(refs),
    );
    await expect(store.headers(ref)).rejects.toThrow('no network');
    await expect(store.moduleSource({ kind: 'package', ...ref })).rejects.toThrow('no network');
    await expect(store.root([ref])).rejects.toThrow('no network');
    expect(await contentOf(at('cache-3'))).toEqual([]);
    expect(await fs.readdir(at('cache-3/headers'))).toEqual([]);
    fails = false;
    expect(await contentOf(await store.headers(ref))).toEqual(['usr/share/x']);

    const broken = { ...ref, sha256: 'b'.repeat(64) };
    await fs.writeFile(at(`${broken.sha256}.deb`), 'no deb');
    await expect(store.headers(broken)).rejects.toThrow('dpkg-deb');
    await expect(store.root([ref, broken])).rejects.toThrow('dpkg-deb');
    expect(await fs.readdir(at('cache-3/headers'))).toEqual([ref.sha256]);
    expect(await fs.readdir(at('cache-3/roots'))).toEqual([]);
  });
});

test('a module’s source can be written by the user that builds', async () => {
  const ref = makeDeb(at(), 'module', { 'usr/src/demo-1/dkms.conf': 'x' });
  const folder = await new Store(at('cache-4'), fetch).moduleSource({ kind: 'package', ...ref });
  const stat = await fs.stat(path.join(folder, 'usr/src/demo-1/dkms.conf'));
  expect(stat.mode & 0o600).toBe(0o600);
  expect(stat.uid).toBe(runsAsRoot() ? BUILD_USER : process.getuid?.());
});

describe('a build root', () => {
  test('has its packages, merged /usr, the links that scripts would make, and no papers', async () => {
    const refs = [
      makeDeb(at(), 'mawk', { 'usr/bin/mawk': 'awk', 'usr/share/doc/mawk/copyright': 'c' }),
      makeDeb(at(), 'gcc', { 'usr/bin/gcc': 'gcc', 'usr/share/man/man1/gcc.1': 'm' }),
      makeDeb(at(), 'old', { 'bin/old': 'sh', 'lib/old.so': 'lib' }),
    ];
    const root = await new Store(at('cache-5'), fetch).root(refs);
    expect(await contentOf(root)).toEqual([
      ...['bin', 'lib', 'lib64', 'sbin', 'usr/bin/awk', 'usr/bin/cc', 'usr/bin/gcc'],
      ...['usr/bin/mawk', 'usr/bin/nawk', 'usr/bin/old', 'usr/lib/old.so'],
    ]);
    expect(await fs.readlink(path.join(root, 'lib'))).toBe('usr/lib');
    expect(await fs.readFile(path.join(root, 'bin/awk'), 'utf8')).toBe('awk');
  });

  test('is the same folder for the same packages in any order', async () => {
    const refs = ['r1', 'r2'].map((name) => makeDeb(at(), name, { [`usr/share/${name}`]: name }));
    const store = new Store(at('cache-6'), fetch);
    expect(await store.root(refs)).toBe(await store.root(refs.toReversed()));
  });
});

test('the recipe is a layer with its scripts and mount points', async () => {
  const store = new Store(at('cache-7'), fetch);
  const [one, two] = await Promise.all([store.recipe(), store.recipe()]);
  expect(one).toBe(two);
  const content = await contentOf(one);
  expect(content).toContain('usr/lib/lockstep/build.bash');
  expect(content).toContain('usr/lib/lockstep/evaluate.bash');
  expect((await fs.stat(path.join(one, 'usr/local/bin/uname'))).mode & 0o111).toBe(0o111);
  expect((await fs.stat(path.join(one, 'proc'))).isDirectory()).toBe(true);
});
