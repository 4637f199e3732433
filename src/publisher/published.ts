import * as fs from 'node:fs/promises';
import * as path from 'node:path';
import { gunzipSync } from 'node:zlib';
import { z } from 'zod';
import { errnoOf, LockstepError } from '../core/errors.ts';
import { readFileOrUndefined } from '../core/files.ts';
import { sha256 } from '../core/hash.ts';
import { type IndexFile, type PublishedDeb, parsePackages } from './indices.ts';
import { type PublishedRelease, parseRelease, signedText } from './release.ts';
import { FILE_ARCHITECTURES, isFileIndex, parseFileIndex, SOURCES } from './source-index.ts';

/** The indices of one state that a suite was in. */
export interface Generation {
  /** SHA-256 of its Release file. */
  release: string;
  files: IndexFile[];
}

/** What `dists/<suite>` says of its states. */
export interface SuiteHead {
  suite: string;
  /** What InRelease says, or undefined when there is none yet. */
  live: PublishedRelease | undefined;
  /** InRelease itself. */
  inRelease: string | undefined;
  /** Modification time of InRelease, in whole seconds since 1970; 0 when there is none. */
  modified: number;
  /** The states before the live one, newest first. */
  former: Generation[];
}

/** A suite with the packages of its states, and further files of the pool, whose architecture is none. */
export interface PublishedSuite extends SuiteHead {
  former: (Generation & { debs: PublishedDeb[] })[];
  /** Packages of the live state. */
  debs: PublishedDeb[];
}

const recordSchema = z.object({
  format: z.literal(1),
  former: z.array(
    z.object({
      release: z.string(),
      files: z.array(z.object({ path: z.string(), sha256: z.string(), size: z.number() })),
    }),
  ),
});

/** Where a suite's former states are written down; no client asks for it. */
export function recordPath(directory: string, suite: string): string {
  return path.join(directory, 'dists', suite, '.generations.json');
}

export function formatRecord(former: readonly Generation[]): string {
  return `${JSON.stringify({ format: 1, former }, undefined, 1)}\n`;
}

export function generationOf(release: PublishedRelease): Generation {
  return { release: sha256(release.text), files: release.files };
}

/** The hash of the live Release file; empty when there is none. */
export function releaseOf({ live }: Pick<SuiteHead, 'live'>): string {
  return live === undefined ? '' : sha256(live.text);
}

/** Path of an index under its hash, beside its plain name. */
export function byHashPath(file: IndexFile): string {
  return path.posix.join(path.posix.dirname(file.path), 'by-hash', 'SHA256', file.sha256);
}

function invalid(file: string, why: string, hint: string, cause?: unknown): LockstepError {
  return new LockstepError('REPOSITORY_INVALID', `${file} ${why}`, { hint, cause });
}

/** The former states that are written down, newest first. */
export async function readRecord(directory: string, suite: string): Promise<Generation[]> {
  const file = recordPath(directory, suite);
  const text = await readFileOrUndefined(file);
  if (text === undefined) {
    return [];
  }
  try {
    return recordSchema.parse(JSON.parse(text.toString('utf8'))).former;
  } catch (cause) {
    throw invalid(file, 'is damaged', `rm '${file}'`, cause);
  }
}

/** The bytes of an index under either of its names, when they are right. */
export async function readIndex(folder: string, file: IndexFile): Promise<Buffer | undefined> {
  for (const name of [byHashPath(file), file.path]) {
    const candidate = await readFileOrUndefined(path.join(folder, name));
    if (candidate !== undefined && sha256(candidate) === file.sha256) {
      return candidate;
    }
  }
  return undefined;
}

/** Further files of an index, as the store has them beside packages. */
function parseFiles(name: string, text: string): PublishedDeb[] {
  const { source, buildinfo } = FILE_ARCHITECTURES;
  const architecture = name.endsWith(SOURCES) ? source : buildinfo;
  return parseFileIndex(name, text).map(({ filename, sha256: hash }) => ({
    name: filename,
    version: '',
    architecture,
    filename,
    sha256: hash,
  }));
}

/** The packages of one state, read from its indices; undefined when one is gone. */
async function readDebs(
  folder: string,
  files: readonly IndexFile[],
): Promise<PublishedDeb[] | undefined> {
  const debs: PublishedDeb[] = [];
  for (const file of files) {
    const name = file.path.replace(/\.gz$/, '');
    if (name === file.path || !(name.endsWith('/Packages') || isFileIndex(name))) {
      continue;
    }
    const content = await readIndex(folder, file);
    if (content === undefined) {
      return undefined;
    }
    const text = gunzipSync(content).toString('utf8');
    debs.push(...(isFileIndex(name) ? parseFiles(name, text) : parsePackages(text)));
  }
  return debs;
}

async function modifiedAt(file: string): Promise<number> {
  try {
    return Math.floor((await fs.stat(file)).mtimeMs / 1000);
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') {
      return 0;
    }
    throw error;
  }
}

/** The names of the suites in a repository, sorted. */
export async function suitesIn(directory: string): Promise<string[]> {
  try {
    const entries = await fs.readdir(path.join(directory, 'dists'), { withFileTypes: true });
    return entries
      .filter((entry) => entry.isDirectory() && !entry.name.startsWith('.'))
      .map((entry) => entry.name)
      .sort();
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') {
      return [];
    }
    throw error;
  }
}

/**
 * Reads what a suite says of its states, and none of its indices.
 *
 * @param keep how many former states count, at most
 * @throws LockstepError REPOSITORY_INVALID
 */
export async function readHead(directory: string, suite: string, keep: number): Promise<SuiteHead> {
  const folder = path.join(directory, 'dists', suite);
  const file = path.join(folder, 'InRelease');
  const inRelease = (await readFileOrUndefined(file))?.toString('utf8');
  const live = inRelease === undefined ? undefined : parseRelease(signedText(inRelease) ?? '');
  if (inRelease !== undefined && live === undefined) {
    throw invalid(file, 'is damaged', `rm -r '${folder}', then publish again`);
  }
  const former = (await readRecord(directory, suite)).slice(0, Math.max(0, keep));
  return { suite, live, inRelease, modified: await modifiedAt(file), former };
}

/**
 * Reads the packages that a suite's states have. A former state that is no longer whole has no reader left to keep it
 * for, and is left out.
 *
 * @throws LockstepError REPOSITORY_INVALID when the live state can't be read
 */
export async function readSuite(directory: string, head: SuiteHead): Promise<PublishedSuite> {
  const folder = path.join(directory, 'dists', head.suite);
  const debs = head.live === undefined ? [] : await readDebs(folder, head.live.files);
  if (debs === undefined) {
    throw invalid(
      folder,
      'lacks an index that its InRelease names, or was not published by Lockstep',
      `rm -r '${folder}', then publish again; or publish into another folder`,
    );
  }
  const former: PublishedSuite['former'] = [];
  for (const generation of head.former) {
    const found = await readDebs(folder, generation.files);
    if (found !== undefined) {
      former.push({ ...generation, debs: found });
    }
  }
  return { ...head, former, debs };
}
