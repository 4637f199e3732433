import { execFile, execFileSync } from 'node:child_process';
import * as fs from 'node:fs/promises';
import { createServer } from 'node:net';
import * as path from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, test } from 'vitest';
import { LockstepError } from './errors.ts';
import {
  exists,
  explainDiskError,
  makeDirectoryAtomic,
  openNameless,
  readFileOrUndefined,
  readUntrustedFile,
  writeFileAtomic,
} from './files.ts';
import { useScratch } from './testing/scratch.ts';

const at = useScratch('files');
const run = promisify(execFile);

describe('an atomic write', () => {
  test('makes folders, sets mode and time, and leaves nothing else behind', async () => {
    const file = at('new/deep/file');
    expect(await writeFileAtomic(file, 'text', { mode: 0o600, mtime: 1_000_000_000 })).toBe(true);
    expect(await fs.readdir(at('new/deep'))).toEqual(['file']);
    expect(await fs.readFile(file, 'utf8')).toBe('text');
    const stat = await fs.stat(file);
    expect(stat.mode & 0o777).toBe(0o600);
    expect(stat.mtimeMs).toBe(1_000_000_000_000);
  });

  test('takes the place of the old file; a reader that has it open keeps its content', async () => {
    const file = at('open');
    await writeFileAtomic(file, 'old');
    const handle = await fs.open(file);
    await writeFileAtomic(file, 'new');
    expect(await handle.readFile('utf8')).toBe('old');
    await handle.close();
    expect(await fs.readFile(file, 'utf8')).toBe('new');
  });

  test('leaves a file alone that has these bytes, when asked', async () => {
    const file = at('same');
    await writeFileAtomic(file, 'bytes', { mtime: 1_000_000_000 });
    expect(await writeFileAtomic(file, 'bytes', { onlyIfChanged: true })).toBe(false);
    expect((await fs.stat(file)).mtimeMs).toBe(1_000_000_000_000);
    expect(await writeFileAtomic(file, 'other', { onlyIfChanged: true })).toBe(true);
    expect(await fs.readFile(file, 'utf8')).toBe('other');
  });

  test('that fails leaves the old content and no temporary file', async () => {
    const folder = at('occupied');
    await fs.mkdir(path.join(folder, 'name/inner'), { recursive: true });
    await expect(writeFileAtomic(path.join(folder, 'name'), 'text')).rejects.toThrow('EISDIR');
    expect(await fs.readdir(folder)).toEqual(['name']);
  });

  test('is on the disk before it gets its name; killed between any two steps it leaves the old content or the new', async () => {
    const folder = at('killed');
    await fs.mkdir(folder);
    const file = path.join(folder, 'file');
    const script = path.join(import.meta.dirname, 'testing/write-child.ts');
    const trace = path.join(folder, 'trace');
    const env = { ...process.env, UV_THREADPOOL_SIZE: '1' };
    const child = async (inject: string[]): Promise<unknown> => {
      const args = ['-f', '-qq', '-o', trace, '-e', 'trace=openat,fsync,/^rename', ...inject];
      return run('strace', [...args, process.execPath, script, file, 'new'], { env }).catch(
        (error: unknown) => error,
      );
    };
    await child([]);
    const lines = (await fs.readFile(trace, 'utf8')).split('\n');
    const steps = lines
      .slice(lines.findIndex((line) => line.includes('.tmp-file')))
      .flatMap((line) => /^\d+ +(?<call>\w+)\(/.exec(line)?.groups?.['call'] ?? []);
    // Not every architecture has the system call rename(2).
    const rename = steps.find((step) => step.startsWith('rename')) ?? '';
    expect(steps).toEqual(['openat', 'fsync', rename, 'openat', 'fsync']);
    const found: string[] = [];
    for (const step of [
      'fsync:signal=SIGKILL:when=1',
      `${rename}:signal=SIGKILL`,
      'fsync:signal=SIGKILL:when=2',
    ]) {
      await fs.writeFile(file, 'old'.repeat(1000));
      expect(await child(['-e', `inject=${step}`])).toHaveProperty('signal', 'SIGKILL');
      const content = await fs.readFile(file, 'utf8');
      expect(['old'.repeat(1000), 'new'.repeat(1000)]).toContain(content);
      found.push(content.slice(0, 3));
      const left = (await fs.readdir(folder)).filter((name) => name !== 'file' && name !== 'trace');
      for (const name of left) {
        expect(name).toMatch(/^\.tmp-file-[0-9a-f]{12}$/);
        await fs.rm(path.join(folder, name));
      }
    }
    // The signal comes before the call is made.
    expect(found).toEqual(['old', 'old', 'new']);
  });

  test('a full disk is told from other failures, with a remedy', async () => {
    const full = Object.assign(new Error('x'), { code: 'ENOSPC' });
    const error = explainDiskError(full, '/srv/state/file');
    expect(error).toBeInstanceOf(LockstepError);
    expect(error).toMatchObject({ code: 'DISK_FULL', cause: full });
    expect(error).toHaveProperty('hint', expect.stringContaining('df -h /srv/state'));
    const other = new Error('x');
    expect(explainDiskError(other, '/srv')).toBe(other);
  });

  test.each([
    ['tar: ./usr/lib/x: Cannot write: No space left on device\ntar: Exiting', 'DISK_FULL'],
    ['dpkg-deb: error: failed to write (No space left on device)', 'DISK_FULL'],
    ['gpg: signing failed: Disk quota exceeded', 'DISK_FULL'],
    // The name of a file says nothing.
    ['tar: ./No space left on device: Cannot mkdir: File exists', 'PROGRAM_FAILED'],
  ])('a full disk is told from what a program says: %s', (said, code) => {
    const error = new LockstepError('PROGRAM_FAILED', `setpriv ended with status 2: ${said}`);
    expect(explainDiskError(error, '/srv')).toHaveProperty('code', code);
  });
});

describe('a file of untrusted code', () => {
  test('is read when it is plain, also when it is empty', async () => {
    await fs.writeFile(at('plain'), 'content');
    await fs.writeFile(at('empty'), '');
    expect(await readUntrustedFile(at('plain'), 7)).toEqual(Buffer.from('content'));
    expect(await readUntrustedFile(at('empty'), 7)).toEqual(Buffer.alloc(0));
  });

  test('is not read when it is larger than the limit', async () => {
    await fs.writeFile(at('large'), 'contents');
    expect(await readUntrustedFile(at('large'), 7)).toBeUndefined();
    await run('truncate', ['-s', '1T', at('sparse')]);
    expect(await readUntrustedFile(at('sparse'), 1024)).toBeUndefined();
  });

  test('is not read through a link, nor when it is a fifo, socket, device or folder, nor waited for', async () => {
    await fs.symlink('/etc/passwd', at('link'));
    await fs.symlink(at('nowhere'), at('dangling'));
    execFileSync('mkfifo', [at('fifo')]);
    const server = createServer().listen(at('socket'));
    const wrong = ['link', 'dangling', 'fifo', 'socket', 'missing'].map((name) => at(name));
    for (const file of [...wrong, '/dev/zero', at()]) {
      expect(await readUntrustedFile(file, 1_000_000)).toBeUndefined();
    }
    server.close();
  });
});

test('a missing file is undefined, one that cannot be read is an error', async () => {
  expect(await readFileOrUndefined(at('missing'))).toBeUndefined();
  await expect(readFileOrUndefined(at())).rejects.toThrow('EISDIR');
});

test('a dangling link exists', async () => {
  await fs.symlink(at('nowhere'), at('link-2'));
  await fs.writeFile(at('file-2'), '');
  expect(await exists(at('link-2'))).toBe(true);
  expect(await exists(at('nowhere'))).toBe(false);
  expect(await exists(at('file-2/below'))).toBe(false);
});

describe('a folder that is made whole', () => {
  test('takes its name when it is filled', async () => {
    const folder = at('whole/a');
    const made = await makeDirectoryAtomic(folder, async (temporary) => {
      await fs.writeFile(path.join(temporary, 'one'), '1');
      expect(await exists(folder)).toBe(false);
    });
    expect(made).toBe(true);
    expect(await fs.readdir(folder)).toEqual(['one']);
    const again = await makeDirectoryAtomic(folder, () => Promise.reject(new Error('not called')));
    expect(again).toBe(false);
  });

  test('leaves nothing when filling it fails', async () => {
    const folder = at('broken/a');
    const making = makeDirectoryAtomic(folder, async (temporary) => {
      await fs.writeFile(path.join(temporary, 'one'), '1');
      throw new Error('fails');
    });
    await expect(making).rejects.toThrow('fails');
    expect(await fs.readdir(at('broken'))).toEqual([]);
  });

  test('has one maker when two begin at once, and both end well', async () => {
    const folder = at('race/a');
    let waiting = 0;
    let go: () => void = () => undefined;
    const both = new Promise<void>((resolve) => {
      go = resolve;
    });
    const make = (name: string): Promise<boolean> =>
      makeDirectoryAtomic(folder, async (temporary) => {
        waiting += 1;
        if (waiting === 2) {
          go();
        }
        await both;
        await fs.writeFile(path.join(temporary, name), name);
      });
    const results = await Promise.all([make('one'), make('two')]);
    expect(results.toSorted()).toEqual([false, true]);
    expect(await fs.readdir(at('race'))).toEqual(['a']);
    expect(await fs.readdir(folder)).toHaveLength(1);
  });
});

test('a file without a name is in no folder, and can be read through its descriptor', async () => {
  const folder = at('nameless');
  await fs.mkdir(folder);
  await using handle = await openNameless(folder);
  expect(await fs.readdir(folder)).toEqual([]);
  await handle.writeFile('text');
  expect(await fs.readFile(`/proc/self/fd/${handle.fd}`, 'utf8')).toBe('text');
  // /proc takes no file without a name.
  await expect(openNameless('/proc/self')).rejects.toThrow(/ENOENT|EACCES|EPERM/);
});
