import * as path from 'node:path';
import { LockstepError } from '../core/errors.ts';
import { readUntrustedFile } from '../core/files.ts';
import type { ModuleFile } from './verify.ts';

/** Bytes of the largest module file that is read. */
const LARGEST = 512 * 1024 * 1024;

/**
 * Reads uncompressed module files that an untrusted build left: plain files only, of a sane size.
 *
 * @throws LockstepError VERIFY_FAILED naming the first file that is not one
 */
export async function readModuleFiles(files: readonly string[]): Promise<ModuleFile[]> {
  const modules: ModuleFile[] = [];
  for (const file of files) {
    const content = await readUntrustedFile(file, LARGEST);
    if (content === undefined) {
      throw new LockstepError(
        'VERIFY_FAILED',
        `${file} is not a plain file of at most ${LARGEST} bytes`,
      );
    }
    modules.push({ name: path.basename(file), content });
  }
  return modules;
}
