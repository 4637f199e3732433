import * as fs from 'node:fs/promises';
import * as path from 'node:path';
import { exists, makeDirectoryAtomic, readFileOrUndefined } from '../core/files.ts';
import { sha256File } from '../core/hash.ts';
import type { SourcePackageRef } from '../model/packages.ts';
import type { Target } from '../model/plans.ts';
import { findSourceFolder } from '../modules/evaluate.ts';
import { layPatches } from '../modules/patches.ts';
import { type ModuleSourceInputs, writeModuleSource } from '../packager/module-source.ts';
import { sourceFileName } from '../packager/source-package.ts';
import { poolFolder } from '../publisher/names.ts';
import { parseDsc } from '../publisher/source-index.ts';
import type { Context } from './context.ts';
import { documentsOf, newestFile, readCopyright } from './prepare-target.ts';
import type { Survey } from './survey.ts';

/** The folder of the state that has a folder for each source package. */
export function sourceFolder(state: string): string {
  return path.join(state, 'source-packages');
}

/**
 * Copies a source package that is published already.
 *
 * @param folder made, unless the repository has not all of it
 * @returns whether it was there
 */
export async function takePublishedSource(
  repository: string,
  ref: SourcePackageRef,
  folder: string,
): Promise<boolean> {
  const pool = path.join(repository, poolFolder('main', ref.name));
  const dsc = `${sourceFileName(ref)}.dsc`;
  const text = (await readFileOrUndefined(path.join(pool, dsc)))?.toString('utf8');
  const parsed = text === undefined ? undefined : parseDsc(text);
  if (parsed === undefined) {
    return false;
  }
  for (const { name, hash } of parsed.files) {
    const file = path.join(pool, name);
    if (!(await exists(file)) || (await sha256File(file)) !== hash) {
      return false;
    }
  }
  await makeDirectoryAtomic(folder, async (temporary) => {
    for (const name of [dsc, ...parsed.files.map((file) => file.name)]) {
      await fs.copyFile(path.join(pool, name), path.join(temporary, name));
    }
  });
  return true;
}

/**
 * Makes the source package of a target's module.
 *
 * @param folder made
 * @throws LockstepError as the archive's fetch does, SOURCE_UNAVAILABLE, DISK_FULL
 */
export async function makeModuleSource(
  context: Context,
  survey: Survey,
  { module, kernel }: Target,
  inputs: ModuleSourceInputs,
  folder: string,
): Promise<void> {
  const archive =
    kernel.headers === undefined ? context.archives[0]?.archive : survey.archiveOf(kernel);
  if (archive === undefined) {
    throw new Error('no archive');
  }
  const unpacked = await context.storeOf(archive).moduleSource(module.source);
  const source = await findSourceFolder(unpacked);
  const scratch = await fs.mkdtemp(path.join(context.work, 'source-'));
  try {
    const names = await layPatches(inputs.patches, scratch);
    const patches = names.map(async (name) => ({
      name,
      content: await fs.readFile(path.join(scratch, 'usr/lib/lockstep/patches', name)),
    }));
    await writeModuleSource(folder, inputs, {
      unpacked,
      folder: source.name,
      copyright: await readCopyright(unpacked, documentsOf(module)),
      patches: await Promise.all(patches),
      epoch: await newestFile(source.path),
    });
  } finally {
    await fs.rm(scratch, { recursive: true, force: true });
  }
}
