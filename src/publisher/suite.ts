import { lstat } from 'node:fs/promises';
import * as path from 'node:path';
import { errnoOf } from '../core/errors.ts';
import { sha256File } from '../core/hash.ts';
import type { SuiteChange } from './entries.ts';
import { type PlannedFile, planIndices } from './index-forms.ts';
import type { IndexFile } from './indices.ts';
import type { SigningKey } from './key.ts';
import type { FileOperations, Placement } from './operations.ts';
import { foldersOf } from './pool.ts';
import {
  byHashPath,
  formatRecord,
  type Generation,
  generationOf,
  recordPath,
  type SuiteHead,
} from './published.ts';
import { formatRelease, isAgeing, parseRelease, type ReleaseFields } from './release.ts';
import type { Store } from './store.ts';

/** A suite as it shall be, found without changing anything. */
export interface SuitePlan {
  suite: string;
  /** What Release lists, in its order. */
  files: PlannedFile[];
  release: string;
  /** Undefined when the InRelease that is there says the same already. */
  inRelease: string | undefined;
  /** Modification time for InRelease, seconds since 1970. */
  modified: number;
  live: Generation;
  /** States to keep beside the new one, newest first. */
  former: Generation[];
  /** Files that the present InRelease lists. */
  present: readonly IndexFile[];
}

export interface SuiteInput {
  store: Store;
  fields: Omit<ReleaseFields, 'files'>;
  change: SuiteChange;
  published: SuiteHead | undefined;
  key: SigningKey;
  date: Date;
  /** How many states are kept beside the live one. */
  keep: number;
  signal: AbortSignal | undefined;
}

/** Works out a suite's next state, and signs it when it differs from the present one in more than its date. */
export async function planSuite(input: SuiteInput): Promise<SuitePlan> {
  const { published, key } = input;
  const files = await planIndices(input.store, input.change);
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
        present: present.files,
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
    present: present?.files ?? [],
    live: generationOf(parsed),
    former: [...live, ...former.filter((one) => one.release !== live[0]?.release)].slice(
      0,
      input.keep,
    ),
  };
}

/** Whether an index is there under a name: by its size, or by its bytes where nothing is taken on trust. */
async function isThere(file: string, index: IndexFile, isThorough: boolean): Promise<boolean> {
  try {
    const status = await lstat(file);
    return (
      status.isFile() &&
      status.size === index.size &&
      (!isThorough || (await sha256File(file)) === index.sha256)
    );
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') {
      return false;
    }
    throw error;
  }
}

/**
 * Writes a suite's next state over the present one; each stage is on disk before the next one begins. Indices under
 * their hashes come first, so that InRelease, old or new, has all it names. Files that are right already stay: an index
 * that the present InRelease lists was written whole.
 *
 * @param isThorough reads what is there: a publisher that was killed may have left anything
 */
export async function writeSuite(
  directory: string,
  plan: SuitePlan,
  disk: FileOperations,
  isThorough: boolean,
): Promise<void> {
  const folder = path.join(directory, 'dists', plan.suite);
  if (plan.inRelease !== undefined && plan.former.length > 0) {
    await disk.write(recordPath(directory, plan.suite), formatRecord(plan.former));
  }
  const present = new Map(plan.present.map((file) => [file.path, file.sha256]));
  const published = plan.files.flatMap(({ index, content }) =>
    content === undefined ? [] : [{ index, content }],
  );
  for (const { index, content } of published) {
    const file = path.join(folder, byHashPath(index));
    if (!(await isThere(file, index, isThorough || present.get(index.path) !== index.sha256))) {
      await disk.write(file, content());
    }
    if (isThorough) {
      for (const name of foldersOf(path.relative(directory, file))) {
        disk.touch(path.join(directory, name));
      }
      disk.touch(directory);
    }
  }
  await disk.flush();
  const placed: Placement[] = [];
  for (const { index } of published) {
    const file = path.join(folder, index.path);
    const isListed = present.get(index.path) === index.sha256;
    if (!(await isThere(file, index, isThorough || !isListed))) {
      placed.push({ source: path.join(folder, byHashPath(index)), target: file });
    }
  }
  await disk.place(placed);
  await disk.flush();
  await disk.write(path.join(folder, 'Release'), plan.release);
  await disk.flush();
  if (plan.inRelease !== undefined) {
    await disk.write(path.join(folder, 'InRelease'), plan.inRelease, plan.modified);
    await disk.flush();
  }
}
