import { execFileSync } from 'node:child_process';
import * as fs from 'node:fs/promises';
import { pathToFileURL } from 'node:url';
import { beforeAll, describe, expect, test } from 'vitest';
import { exists } from '../core/files.ts';
import { lockstepErrorOf } from '../core/testing/errors.ts';
import { useScratch } from '../core/testing/scratch.ts';
import { GIT_TAG, GIT_URL, openGitCache, remoteHead, remoteTags } from './git.ts';

const at = useScratch('git');
let url: string;
let old: string;
let head: string;

function git(...args: string[]): string {
  const identity = ['-c', 'user.name=A', '-c', 'user.email=a@localhost.invalid'];
  const protocol = ['-c', 'protocol.file.allow=always'];
  const env = { ...process.env, GIT_CONFIG_GLOBAL: '/dev/null', GIT_CONFIG_NOSYSTEM: '1' };
  return execFileSync('git', [...identity, ...protocol, ...args], {
    cwd: at('origin'),
    env,
    encoding: 'utf8',
    stdio: 'pipe',
  }).trim();
}

beforeAll(async () => {
  await fs.mkdir(at('origin'));
  url = pathToFileURL(at('origin')).href;
  git('init', '--quiet', '--initial-branch=main');
  await fs.writeFile(at('origin/file'), 'old');
  git('add', '.');
  git('commit', '--quiet', '-m', 'old');
  old = git('rev-parse', 'HEAD');
  git('tag', '-a', '-m', 'words of a tag\n\nabc 12', 'v1');
  await fs.writeFile(at('origin/file'), 'new');
  await fs.symlink('/etc', at('origin/link'));
  git('submodule', '--quiet', 'add', url, 'sub');
  git('add', '.');
  git('commit', '--quiet', '-m', 'new');
  head = git('rev-parse', 'HEAD');
});

describe('a repository', () => {
  test('gives a tag, a commit, and later another one that is not the newest', async () => {
    const cache = await openGitCache(at('cache.git'), url);
    expect(await cache.fetchTag('v1')).toMatchObject({ commit: old });
    expect((await cache.fetchCommit(head)).commit).toBe(head);
    await cache.archive(old, at('old.tar'));
    const text = execFileSync('tar', ['-xOf', at('old.tar'), 'file'], { encoding: 'utf8' });
    expect(text).toBe('old');
    const fresh = await openGitCache(at('fresh.git'), url);
    expect((await fresh.fetchCommit(old)).commit).toBe(old);
  });

  test('is fetched without its submodules', async () => {
    const cache = await openGitCache(at('plain.git'), url);
    await cache.fetchCommit(head);
    await cache.archive(head, at('head.tar'));
    const names = execFileSync('tar', ['-tf', at('head.tar')], { encoding: 'utf8' }).split('\n');
    expect(names.filter((name) => name.startsWith('sub'))).toEqual(['sub/']);
  });

  test('whose tag has moved gives the new commit', async () => {
    git('tag', 'moving', old);
    const cache = await openGitCache(at('moving.git'), url);
    expect((await cache.fetchTag('moving')).commit).toBe(old);
    git('tag', '--force', 'moving', head);
    expect((await cache.fetchTag('moving')).commit).toBe(head);
  });

  test('lists its tags and its HEAD', async () => {
    expect(await remoteTags(url)).toContain('v1');
    expect(await remoteHead(url)).toBe(head);
  });

  test('without the tag, the commit, or that is none, is an error that says so', async () => {
    const cache = await openGitCache(at('lacks.git'), url);
    const tag = await lockstepErrorOf(() => cache.fetchTag('v9'));
    expect(tag).toMatchObject({ code: 'SOURCE_UNAVAILABLE', exitCode: 1 });
    expect(tag.message).toBe(`${url}: has no tag v9`);
    expect(tag.hint).toContain('git ls-remote');
    await expect(cache.fetchCommit('a'.repeat(40))).rejects.toThrow(
      `has no commit ${'a'.repeat(40)}`,
    );
    await expect(cache.fetchTag('--upload-pack=x')).rejects.toThrow('has no tag');
    await expect(cache.fetchCommit('--all')).rejects.toThrow('whole name');
    const none = await openGitCache(at('none.git'), 'file:///nonexistent.git');
    await expect(none.fetchTag('v1')).rejects.toThrow("can't be fetched");
  });

  test('runs no hook, no program of its configuration and no helper', async () => {
    const ran = at('ran');
    const program = `#!/bin/sh\ntouch '${ran}'\nexit 0\n`;
    await fs.mkdir(at('hooks'), { recursive: true });
    for (const hook of ['post-checkout', 'reference-transaction', 'pre-auto-gc', 'post-merge']) {
      await fs.writeFile(at('origin/.git/hooks', hook), program, { mode: 0o755 });
      await fs.writeFile(at('hooks', hook), program, { mode: 0o755 });
    }
    git('config', 'uploadpack.packObjectsHook', `touch '${ran}'`);
    git('config', 'core.fsmonitor', `touch '${ran}'`);
    const global = at('gitconfig');
    await fs.writeFile(global, `[core]\n\thooksPath = ${at('hooks')}\n`);
    const before = process.env['GIT_CONFIG_GLOBAL'];
    process.env['GIT_CONFIG_GLOBAL'] = global;
    try {
      const cache = await openGitCache(at('hooked.git'), url);
      await cache.fetchTag('v1');
      await cache.archive(old, at('hooked.tar'));
    } finally {
      delete process.env['GIT_CONFIG_GLOBAL'];
      if (before !== undefined) {
        process.env['GIT_CONFIG_GLOBAL'] = before;
      }
    }
    await lockstepErrorOf(() => openGitCache(at('ext.git'), `ext::sh -c "touch '${ran}'"`));
    await lockstepErrorOf(() => remoteTags(`--upload-pack=touch '${ran}'`));
    expect(await exists(ran)).toBe(false);
  });
});

describe('an address', () => {
  test.each(['https://a.example/x.git', 'ssh://git@a.example:22/x', 'file:///srv/x', 'git://h/x'])(
    '%s is one',
    (text) => {
      expect(GIT_URL.test(text)).toBe(true);
    },
  );

  test.each(['ext::sh -c id', '--upload-pack=x', 'https://-x/y', 'https://a b', './x', 'fd::17'])(
    '%s is none',
    (text) => {
      expect(GIT_URL.test(text)).toBe(false);
    },
  );

  test.each(['v1', 'release/1.0-rc1', 'a+b'])('%s is a tag, as for git', (tag) => {
    expect(GIT_TAG.test(tag)).toBe(true);
    expect(() => git('check-ref-format', `refs/tags/${tag}`)).not.toThrow();
  });

  test.each([
    '-v',
    'a..b',
    'a//b',
    'a/.b',
    'a.lock',
    'a/',
    'a.',
    '.a',
    'a b',
    'a:b',
    'a^',
    'a@{1}',
    '',
  ])('%j is no tag', (tag) => {
    expect(GIT_TAG.test(tag)).toBe(false);
  });
});
