import * as fs from 'node:fs/promises';
import * as path from 'node:path';
import { z } from 'zod';
import { sha256File } from '../core/hash.ts';
import { readFileOrUndefined, writeFileAtomic } from '../core/files.ts';
import { type DebMetadata, readDeb } from './deb.ts';

const cacheSchema = z.object({
  format: z.literal(1),
  /** Hash by a file's identity. */
  files: z.record(z.string(), z.string()),
  /** Metadata by hash. */
  debs: z.record(
    z.string(),
    z.object({
      name: z.string(),
      version: z.string(),
      architecture: z.string(),
      source: z.string(),
      size: z.number(),
      sha256: z.string(),
      control: z.string(),
    }),
  ),
});

/** Entries that no run of late has asked for, kept above those that were. */
const SPARE_ENTRIES = 20_000;

/** Remembers what was read of packages, so that a known file costs one stat(2). */
export interface DebCache {
  /** Hash and size of a file; computed when no file with this inode, size and time stamp is known. */
  identify(file: string): Promise<{ sha256: string; size: number }>;
  /**
   * A package's metadata.
   *
   * @throws LockstepError REPOSITORY_INVALID
   */
  read(file: string, signal?: AbortSignal): Promise<DebMetadata>;
  /** Writes what is new to disk. */
  save(): Promise<void>;
}

async function load(file: string): Promise<z.infer<typeof cacheSchema>> {
  const text = (await readFileOrUndefined(file))?.toString('utf8') ?? '';
  try {
    return cacheSchema.parse(JSON.parse(text));
  } catch {
    return { format: 1, files: {}, debs: {} };
  }
}

/** The newest entries: those used in this run, then others up to the limit. */
function trim<T>(entries: Map<string, T>, used: ReadonlySet<string>): Record<string, T> {
  const all = [...entries];
  const recent = all.filter(([key]) => used.has(key));
  const spare = all.filter(([key]) => !used.has(key)).slice(-SPARE_ENTRIES);
  return Object.fromEntries([...spare, ...recent]);
}

/**
 * Opens the cache. It can be deleted at any time; one that is damaged counts as empty.
 *
 * A file is taken for known by device, inode, size and modification time: a hard link has them too, so that a
 * package placed in the pool is known at once. (The change time is no part of it: linking changes it.)
 */
export async function openDebCache(stateDirectory: string): Promise<DebCache> {
  const file = path.join(stateDirectory, 'publisher-cache.json');
  const stored = await load(file);
  const files = new Map(Object.entries(stored.files));
  const debs = new Map(Object.entries(stored.debs));
  const used = new Set<string>();
  let changed = false;

  async function identify(deb: string): Promise<{ sha256: string; size: number }> {
    const status = await fs.stat(deb, { bigint: true });
    const key = `${status.dev}:${status.ino}:${status.size}:${status.mtimeNs}`;
    used.add(key);
    let hash = files.get(key);
    if (hash === undefined) {
      hash = await sha256File(deb);
      files.set(key, hash);
      changed = true;
    }
    return { sha256: hash, size: Number(status.size) };
  }

  return {
    identify,
    async read(deb, signal) {
      const identity = await identify(deb);
      used.add(identity.sha256);
      let metadata = debs.get(identity.sha256);
      if (metadata === undefined) {
        metadata = await readDeb(deb, identity, signal);
        debs.set(identity.sha256, metadata);
        changed = true;
      }
      return metadata;
    },
    async save() {
      if (changed) {
        const content = { format: 1, files: trim(files, used), debs: trim(debs, used) };
        await writeFileAtomic(file, JSON.stringify(content));
        changed = false;
      }
    },
  };
}
