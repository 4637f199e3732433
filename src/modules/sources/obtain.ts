import * as fs from 'node:fs/promises';
import { tmpdir } from 'node:os';
import * as path from 'node:path';
import { errnoOf, LockstepError } from '../../core/errors.ts';
import { sha256, sha256File } from '../../core/hash.ts';
import type { SourceOrigin } from '../../model/sources.ts';
import { aptWith } from '../../programs/apt.ts';
import { type GitCommit, openGitCache } from '../../programs/git.ts';
import { unpackTarball } from '../../programs/tar.ts';

/** The largest tarball that is fetched. */
const MAX_TARBALL = 1024 ** 3;

/** A folder has no date that is the same on another machine: this one stands for all, 2000-01-01. */
const DIRECTORY_EPOCH = 946_684_800;
/** Dates that file systems and packages can have: from 1980 to 2100. */
const EPOCHS = [315_532_800, 4_102_444_800] as const;

/** A source as it was got, before anything of it is read. */
export interface Obtained {
  /** The tree; a real path. Untrusted. */
  root: string;
  /** Date of the source, in seconds since 1970. */
  epoch: number;
  /** Of a git repository. */
  commit: string | undefined;
}

export interface ObtainOptions {
  /** Empty folder for the unpacked tree. */
  scratch: string;
  /** Folder that keeps copies of repositories. */
  repositories: string;
  signal: AbortSignal | undefined;
}

function clamp(epoch: number): number {
  return Math.min(Math.max(epoch, EPOCHS[0]), EPOCHS[1]);
}

function unavailable(message: string, hint: string, cause?: unknown): LockstepError {
  return new LockstepError('SOURCE_UNAVAILABLE', message, { hint, exitCode: 1, cause });
}

/** The tree in an unpacked archive: most have one folder around it. */
async function topOf(unpacked: string): Promise<string> {
  const entries = await fs.readdir(unpacked, { withFileTypes: true });
  const [only] = entries;
  return entries.length === 1 && only?.isDirectory() === true
    ? path.join(unpacked, only.name)
    : unpacked;
}

/** The newest date of a tree's files, in whole seconds since 1970. */
async function newestOf(root: string): Promise<number> {
  let newest = 0;
  for (const entry of await fs.readdir(root, { withFileTypes: true, recursive: true })) {
    if (entry.isFile()) {
      const { mtimeMs } = await fs.lstat(path.join(entry.parentPath, entry.name));
      newest = Math.max(newest, Math.floor(mtimeMs / 1000));
    }
  }
  return newest;
}

async function obtainDirectory(folder: string): Promise<Obtained> {
  const root = await fs.realpath(folder).catch((error: unknown) => {
    throw unavailable(
      `the folder ${folder} can't be read (${errnoOf(error) ?? 'unknown reason'})`,
      `ls -ld '${folder}'`,
      error,
    );
  });
  if (!(await fs.stat(root)).isDirectory()) {
    throw unavailable(`${folder} is no folder`, `ls -ld '${folder}'`);
  }
  return { root, epoch: DIRECTORY_EPOCH, commit: undefined };
}

/** Fetches from http or https by apt's own downloader, which knows the machine's proxies and certificates. */
async function download(uri: string, file: string, signal: AbortSignal | undefined): Promise<void> {
  const result = await aptWith('').helper(['download-file', uri, file], MAX_TARBALL, signal);
  if (result.exitCode !== 0) {
    const words = /^E: (?<words>.*)$/m.exec(result.stderr)?.groups?.['words'] ?? 'no answer';
    throw unavailable(`${uri} can't be fetched: ${words}`, `curl -fsSLO '${uri}'`);
  }
}

/**
 * Fetches a file, looks at it and forgets it.
 *
 * @throws LockstepError SOURCE_UNAVAILABLE
 */
export async function fetchToFile<T>(
  uri: string,
  look: (file: string) => Promise<T>,
  signal?: AbortSignal,
): Promise<T> {
  const folder = await fs.mkdtemp(path.join(tmpdir(), 'lockstep-fetch-'));
  try {
    const file = path.join(folder, 'file');
    await download(uri, file, signal);
    return await look(file);
  } finally {
    await fs.rm(folder, { recursive: true, force: true });
  }
}

/** Gets a tarball's file. @returns its path in the scratch folder */
async function fetchTarball(uri: string, { scratch, signal }: ObtainOptions): Promise<string> {
  const file = path.join(scratch, 'tarball');
  if (path.isAbsolute(uri)) {
    await fs.copyFile(uri, file).catch((error: unknown) => {
      const errno = errnoOf(error) ?? 'unknown reason';
      throw errno === 'ENOSPC'
        ? error
        : unavailable(`${uri} can't be read (${errno})`, `ls -l '${uri}'`, error);
    });
    return file;
  }
  await download(uri, file, signal);
  return file;
}

async function obtainTarball(
  uri: string,
  expected: string,
  options: ObtainOptions,
): Promise<Obtained> {
  const file = await fetchTarball(uri, options);
  const found = await sha256File(file);
  if (found !== expected) {
    throw new LockstepError('SOURCE_ALTERED', `${uri} has SHA-256 ${found}, not ${expected}`, {
      hint: 'only whoever publishes the tarball can say which one is right',
      exitCode: 1,
    });
  }
  const unpacked = path.join(options.scratch, 'unpacked');
  await unpackTarball(file, unpacked);
  const root = await fs.realpath(await topOf(unpacked));
  return { root, epoch: clamp(await newestOf(root)), commit: undefined };
}

async function obtainGit(
  { url, tag, commit }: { url: string; tag: string | undefined; commit: string | undefined },
  options: ObtainOptions,
): Promise<Obtained> {
  const directory = path.join(options.repositories, `${sha256(url).slice(0, 32)}.git`);
  const repository = await openGitCache(directory, url, options.signal);
  const found: GitCommit =
    commit === undefined
      ? await repository.fetchTag(tag ?? '')
      : await repository.fetchCommit(commit);
  const file = path.join(options.scratch, 'tree.tar');
  await repository.archive(found.commit, file);
  const unpacked = path.join(options.scratch, 'unpacked');
  await unpackTarball(file, unpacked);
  return {
    root: await fs.realpath(unpacked),
    epoch: clamp(found.epoch),
    commit: found.commit,
  };
}

/**
 * Gets a source, as it is now.
 *
 * @throws LockstepError SOURCE_UNAVAILABLE, SOURCE_ALTERED, SOURCE_INVALID, INTERRUPTED
 */
export function obtainSource(origin: SourceOrigin, options: ObtainOptions): Promise<Obtained> {
  switch (origin.kind) {
    case 'directory':
      return obtainDirectory(origin.path);
    case 'tarball':
      return obtainTarball(origin.uri, origin.sha256, options);
    case 'git':
      return obtainGit(origin, options);
  }
}
