import * as fs from 'node:fs/promises';
import * as path from 'node:path';
import { expect, test } from 'vitest';
import { exists } from '../core/files.ts';
import { useScratch } from '../core/testing/scratch.ts';
import { SiteFolder } from './site-folder.ts';

const at = useScratch('site-folder');
const OURS = '<!doctype html><meta name="generator" content="Lockstep">';

async function write(directory: string, files: Record<string, string>) {
  const folder = await SiteFolder.open(directory);
  for (const [name, content] of Object.entries(files)) {
    await folder.write({ path: name, content });
  }
  return folder.end();
}

test('only what changed is written; what nothing names any more is removed, with its folder', async () => {
  const directory = at('one');
  const first = { 'index.html': OURS, 'status/a.html': 'a', 'status/module/x/index.html': 'x' };
  expect(await write(directory, first)).toEqual({ written: 3, removed: 0, files: 3 });
  const before = await fs.stat(path.join(directory, 'status/a.html'));
  expect(await write(directory, first)).toEqual({ written: 0, removed: 0, files: 3 });
  const second = { 'index.html': OURS, 'status/a.html': 'a', 'status/b.html': 'b' };
  expect(await write(directory, second)).toEqual({ written: 1, removed: 1, files: 3 });
  expect((await fs.stat(path.join(directory, 'status/a.html'))).ino).toBe(before.ino);
  expect(await exists(path.join(directory, 'status/module'))).toBe(false);
  expect(await fs.readdir(directory)).toEqual(['index.html', 'status']);
});

test('what a killed writer left goes; what is kept stays', async () => {
  const directory = at('two');
  await fs.mkdir(path.join(directory, 'status/log'), { recursive: true });
  await fs.writeFile(path.join(directory, 'status/log/.tmp-x.html-0123'), 'half');
  await fs.writeFile(path.join(directory, 'status/log/x.html'), 'log');
  const folder = await SiteFolder.open(directory);
  expect(folder.has('status/log/x.html')).toBe(true);
  folder.keep('status/log/x.html');
  expect(await folder.end()).toEqual({ written: 0, removed: 1, files: 1 });
  expect(await fs.readdir(path.join(directory, 'status/log'))).toEqual(['x.html']);
});

test("somebody's own front page stays theirs, and all else of the repository too", async () => {
  const directory = at('three');
  await fs.mkdir(path.join(directory, 'dists'), { recursive: true });
  await fs.writeFile(path.join(directory, 'index.html'), '<h1>My own</h1>');
  await write(directory, { 'index.html': OURS, 'status/index.html': OURS });
  expect(await fs.readFile(path.join(directory, 'index.html'), 'utf8')).toBe('<h1>My own</h1>');
  expect(await fs.readdir(directory)).toEqual(['dists', 'index.html', 'status']);
});
