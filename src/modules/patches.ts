import * as fs from 'node:fs/promises';
import * as path from 'node:path';
import { errnoOf, LockstepError } from '../core/errors.ts';
import { sha256 } from '../core/hash.ts';
import type { ModulePatch } from '../model/modules.ts';

const MAX_BYTES = 64 * 1024 * 1024;

/** A patch as a configuration names it. */
export interface PatchRequest {
  /** Absolute path. */
  file: string;
  kernels?: string | undefined;
}

/**
 * Reads a module's patches as they are now.
 *
 * @throws LockstepError SOURCE_UNAVAILABLE
 */
export function readPatches(requests: readonly PatchRequest[]): Promise<ModulePatch[]> {
  return Promise.all(
    requests.map(async ({ file, kernels }) => {
      const content = await readPatchFile(file);
      return { name: path.basename(file), path: file, sha256: sha256(content), kernels };
    }),
  );
}

async function readPatchFile(file: string): Promise<Buffer> {
  try {
    const stat = await fs.stat(file);
    if (stat.isFile() && stat.size <= MAX_BYTES) {
      return await fs.readFile(file);
    }
  } catch (error) {
    const errno = errnoOf(error);
    if (errno === undefined) {
      throw error;
    }
    throw unavailable(file, errno, error);
  }
  throw unavailable(file, 'it is no file of at most 64 MiB', undefined);
}

function unavailable(file: string, why: string, cause: unknown): LockstepError {
  return new LockstepError('SOURCE_UNAVAILABLE', `the patch ${file} can't be read (${why})`, {
    hint: `ls -l '${file}'`,
    exitCode: 1,
    cause,
  });
}

/**
 * Writes patches into a folder as builds look for them: `usr/lib/lockstep/patches/<number>-<name>`.
 *
 * @returns the file names there, in the order in which they are applied
 * @throws LockstepError SOURCE_UNAVAILABLE when one is not what it was when it was read first
 */
export async function layPatches(
  patches: readonly ModulePatch[],
  layer: string,
): Promise<string[]> {
  const folder = path.join(layer, 'usr/lib/lockstep/patches');
  await fs.mkdir(folder, { recursive: true });
  const names: string[] = [];
  for (const [index, patch] of patches.entries()) {
    const content = await readPatchFile(patch.path);
    if (sha256(content) !== patch.sha256) {
      throw unavailable(patch.path, 'it has changed since this run began', undefined);
    }
    const name = `${index + 1}-${patch.name}`;
    await fs.writeFile(path.join(folder, name), content);
    names.push(name);
  }
  return names;
}
