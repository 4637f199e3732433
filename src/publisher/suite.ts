import * as path from 'node:path';
import { readFileOrUndefined } from '../core/files.ts';
import { sha256 } from '../core/hash.ts';
import {
  compareDebs,
  compressIndex,
  describeIndex,
  formatPackages,
  type IndexFile,
} from './indices.ts';
import type { SigningKey } from './key.ts';
import type { FileOperations } from './operations.ts';
import type { PoolEntry } from './pool.ts';
import {
  byHashPath,
  formatRecord,
  type Generation,
  generationOf,
  type PublishedSuite,
  recordPath,
} from './published.ts';
import { formatRelease, isAgeing, parseRelease, type ReleaseFields } from './release.ts';

/** A suite as it shall be, found without changing anything. */
export interface SuitePlan {
  suite: string;
  /** Index files with their bytes, in the order of the Release file. */
  files: { index: IndexFile; content: Buffer }[];
  release: string;
  /** Undefined when the InRelease that is there says the same already. */
  inRelease: string | undefined;
  /** Modification time for InRelease, seconds since 1970. */
  modified: number;
  live: Generation;
  /** States to keep beside the new one, newest first. */
  former: Generation[];
}

export interface SuiteInput {
  directory: string;
  fields: Omit<ReleaseFields, 'files'>;
  component: string;
  entries: readonly PoolEntry[];
  published: PublishedSuite | undefined;
  key: SigningKey;
  date: Date;
  /** How many states are kept beside the live one. */
  keep: number;
  signal: AbortSignal | undefined;
}

/** The compressed forms that are published already, when all of them are whole. */
async function publishedForms(
  folder: string,
  plain: IndexFile,
  published: PublishedSuite | undefined,
): Promise<ReadonlyMap<string, Buffer> | undefined> {
  const listed = new Map((published?.live?.files ?? []).map((file) => [file.path, file]));
  if (listed.get(plain.path)?.sha256 !== plain.sha256) {
    return undefined;
  }
  const forms = new Map<string, Buffer>();
  for (const end of ['.gz', '.xz']) {
    const file = listed.get(`${plain.path}${end}`);
    if (file === undefined) {
      return undefined;
    }
    const content = await readFileOrUndefined(path.join(folder, byHashPath(file)));
    if (content === undefined || sha256(content) !== file.sha256) {
      return undefined;
    }
    forms.set(end, content);
  }
  return forms;
}

async function planFiles(input: SuiteInput): Promise<SuitePlan['files']> {
  const folder = path.join(input.directory, 'dists', input.fields.suite);
  const entries = [...input.entries].sort(compareDebs);
  const files: SuitePlan['files'] = [];
  for (const architecture of input.fields.architectures) {
    const name = `${input.component}/binary-${architecture}/Packages`;
    const content = Buffer.from(formatPackages(entries, architecture));
    const index = describeIndex(name, content);
    files.push({ index, content });
    const forms =
      (await publishedForms(folder, index, input.published)) ?? (await compressIndex(content));
    for (const [end, bytes] of forms) {
      files.push({ index: describeIndex(`${name}${end}`, bytes), content: bytes });
    }
  }
  return files;
}

/** Works out a suite's next state, and signs it when it differs from the present one in more than its date. */
export async function planSuite(input: SuiteInput): Promise<SuitePlan> {
  const { published, key } = input;
  const files = await planFiles(input);
  const fields = { ...input.fields, files: files.map(({ index }) => index) };
  const present = published?.live;
  const former = published?.former ?? [];
  if (present !== undefined && published?.inRelease !== undefined) {
    const isSame = formatRelease(fields, present.date) === present.text;
    const isFresh = !isAgeing(present.date, input.date, fields.validDays);
    if (isSame && isFresh && (await key.verify(published.inRelease))) {
      return {
        suite: fields.suite,
        files,
        release: present.text,
        inRelease: undefined,
        modified: published.modified,
        live: generationOf(present),
        former,
      };
    }
  }
  // apt keeps the state it has when the new one's date is earlier.
  const date = new Date(Math.max(input.date.getTime(), present?.date.getTime() ?? 0));
  const release = formatRelease(fields, date);
  const parsed = parseRelease(release);
  if (parsed === undefined) {
    throw new Error('a Release file that was just written can not be read');
  }
  const live = present === undefined ? [] : [generationOf(present)];
  return {
    suite: fields.suite,
    files,
    release,
    inRelease: await key.sign(release, input.signal),
    // Clients ask by whole seconds whether InRelease is newer than theirs.
    modified: Math.max(Math.floor(Date.now() / 1000), (published?.modified ?? 0) + 1),
    live: generationOf(parsed),
    former: [...live, ...former.filter((one) => one.release !== live[0]?.release)].slice(
      0,
      input.keep,
    ),
  };
}

/**
 * Writes a suite's next state over the present one; each stage is on disk before the next one begins. Indices under
 * their hashes come first, so that InRelease, old or new, has all it names. Files that are right already stay.
 */
export async function writeSuite(
  directory: string,
  plan: SuitePlan,
  disk: FileOperations,
): Promise<void> {
  const folder = path.join(directory, 'dists', plan.suite);
  if (plan.inRelease !== undefined && plan.former.length > 0) {
    await disk.write(recordPath(directory, plan.suite), formatRecord(plan.former));
  }
  for (const { index, content } of plan.files) {
    const file = path.join(folder, byHashPath(index));
    await disk.write(file, content);
    if (plan.inRelease !== undefined) {
      disk.touch(path.dirname(file));
      disk.touch(path.dirname(path.dirname(file)));
    }
  }
  await disk.flush();
  for (const { index, content } of plan.files) {
    await disk.write(path.join(folder, index.path), content);
  }
  await disk.flush();
  await disk.write(path.join(folder, 'Release'), plan.release);
  await disk.flush();
  if (plan.inRelease !== undefined) {
    await disk.write(path.join(folder, 'InRelease'), plan.inRelease, plan.modified);
    await disk.flush();
  }
}
