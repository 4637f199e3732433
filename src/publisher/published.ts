import * as fs from 'node:fs/promises';
import * as path from 'node:path';
import { z } from 'zod';
import { errnoOf, LockstepError } from '../core/errors.ts';
import { readFileOrUndefined } from '../core/files.ts';
import { sha256 } from '../core/hash.ts';
import { type IndexFile, type PublishedDeb, parsePackages } from './indices.ts';
import { type PublishedRelease, parseRelease, signedText } from './release.ts';

/** The indices of one state that a suite was in. */
export interface Generation {
  /** SHA-256 of its Release file. */
  release: string;
  files: IndexFile[];
}

/** What lies in `dists/<suite>`. */
export interface PublishedSuite {
  suite: string;
  /** What InRelease says, or undefined when there is none yet. */
  live: PublishedRelease | undefined;
  /** InRelease itself. */
  inRelease: string | undefined;
  /** Modification time of InRelease, in whole seconds since 1970; 0 when there is none. */
  modified: number;
  /** The states before the live one, newest first. */
  former: Generation[];
  /** Packages of the live state. */
  debs: PublishedDeb[];
  /** Packages of the former states. */
  formerDebs: PublishedDeb[];
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

/** The packages of one state, read from its plain indices under their hashes; undefined when one is gone. */
async function readDebs(
  folder: string,
  files: readonly IndexFile[],
): Promise<PublishedDeb[] | undefined> {
  const debs: PublishedDeb[] = [];
  for (const file of files.filter(({ path: name }) => name.endsWith('/Packages'))) {
    let content: Buffer | undefined;
    for (const name of [byHashPath(file), file.path]) {
      const candidate = await readFileOrUndefined(path.join(folder, name));
      if (candidate !== undefined && sha256(candidate) === file.sha256) {
        content = candidate;
        break;
      }
    }
    if (content === undefined) {
      return undefined;
    }
    debs.push(...parsePackages(content.toString('utf8')));
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

async function readSuite(directory: string, suite: string, keep: number): Promise<PublishedSuite> {
  const folder = path.join(directory, 'dists', suite);
  const file = path.join(folder, 'InRelease');
  const inRelease = (await readFileOrUndefined(file))?.toString('utf8');
  const live = inRelease === undefined ? undefined : parseRelease(signedText(inRelease) ?? '');
  if (inRelease !== undefined && live === undefined) {
    throw invalid(file, 'is damaged', `rm -r '${folder}', then publish again`);
  }
  const debs = live === undefined ? [] : await readDebs(folder, live.files);
  if (debs === undefined) {
    throw invalid(
      folder,
      'lacks an index that its InRelease names, or was not published by Lockstep',
      `rm -r '${folder}', then publish again; or publish into another folder`,
    );
  }
  // A former state that is no longer whole has no reader left to keep it for.
  const former: Generation[] = [];
  const formerDebs: PublishedDeb[] = [];
  for (const generation of (await readRecord(directory, suite)).slice(0, Math.max(0, keep))) {
    const found = await readDebs(folder, generation.files);
    if (found !== undefined) {
      former.push(generation);
      formerDebs.push(...found);
    }
  }
  return { suite, live, inRelease, modified: await modifiedAt(file), former, debs, formerDebs };
}

/**
 * Reads what is published: every suite in the folder, also those that nobody publishes any more.
 *
 * @param keep how many former states of a suite count, at most
 * @throws LockstepError REPOSITORY_INVALID when the live state of a suite can't be read
 */
export async function readPublished(
  directory: string,
  keep: number,
): Promise<Map<string, PublishedSuite>> {
  let names: string[] = [];
  try {
    const entries = await fs.readdir(path.join(directory, 'dists'), { withFileTypes: true });
    names = entries.filter((entry) => entry.isDirectory()).map((entry) => entry.name);
  } catch (error) {
    if (errnoOf(error) !== 'ENOENT') {
      throw error;
    }
  }
  const suites = new Map<string, PublishedSuite>();
  for (const name of names.filter((candidate) => !candidate.startsWith('.')).sort()) {
    suites.set(name, await readSuite(directory, name, keep));
  }
  return suites;
}
