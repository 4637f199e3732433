import { z } from 'zod';
import type { BuildRecord } from '../model/records.ts';
import type { HistoryLine, KernelSighting } from '../model/sightings.ts';

const installedSchema = z.array(
  z.object({ name: z.string(), version: z.string(), architecture: z.string() }),
);

const hex64 = z.string().regex(/^[0-9a-f]{64}$/);

/** Empty where it is not known, also in files of earlier versions. */
const hex64OrNone = z.union([hex64, z.literal('')]).default('');

/** A record as it lies on disk; what it does not fit is treated as if it were not there. */
export const recordSchema = z.object({
  key: hex64,
  module: z.string(),
  moduleVersion: z.string(),
  release: z.string(),
  architecture: z.string(),
  kernelVersion: z.string(),
  outcome: z.enum(['built', 'excluded', 'in-tree', 'failed', 'broken', 'blocked']),
  reason: z.string(),
  started: z.iso.datetime(),
  finished: z.iso.datetime(),
  seconds: z.number(),
  modules: z.array(
    z.object({
      file: z.string().regex(/^[A-Za-z0-9][A-Za-z0-9_.+~-]*\.ko$/),
      sha256: hex64,
      size: z.number(),
      vermagic: z.string(),
      license: z.string(),
      depends: z.array(z.string()),
    }),
  ),
  compression: z.enum(['none', 'gzip', 'xz', 'zstd']),
  modulesDirectory: z.enum(['/usr/lib/modules', '/lib/modules']),
  headersSource: z.string(),
  initramfs: z.boolean(),
  sourceDateEpoch: z.number(),
  inputs: hex64OrNone,
  root: hex64OrNone,
  attempts: z.number(),
  compiled: z.object({ taken: z.number(), made: z.number() }).optional(),
  dkms: z.object({ name: z.string(), version: z.string() }).optional(),
  needs: z.array(z.string()).optional(),
  builtOn: z.array(z.object({ module: z.string(), key: hex64 })).optional(),
  beside: installedSchema.optional(),
}) satisfies z.ZodType<BuildRecord>;

/** A record from its JSON; undefined when it is not one of this version of Lockstep. */
export function parseRecord(json: unknown): BuildRecord | undefined {
  if (typeof json !== 'string') {
    return undefined;
  }
  try {
    const parsed = recordSchema.safeParse(JSON.parse(json));
    return parsed.success ? parsed.data : undefined;
  } catch {
    return undefined;
  }
}

/** The packages of a build root, as they lie on disk. */
export const rootSchema = installedSchema;

/** Whose source package a DKMS package's is, by its SHA-256: the archive's own, or one that is made here. */
export const sourceNotesSchema = z.record(hex64, z.enum(['archive', 'made']));
export type SourceNotes = z.output<typeof sourceNotesSchema>;

export const seenSchema = z.record(z.string(), z.iso.datetime());

export const publicationsSchema = z.record(
  z.string(),
  z.record(
    z.string(),
    z.object({
      version: z.string(),
      architecture: z.string(),
      /** Folder and file below the state's `packages`. */
      file: z.string(),
      sha256: hex64,
      /** Hash of everything the package was made of: while it is the same, the package is not made again. */
      identity: hex64,
      since: z.iso.datetime(),
      /** The build key; undefined for a package without a build of its own. */
      key: hex64.optional(),
      // What follows is missing in files of earlier versions.
      kind: z.enum(['module', 'tracking', 'prebuilt', 'guard', 'keyring']).optional(),
      module: z.string().optional(),
      moduleVersion: z.string().optional(),
      /** The kernel that it is for, or points to: `release/architecture/version`. */
      kernel: z
        .string()
        .regex(/^[^/]+\/[^/]+\/[^/]+$/)
        .optional(),
      /** Architecture, source and flavour of that kernel: kernels of one line follow each other. */
      line: z.string().optional(),
      /** The kernel metapackage that a tracking package goes with, without `linux-image-`. */
      track: z.string().optional(),
      /** Its source package, and that of the recipe where the first one has not got it. */
      sources: z.array(z.object({ name: z.string(), version: z.string() })).optional(),
      /** What it was built with: a file beside the package's, and the build that it tells of. */
      buildinfo: z.object({ file: z.string(), sha256: hex64, key: hex64 }).optional(),
    }),
  ),
);

/** Published packages: suite → `name:architecture` → what is there. */
export type Publications = z.output<typeof publicationsSchema>;
export type Publication = Publications[string][string];

const instant = z.iso.datetime();
const kernelName = { release: z.string(), architecture: z.string(), version: z.string() };
const kernelDescription = {
  flavour: z.string(),
  abi: z.string(),
  source: z.string(),
  image: z.string(),
};
const appearance = {
  ...kernelName,
  ...kernelDescription,
  suite: z.string(),
  isNew: z.boolean(),
  first: instant,
  hasHeaders: z.boolean(),
};

/** A line of `history.jsonl`. */
export const historyLineSchema = z.object({
  run: z.int().positive(),
  at: instant,
  changes: z.array(
    z.discriminatedUnion('type', [
      z.object({ type: z.literal('appeared'), ...appearance }),
      z.object({ type: z.literal('new-version'), from: z.string(), ...appearance }),
      z.object({ type: z.enum(['headers-back', 'headers-gone']), ...kernelName }),
      z.object({
        type: z.literal('track-moved'),
        suite: z.string(),
        architecture: z.string(),
        track: z.string(),
        from: z.string().optional(),
        fromVersion: z.string().optional(),
        to: z.string().optional(),
        toVersion: z.string().optional(),
      }),
      z.object({
        type: z.literal('left'),
        suite: z.string(),
        isLast: z.boolean(),
        ...kernelName,
      }),
    ]),
  ),
}) satisfies z.ZodType<HistoryLine>;

/** `kernels.json`; a file that is not there is one without kernels. */
export const sightingsSchema = z.object({
  format: z.literal(1).default(1),
  /** The last line of the history that is in it. */
  run: z.int().nonnegative().default(0),
  /** Bytes of the history up to that line's end: what follows is not in it yet. */
  bytes: z.int().nonnegative().default(0),
  kernels: z
    .array(
      z.object({
        ...kernelName,
        ...kernelDescription,
        first: instant,
        last: instant,
        suites: z.record(z.string(), z.object({ since: instant, tracks: z.array(z.string()) })),
        headers: z.object({
          state: z.enum(['there', 'gone']),
          since: instant,
          neverSeen: z.boolean(),
        }),
        left: instant.optional(),
      }) satisfies z.ZodType<KernelSighting>,
    )
    .default([]),
});
