import * as fs from 'node:fs/promises';
import * as path from 'node:path';
import { expect, test } from 'vitest';
import { useScratch } from '../core/testing/scratch.ts';
import { type ObjectsIdentity, ObjectStore } from './object-store.ts';

const at = useScratch('object-store');
let count = 0;

const SAME = '1-2_3-4';
const OTHER = '5-6_7-8';

async function write(file: string, text: string): Promise<void> {
  await fs.mkdir(path.dirname(file), { recursive: true });
  await fs.writeFile(file, text);
}

/** Headers of a kernel under a name that passes for a SHA-256. */
async function headers(digit: string, fsHeader: string): Promise<string[]> {
  const hash = digit.repeat(64);
  const tree = at('headers', hash, 'usr/src');
  await write(path.join(tree, 'linux-headers/include/generated/autoconf.h'), '');
  await write(path.join(tree, 'linux-headers/Module.symvers'), '');
  await write(path.join(tree, 'linux-headers-common/include/linux/fs.h'), fsHeader);
  await write(path.join(tree, 'linux-headers-common/Makefile'), '');
  return [hash];
}

function newStore(): ObjectStore {
  count += 1;
  return new ObjectStore(at(`objects-${count}`), (hash) => at('headers', hash));
}

const identity = (release: string, list: string[], more: Partial<ObjectsIdentity> = {}) => ({
  ...{ module: 'm', source: 's', root: 'r', architecture: 'amd64', flavour: 'amd64' },
  release,
  headers: list,
  ...more,
});

/** What a build leaves: two compilations, of which one has read a header. */
async function left(files: Readonly<Record<string, string>> = {}): Promise<string> {
  count += 1;
  const folder = at(`left-${count}`);
  const all = {
    [`${SAME}.args`]: 'a',
    [`${SAME}.d`]: 'a.o: a.c\n',
    [`${SAME}.local`]: 'p_1-2_3\t/a.c\n',
    [`${SAME}.o`]: 'object',
    'p_1-2_3': 'source',
    [`${OTHER}.args`]: 'b',
    [`${OTHER}.d`]: 'b.o: b.c /usr/src/linux-headers-common/include/linux/fs.h\n',
    ...files,
  };
  for (const [name, text] of Object.entries(all)) {
    await write(path.join(folder, name), text);
  }
  return folder;
}

test('the next kernel of the same source, tools and flavour finds what was kept, and what differs', async () => {
  const store = newStore();
  const [a, b] = [await headers('a', 'old'), await headers('b', 'new')];
  expect(await store.keep(identity('1', a), await left(), undefined)).toEqual({
    taken: 0,
    made: 2,
  });
  const found = await store.find(identity('2', b), at('scratch-1'));
  expect(found?.release).toBe('1');
  const changed = path.join(found?.layers[0] ?? '', 'usr/lib/lockstep/neighbour/changed');
  expect(await fs.readFile(changed, 'utf8')).toBe(
    '/usr/src/linux-headers-common/include/linux/fs.h\n',
  );
  for (const more of [{ source: 'x' }, { root: 'x' }, { flavour: 'x' }, { architecture: 'x' }]) {
    expect(await store.find(identity('2', b, more), at('scratch-2'))).toBeUndefined();
  }
});

test('nothing is found where every sample has read what differs', async () => {
  const store = newStore();
  const [a, b] = [await headers('a', 'old'), await headers('b', 'new')];
  const folder = await left({
    [`${SAME}.d`]: 'a.o: /usr/src/linux-headers-common/include/linux/fs.h\n',
  });
  await store.keep(identity('1', a), folder, undefined);
  expect(await store.find(identity('2', b), at('scratch-3'))).toBeUndefined();
});

test('what was taken is kept for the kernel after the next, as links', async () => {
  const store = newStore();
  const [a, b] = [await headers('a', 'old'), await headers('b', 'new')];
  await store.keep(identity('1', a), await left(), undefined);
  const found = await store.find(identity('2', b), at('scratch-4'));
  count += 1;
  const folder = at(`left-${count}`);
  await write(path.join(folder, 'hits'), `${SAME}\n../../../etc/passwd\n${SAME}\n`);
  expect(await store.keep(identity('2', b), folder, found)).toEqual({ taken: 1, made: 0 });
  const next = await store.find(identity('3', await headers('c', 'new')), at('scratch-5'));
  expect(next?.release).toBe('2');
  expect((await fs.readdir(next?.objects ?? '')).toSorted()).toEqual(
    [`${SAME}.args`, `${SAME}.d`, `${SAME}.local`, `${SAME}.o`, 'hits', 'p_1-2_3'].toSorted(),
  );
  expect((await fs.stat(path.join(next?.objects ?? '', `${SAME}.o`))).nlink).toBe(2);
});

test('a folder of links, or with other things than files, is not kept', async () => {
  const store = newStore();
  const a = await headers('a', 'old');
  await write(at('secret/x'), 'secret');
  await fs.symlink(at('secret'), at('link'));
  expect(await store.keep(identity('1', a), at('link'), undefined)).toEqual({ taken: 0, made: 0 });
  const folder = await left();
  await fs.symlink('/etc/passwd', path.join(folder, `${OTHER}.o`));
  expect(await store.keep(identity('1', a), folder, undefined)).toEqual({ taken: 0, made: 0 });
  expect(
    await store.find(identity('2', await headers('b', 'old')), at('scratch-6')),
  ).toBeUndefined();
  expect(await fs.readFile(at('secret/x'), 'utf8')).toBe('secret');
});

test('of a flavour the two newest kernels are kept; what can not be relied on is forgotten', async () => {
  const store = newStore();
  for (const [release, digit] of [
    ['1', 'a'],
    ['2', 'b'],
    ['3', 'c'],
  ] as const) {
    await store.keep(identity(release, await headers(digit, digit)), await left(), undefined);
  }
  const folders = await fs.readdir(at(`objects-${count - 3}`), { recursive: true });
  expect(folders.filter((name) => name.endsWith('meta.json'))).toHaveLength(2);
  await store.forget(identity('9', []));
  expect(await store.find(identity('4', await headers('d', 'c')), at('scratch-7'))).toBeUndefined();
});

test('who may have taken from what is forgotten is known until it is made clean', async () => {
  const store = newStore();
  await store.keep(identity('1', await headers('a', 'x')), await left(), undefined);
  const [b, c, d] = [await headers('b', 'x'), await headers('c', 'x'), await headers('d', 'x')];
  await store.find(identity('2', b), at('scratch-9'));
  await store.find(identity('3', c), at('scratch-10'));
  expect(store.isSuspect(identity('2', b))).toBe(false);
  await store.forget(identity('3', c));
  expect(store.isSuspect(identity('2', b))).toBe(true);
  expect(store.isSuspect(identity('3', c))).toBe(false);
  expect(store.isSuspect(identity('4', d))).toBe(false);
  expect(store.isSuspect(identity('2', b, { module: 'other' }))).toBe(false);
  expect(await store.find(identity('2', b), at('scratch-11'))).toBeUndefined();
  expect(store.isSuspect(identity('2', b))).toBe(false);
});

test('builds that look at the same time are all known, and what one keeps meanwhile is forgotten too', async () => {
  const store = newStore();
  await store.keep(identity('1', await headers('a', 'x')), await left(), undefined);
  const [b, c, d] = [await headers('b', 'x'), await headers('c', 'x'), await headers('d', 'x')];
  await Promise.all([
    store.find(identity('2', b), at('scratch-12')),
    store.find(identity('3', c), at('scratch-13')),
    store.find(identity('4', d), at('scratch-14')),
  ]);
  const base = at(`objects-${count - 1}`);
  await Promise.all([
    store.keep(identity('2', b), await left(), undefined),
    store.forget(identity('4', d)),
  ]);
  expect(store.isSuspect(identity('2', b))).toBe(true);
  expect(store.isSuspect(identity('3', c))).toBe(true);
  const names = await fs.readdir(base, { recursive: true });
  // What a build may still look into lies aside until the next start.
  expect(names.filter((name) => /^[^.].*meta\.json$/.test(name))).toEqual([]);
});

test('a meta file that is none counts as if nothing were there', async () => {
  const store = newStore();
  await store.keep(identity('1', await headers('a', 'x')), await left(), undefined);
  const base = at(`objects-${count - 1}`);
  for (const name of await fs.readdir(base, { recursive: true })) {
    if (name.endsWith('meta.json')) {
      await fs.writeFile(path.join(base, name), '{"release": 1');
    }
  }
  expect(await store.find(identity('2', await headers('b', 'x')), at('scratch-8'))).toBeUndefined();
});
