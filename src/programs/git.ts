import * as path from 'node:path';
import { LockstepError } from '../core/errors.ts';
import { exists, makeDirectoryAtomic } from '../core/files.ts';
import { type RunResult, runProgram } from './run.ts';

/** Addresses that git is given: with a scheme, without options or helpers in them. */
export const GIT_URL = /^(?<scheme>https?|ssh|git|file):\/\/[A-Za-z0-9/][!-~]*$/;
/** Names of tags that can be nothing else (git-check-ref-format(1)). */
export const GIT_TAG =
  /^(?!.*(\.\.|\/\/|\/\.|\.lock(\/|$)|[./]$))[A-Za-z0-9][A-Za-z0-9._/+-]{0,199}$/;
export const GIT_COMMIT = /^([0-9a-f]{40}|[0-9a-f]{64})$/;

/** Status of prlimit(1) and setpriv(1) when there is no such program. */
const NOT_FOUND = 127;

const FETCH_TIMEOUT = 900_000;
/** Largest file that git may write: a pack. */
const MAX_PACK = 4 * 1024 ** 3;

/** git(1) of Debian 12 and later knows them all; none of it comes from a repository. */
const CONFIG = [
  ...['core.hooksPath=/dev/null', 'core.fsmonitor=false', 'core.attributesFile=/dev/null'],
  ...['gc.auto=0', 'maintenance.auto=false', 'fetch.recurseSubmodules=false'],
  ...['tar.umask=0022', 'init.defaultBranch=main'],
];

/** A commit that a repository has. */
export interface GitCommit {
  /** 40 or 64 hex digits. */
  commit: string;
  /** When it was committed, in seconds since 1970. */
  epoch: number;
}

/** A bare copy of a repository, of which only what is asked for is fetched. */
export interface GitCache {
  /** @throws LockstepError SOURCE_UNAVAILABLE when the repository has no such tag or does not answer */
  fetchTag(tag: string): Promise<GitCommit>;
  /** Asks the repository only for a commit that is not there. @throws LockstepError SOURCE_UNAVAILABLE */
  fetchCommit(commit: string): Promise<GitCommit>;
  /** Writes a commit's tree as a tar archive. Submodules are empty folders in it. */
  archive(commit: string, file: string): Promise<void>;
}

function environment(url: string): Record<string, string> {
  const scheme = GIT_URL.exec(url)?.groups?.['scheme'] ?? '';
  // What an http address leads on to may be https.
  const allowed = /^https?$/.test(scheme) ? 'http:https' : scheme;
  return {
    GIT_CONFIG_NOSYSTEM: '1',
    GIT_CONFIG_GLOBAL: '/dev/null',
    GIT_ATTR_NOSYSTEM: '1',
    GIT_TERMINAL_PROMPT: '0',
    GIT_ASKPASS: 'true',
    GIT_SSH_COMMAND: 'ssh -o BatchMode=yes',
    GIT_ALLOW_PROTOCOL: allowed,
    GIT_PROTOCOL_FROM_USER: '0',
  };
}

/**
 * git, without any configuration but {@link CONFIG}; it goes with Lockstep, however that ends.
 *
 * @throws LockstepError ENVIRONMENT when it is not installed, PROGRAM_FAILED after its time-out, INTERRUPTED
 */
async function git(
  url: string,
  args: readonly string[],
  signal: AbortSignal | undefined,
): Promise<RunResult> {
  const options = CONFIG.flatMap((entry) => ['-c', entry]);
  const result = await runProgram(
    'setpriv',
    [
      ...['--pdeathsig', 'KILL', '--', 'prlimit', '--core=0', `--fsize=${MAX_PACK}`, '--'],
      ...['git', ...options, ...args],
    ],
    {
      env: environment(url),
      timeout: FETCH_TIMEOUT,
      allowFailure: true,
      ...(signal === undefined ? {} : { signal }),
    },
  );
  if (result.exitCode === NOT_FOUND) {
    throw new LockstepError('ENVIRONMENT', 'the program git is not installed', {
      hint: 'lockstep doctor',
    });
  }
  return result;
}

function unavailable(url: string, what: string, stderr: string): LockstepError {
  const line = stderr.split('\n').findLast((entry) => /^(fatal|error|remote|ssh):/.test(entry));
  const words = (line ?? stderr.trim().split('\n').at(-1) ?? '').slice(0, 300);
  return new LockstepError('SOURCE_UNAVAILABLE', `${url}: ${what}${words && `: ${words}`}`, {
    hint: `git ls-remote -- '${url}' shows what the repository has`,
    exitCode: 1,
  });
}

/** @throws LockstepError SOURCE_UNAVAILABLE for an address that is none */
function checkUrl(url: string): void {
  if (!GIT_URL.test(url)) {
    throw unavailable(url, 'is not an address that can be fetched from', '');
  }
}

/**
 * The tags of a repository.
 *
 * @throws LockstepError SOURCE_UNAVAILABLE
 */
export async function remoteTags(url: string, signal?: AbortSignal): Promise<string[]> {
  checkUrl(url);
  const args = ['ls-remote', '--tags', '--refs', '--quiet', '--', url];
  const result = await git(url, args, signal);
  if (result.exitCode !== 0) {
    throw unavailable(url, "can't be read", result.stderr);
  }
  return result.stdout
    .split('\n')
    .flatMap((line) => /^\S+\trefs\/tags\/(?<tag>.+)$/.exec(line)?.groups?.['tag'] ?? [])
    .filter((tag) => GIT_TAG.test(tag));
}

/** The commit that a repository's HEAD points to. @throws LockstepError SOURCE_UNAVAILABLE */
export async function remoteHead(url: string, signal?: AbortSignal): Promise<string> {
  checkUrl(url);
  const result = await git(url, ['ls-remote', '--quiet', '--', url, 'HEAD'], signal);
  const commit = result.stdout.split('\t')[0] ?? '';
  if (result.exitCode !== 0 || !GIT_COMMIT.test(commit)) {
    throw unavailable(url, 'has no HEAD', result.stderr);
  }
  return commit;
}

/**
 * Opens the copy of a repository in a cache folder; makes it when it is missing.
 *
 * @param directory of this repository alone
 * @throws LockstepError ENVIRONMENT when git is not installed
 */
export async function openGitCache(
  directory: string,
  url: string,
  signal?: AbortSignal,
): Promise<GitCache> {
  checkUrl(url);
  if (!(await exists(path.join(directory, 'HEAD')))) {
    await makeDirectoryAtomic(directory, async (temporary) => {
      const made = await git(url, ['init', '--quiet', '--bare', '--template=', temporary], signal);
      if (made.exitCode !== 0) {
        throw new LockstepError('PROGRAM_FAILED', `git init: ${made.stderr.trim()}`);
      }
    });
  }
  const here = (args: readonly string[]): Promise<RunResult> =>
    git(url, ['--git-dir', directory, ...args], signal);

  const fetch = (refs: readonly string[], more: readonly string[] = []): Promise<RunResult> =>
    here([
      ...['fetch', '--quiet', '--no-tags', '--no-recurse-submodules', '--no-write-fetch-head'],
      ...['--force', ...more, '--', url, ...refs],
    ]);
  const commitOf = async (name: string): Promise<GitCommit | undefined> => {
    const shown = await here(['show', '-s', '--no-show-signature', '--format=%H %ct', name, '--']);
    // An annotated tag prints its own lines before.
    const line = shown.stdout.trim().split('\n').at(-1) ?? '';
    const groups = /^(?<commit>[0-9a-f]{40,64}) (?<epoch>\d+)$/.exec(line)?.groups;
    return shown.exitCode === 0 && groups !== undefined
      ? { commit: groups['commit'] ?? '', epoch: Number(groups['epoch']) }
      : undefined;
  };
  return {
    async fetchTag(tag) {
      const ref = `refs/tags/${tag}`;
      const result = GIT_TAG.test(tag)
        ? await fetch([`+${ref}:${ref}`], ['--depth=1'])
        : { exitCode: 1, stderr: '' };
      if (result.exitCode !== 0) {
        throw result.stderr.includes("couldn't find remote ref") || result.stderr === ''
          ? unavailable(url, `has no tag ${tag}`, '')
          : unavailable(url, "can't be fetched", result.stderr);
      }
      const commit = await commitOf(`${ref}^{commit}`);
      if (commit === undefined) {
        throw unavailable(url, `the tag ${tag} is of no commit`, '');
      }
      return commit;
    },
    async fetchCommit(commit) {
      if (!GIT_COMMIT.test(commit)) {
        throw unavailable(url, `${commit} is not the whole name of a commit`, '');
      }
      const known = await commitOf(`${commit}^{commit}`);
      if (known !== undefined) {
        return known;
      }
      // Not every server hands out a commit by its name: then all of its branches and tags are asked for.
      let result = await fetch([commit], ['--depth=1']);
      if ((await commitOf(`${commit}^{commit}`)) === undefined) {
        const isShallow = await exists(path.join(directory, 'shallow'));
        result = await fetch(
          ['+refs/heads/*:refs/heads/*', '+refs/tags/*:refs/tags/*'],
          isShallow ? ['--unshallow'] : [],
        );
      }
      const found = await commitOf(`${commit}^{commit}`);
      if (found === undefined) {
        throw result.exitCode === 0
          ? unavailable(url, `has no commit ${commit}`, '')
          : unavailable(url, "can't be fetched", result.stderr);
      }
      return found;
    },
    async archive(commit, file) {
      const result = await here([
        'archive',
        '--format=tar',
        `--output=${file}`,
        `${commit}^{commit}`,
      ]);
      if (result.exitCode !== 0) {
        throw unavailable(url, `${commit} can't be read`, result.stderr);
      }
    },
  };
}
