import { execFileSync } from 'node:child_process';
import * as fs from 'node:fs/promises';
import * as http from 'node:http';
import * as path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { sha256File } from '../../core/hash.ts';
import { moduleLayers } from '../../core/places.ts';
import { lockstepErrorOf } from '../../core/testing/errors.ts';
import { useScratch } from '../../core/testing/scratch.ts';
import type { SourceOrigin, SourceRequest } from '../../model/sources.ts';
import { BUILD_USER, runsAsRoot } from '../../programs/sandbox.ts';
import { type ResolvedSource, resolveSource } from './resolve.ts';

const at = useScratch('resolve');
let served: Buffer | undefined;
const server = http.createServer((_request, response) => {
  response.statusCode = served === undefined ? 404 : 200;
  response.end(served);
});

beforeAll(async () => {
  await fs.mkdir(at('plain'));
  await fs.writeFile(at('plain/Kbuild'), 'obj-m := a.o\n');
  await fs.writeFile(at('plain/dkms.conf'), 'PACKAGE_VERSION="2.5"\n');
  await fs.utimes(at('plain/Kbuild'), 4e9, 4e9);
  await new Promise<void>((done) => {
    server.listen(0, '127.0.0.1', done);
  });
});

afterAll(() => {
  server.close();
});

function request(origin: SourceOrigin, more: Partial<SourceRequest> = {}): SourceRequest {
  const none = { version: undefined, folder: undefined, make: undefined, built: undefined };
  return { name: 'demo', origin, ...none, ...more };
}

function resolve(
  what: SourceRequest,
  more: { known?: ResolvedSource; leaveOut?: string[] } = {},
): Promise<ResolvedSource> {
  return resolveSource(what, { cache: at('cache'), known: undefined, leaveOut: [], ...more });
}

function layerOf({ source }: ResolvedSource, file = ''): string {
  return path.join(moduleLayers(at('cache')), source.sha256, file);
}

const plain = (): SourceOrigin => ({ kind: 'directory', path: at('plain') });

describe('a folder', () => {
  test('is kept under its name and version, with one date, for the user that builds', async () => {
    const found = await resolve(request(plain()));
    expect(found.version).toBe('2.5');
    const file = layerOf(found, 'usr/src/demo-2.5/Kbuild');
    const stat = await fs.stat(file);
    expect(stat.mtime.toISOString()).toBe('2000-01-01T00:00:00.000Z');
    expect(stat.uid).toBe(runsAsRoot() ? BUILD_USER : process.getuid?.());
    expect(await fs.readdir(at('cache/sources'))).toEqual([]);
    expect(await resolve(request(plain()), { known: found })).toBe(found);
  });

  test('is another source with other lines of the configuration', async () => {
    const built = [{ name: 'a' }];
    const all = await Promise.all([
      resolve(request(plain())),
      resolve(request(plain(), { built })),
      resolve(request(plain(), { built, make: 'make x' })),
      resolve(request(plain(), { built: [{ name: 'a', location: 'b' }] })),
      resolve(request(plain(), { version: '7' })),
      resolve(request(plain(), { name: 'other' })),
    ]);
    expect(new Set(all.map(({ source }) => source.sha256)).size).toBe(all.length);
    expect(new Set(all.map(({ tree }) => tree)).size).toBe(1);
    const [, conf] = all;
    const text = await fs.readFile(
      layerOf(conf ?? (await resolve(request(plain()))), 'usr/src/demo-2.5/dkms.conf'),
      'utf8',
    );
    expect(text).toContain("BUILT_MODULE_NAME[0]='a'");
  });

  test('that has Lockstep’s own folders in it is read without them', async () => {
    await fs.mkdir(at('own/state'), { recursive: true });
    await fs.writeFile(at('own/dkms.conf'), '');
    await fs.writeFile(at('own/state/x'), 'x');
    const leaveOut = [await fs.realpath(at('own/state'))];
    const what = request({ kind: 'directory', path: at('own') });
    const found = await resolve(what, { leaveOut });
    expect(await fs.readdir(layerOf(found, `usr/src/demo-${found.version}`))).toEqual([
      'dkms.conf',
    ]);
    await fs.writeFile(at('own/state/y'), 'y');
    expect(await resolve(what, { leaveOut, known: found })).toBe(found);
    await fs.writeFile(at('own/new'), 'x');
    expect((await resolve(what, { leaveOut, known: found })).tree).not.toBe(found.tree);
  });

  test('may be below another one, but not through a link', async () => {
    await fs.mkdir(at('deep/a/b'), { recursive: true });
    await fs.writeFile(at('deep/a/b/dkms.conf'), '');
    await fs.writeFile(at('deep/COPYING'), 'terms');
    await fs.symlink('/etc', at('deep/a/out'));
    await fs.symlink('a', at('deep/inside'));
    const origin = { kind: 'directory', path: at('deep') } as const;
    const found = await resolve(request(origin, { folder: 'a/b' }));
    expect(await fs.readFile(layerOf(found, 'usr/share/doc/demo/copyright'), 'utf8')).toBe('terms');
    for (const folder of ['a/out', 'inside/b', 'none', 'COPYING']) {
      const error = await lockstepErrorOf(() => resolve(request(origin, { folder })));
      expect(error).toMatchObject({ code: 'SOURCE_INVALID', exitCode: 1 });
      expect(error.message).toBe(`the source has no folder ${folder}`);
    }
  });

  test('without a dkms.conf needs `built`, and a link is none', async () => {
    await fs.mkdir(at('linked'));
    await fs.symlink('/etc/passwd', at('linked/dkms.conf'));
    const origin = { kind: 'directory', path: at('linked') } as const;
    const error = await lockstepErrorOf(() => resolve(request(origin)));
    expect(error.message).toBe('the source has no dkms.conf');
    expect(error.hint).toContain('`built:`');
    const before = await fs.readFile('/etc/passwd', 'utf8');
    const found = await resolve(request(origin, { built: [{ name: 'a' }] }));
    expect(found.version).toMatch(/^0\+[0-9a-f]{8}$/);
    expect(await fs.readFile('/etc/passwd', 'utf8')).toBe(before);
    const conf = layerOf(found, `usr/src/demo-${found.version}/dkms.conf`);
    expect((await fs.lstat(conf)).isFile()).toBe(true);
  });
});

describe('a tarball', () => {
  test('is fetched once, and only when it is what it should be', async () => {
    execFileSync('tar', ['-czf', at('a.tgz'), '-C', at(), 'plain']);
    const sha256 = await sha256File(at('a.tgz'));
    const address = server.address();
    const port = typeof address === 'object' ? address?.port : 0;
    const what = request({ kind: 'tarball', uri: `http://127.0.0.1:${port}/a.tgz`, sha256 });
    const missing = await lockstepErrorOf(() => resolve(what));
    expect(missing).toMatchObject({ code: 'SOURCE_UNAVAILABLE', exitCode: 1 });
    expect(missing.message).toContain('404');
    served = Buffer.from('something else');
    expect(await lockstepErrorOf(() => resolve(what))).toMatchObject({ code: 'SOURCE_ALTERED' });
    served = await fs.readFile(at('a.tgz'));
    const found = await resolve(what);
    expect(found.source).toMatchObject({ kind: 'tarball', fileSha256: sha256 });
    expect(await fs.readdir(layerOf(found, 'usr/src'))).toEqual(['demo-2.5']);
    served = undefined;
    expect(await resolve(what, { known: found })).toBe(found);
    await fs.rm(layerOf(found), { recursive: true });
    await lockstepErrorOf(() => resolve(what, { known: found }));
  });
});

describe('a commit', () => {
  test('has a version that rises with its date, and is not asked for again', async () => {
    execFileSync('git', ['init', '--quiet', at('repo')]);
    await fs.writeFile(at('repo/dkms.conf'), 'PACKAGE_VERSION="@VERSION@"\n');
    const identity = ['-c', 'user.name=A', '-c', 'user.email=a@localhost.invalid'];
    execFileSync('git', ['-C', at('repo'), 'add', '.']);
    execFileSync('git', [...['-C', at('repo'), ...identity], 'commit', '--quiet', '-m', 'x'], {
      env: { ...process.env, GIT_COMMITTER_DATE: '2026-02-03T04:05:06Z' },
    });
    const commit = execFileSync('git', ['-C', at('repo'), 'rev-parse', 'HEAD'], {
      encoding: 'utf8',
    });
    const url = `file://${at('repo')}`;
    const what = request({ kind: 'git', url, tag: undefined, commit: commit.trim() });
    const found = await resolve(what);
    expect(found.version).toBe(`0+git20260203.${commit.slice(0, 7)}`);
    const stat = await fs.stat(layerOf(found, `usr/src/demo-${found.version}/dkms.conf`));
    expect(stat.mtime.toISOString()).toBe('2026-02-03T04:05:06.000Z');
    await fs.rm(at('repo'), { recursive: true });
    expect(await resolve(what, { known: found })).toBe(found);
  });
});
