import * as path from 'node:path';
import { z } from 'zod';
import type { ErrorCode, LockstepError } from '../core/errors.ts';
import { readFileOrUndefined, writeFileAtomic } from '../core/files.ts';
import type { SuiteFacts } from './releases.ts';

/** Why an index, or all of a suite, could not be brought up to date. */
export interface Problem {
  code: ErrorCode;
  message: string;
  hint?: string | undefined;
}

export function problemOf(error: LockstepError): Problem {
  return { code: error.code, message: error.message, hint: error.hint };
}

/** How things stand with one index. */
export interface IndexStatus {
  suite: string;
  component: string;
  architecture: string;
  /** Address of the repository, as {@link IndexFile} has it. */
  base: string;
  /** stale: the last good copy is used; missing: there never was one. */
  state: 'good' | 'stale' | 'missing';
  /** ISO 8601: when the copy in use was last confirmed good; undefined when there is none. */
  lastGood: string | undefined;
  problem: Problem | undefined;
}

/** The copy of an index that is in use. */
export interface StoredCopy {
  /** Identity of the decompressed bytes. */
  content: string;
  /** Name in the root's folder of good copies; undefined when the index is empty, which has no file. */
  file: string | undefined;
  /** Size of that file, in bytes. */
  size: number;
  /** Name that apt gives the file among its lists. */
  list: string;
}

/** An index as a root keeps it. */
export interface IndexRecord extends IndexStatus {
  codename: string;
  copy: StoredCopy | undefined;
}

/** A suite's own statement, as apt last verified it. */
export interface SuiteRecord extends SuiteFacts {
  base: string;
}

/** What a refresh leaves behind; written last, so that what it names is there. */
export interface RootState {
  /** What apt's folder of lists and the sources looked like then. */
  signature: string;
  /** The architectures that the whole archive was read for. */
  architectures: string[];
  suites: SuiteRecord[];
  indices: IndexRecord[];
  /** Name of the folder in which the solver finds all of this root's indices. */
  solver: string | undefined;
}

/** A key that may be missing in the file and is there, undefined, once it was read. */
function maybe<Value>(schema: z.ZodType<Value>) {
  return schema.optional().transform((value) => value);
}

const optionalText = maybe(z.string());

const problemSchema = z.object({
  // Written by this program from its own list of codes.
  code: z.custom<ErrorCode>((value) => typeof value === 'string'),
  message: z.string(),
  hint: z.string().optional(),
});

const stateSchema = z.object({
  version: z.literal(1),
  signature: z.string(),
  architectures: z.array(z.string()),
  solver: optionalText,
  suites: z.array(
    z.object({
      base: z.string(),
      suite: z.string(),
      codename: z.string(),
      architectures: z.array(z.string()),
      components: z.array(z.string()),
      date: z.string(),
      validUntil: optionalText,
      notAutomatic: z.boolean(),
      butAutomaticUpgrades: z.boolean(),
    }),
  ),
  indices: z.array(
    z.object({
      base: z.string(),
      suite: z.string(),
      codename: z.string(),
      component: z.string(),
      architecture: z.string(),
      state: z.enum(['good', 'stale', 'missing']),
      lastGood: optionalText,
      problem: maybe(problemSchema),
      copy: maybe(
        z.object({
          content: z.string(),
          file: optionalText,
          size: z.number(),
          list: z.string(),
        }),
      ),
    }),
  ),
});

function emptyState(): RootState {
  return { signature: '', architectures: [], suites: [], indices: [], solver: undefined };
}

const fileOf = (root: string): string => path.join(root, 'state.json');

/** The state of a root; an empty one when there is none, or none that can be read: the next refresh makes it. */
export async function readState(root: string): Promise<RootState> {
  const content = await readFileOrUndefined(fileOf(root));
  if (content === undefined) {
    return emptyState();
  }
  try {
    return stateSchema.parse(JSON.parse(content.toString('utf8')));
  } catch {
    return emptyState();
  }
}

export async function writeState(root: string, state: RootState): Promise<void> {
  await writeFileAtomic(fileOf(root), JSON.stringify({ version: 1, ...state }));
}

/** What names an index within a root. */
export function indexId(index: {
  base: string;
  suite: string;
  component: string;
  architecture: string;
}): string {
  const { base, suite, component, architecture } = index;
  return [base.replace(/\/*$/, ''), suite, component, architecture].join(' ');
}
