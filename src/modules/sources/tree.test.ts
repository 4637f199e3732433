import { execFileSync } from 'node:child_process';
import * as fs from 'node:fs/promises';
import * as net from 'node:net';
import * as path from 'node:path';
import { describe, expect, test } from 'vitest';
import { lockstepErrorOf } from '../../core/testing/errors.ts';
import { useScratch } from '../../core/testing/scratch.ts';
import { readTree } from './tree.ts';

const at = useScratch('tree');

async function make(name: string, change?: (folder: string) => Promise<unknown>): Promise<string> {
  const folder = at(name);
  await fs.mkdir(path.join(folder, 'sub'), { recursive: true });
  await fs.writeFile(path.join(folder, 'a'), 'a');
  await fs.writeFile(path.join(folder, 'sub/run'), '#!/bin/sh\n', { mode: 0o755 });
  await fs.symlink('../a', path.join(folder, 'sub/link'));
  await change?.(folder);
  return folder;
}

async function hashOf(folder: string): Promise<string> {
  return (await readTree(folder)).sha256;
}

describe('the hash of a tree', () => {
  test('is that of what is in it, not of where, when and by whom', async () => {
    const one = await make('one');
    const two = await make('two', async (folder) => {
      await fs.chmod(path.join(folder, 'a'), 0o600);
      await fs.utimes(path.join(folder, 'a'), 1, 1);
    });
    expect(await hashOf(one)).toBe(await hashOf(two));
  });

  test.each<[string, (folder: string) => Promise<unknown>]>([
    ['a content', (folder) => fs.writeFile(path.join(folder, 'a'), 'b')],
    ['a name', (folder) => fs.rename(path.join(folder, 'a'), path.join(folder, 'b'))],
    ['an executable bit', (folder) => fs.chmod(path.join(folder, 'a'), 0o755)],
    ['an empty folder', (folder) => fs.mkdir(path.join(folder, 'empty'))],
    [
      'a link’s target',
      async (folder) => {
        await fs.rm(path.join(folder, 'sub/link'));
        await fs.symlink('../b', path.join(folder, 'sub/link'));
      },
    ],
    [
      'a link that is a file',
      async (folder) => {
        await fs.rm(path.join(folder, 'sub/link'));
        await fs.writeFile(path.join(folder, 'sub/link'), '../a');
      },
    ],
    [
      'a file’s place',
      async (folder) => fs.rename(path.join(folder, 'sub/run'), path.join(folder, 'run')),
    ],
  ])('changes with %s', async (what, change) => {
    const name = what.replaceAll(/\W/g, '-');
    expect(await hashOf(await make(`changed-${name}`, change))).not.toBe(
      await hashOf(await make(`same-${name}`)),
    );
  });

  test('leaves out version control, pipes, sockets and what it is told to', async () => {
    const odd = await make('odd', async (folder) => {
      await fs.mkdir(path.join(folder, '.git'));
      await fs.writeFile(path.join(folder, '.git/config'), 'x');
      await fs.writeFile(path.join(folder, 'sub/.git'), 'gitdir: elsewhere');
      execFileSync('mkfifo', [path.join(folder, 'pipe')]);
      await new Promise<void>((resolve) => {
        const server = net.createServer().listen(path.join(folder, 'socket'), () => {
          server.unref();
          resolve();
        });
      });
      await fs.mkdir(path.join(folder, 'state'));
      await fs.writeFile(path.join(folder, 'state/x'), 'x');
    });
    const plain = await hashOf(await make('plain'));
    expect((await readTree(odd, { leaveOut: [path.join(odd, 'state')] })).sha256).toBe(plain);
    expect(await hashOf(odd)).not.toBe(plain);
  });

  test('is that of the copy, in which links are links', async () => {
    const folder = await make('origin');
    await fs.symlink('/etc', path.join(folder, 'out'));
    await fs.mkdir(at('copy'));
    const { sha256, bytes } = await readTree(folder, { copyTo: at('copy') });
    expect(bytes).toBe(11);
    expect(await hashOf(at('copy'))).toBe(sha256);
    expect(await fs.readlink(at('copy/out'))).toBe('/etc');
    expect((await fs.stat(at('copy/sub/run'))).mode & 0o777).toBe(0o755);
  });

  test('ends where a tree is too large', async () => {
    const folder = await make('large');
    const entries = await lockstepErrorOf(() =>
      readTree(folder, { limits: { entries: 3, bytes: 100 } }),
    );
    expect(entries).toMatchObject({ code: 'SOURCE_INVALID', exitCode: 1 });
    const bytes = await lockstepErrorOf(() =>
      readTree(folder, { limits: { entries: 4, bytes: 10 } }),
    );
    expect(bytes.message).toContain('more than 10 bytes');
    await expect(readTree(folder, { limits: { entries: 4, bytes: 11 } })).resolves.toBeDefined();
  });

  test('names of any bytes are names', async () => {
    const folder = at('bytes');
    await fs.mkdir(folder);
    const name = Buffer.concat([Buffer.from(`${folder}/`), Buffer.from([0xff, 0xfe])]);
    await fs.writeFile(name, 'x');
    const before = await hashOf(folder);
    await fs.rename(name, Buffer.concat([Buffer.from(`${folder}/`), Buffer.from([0xff, 0xfd])]));
    expect(await hashOf(folder)).not.toBe(before);
  });

  test('that can’t be read says so', async () => {
    const error = await lockstepErrorOf(() => readTree(at('none')));
    expect(error).toMatchObject({ code: 'SOURCE_UNAVAILABLE', exitCode: 1 });
  });
});
