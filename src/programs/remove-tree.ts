import * as fs from 'node:fs/promises';
import { errnoOf } from '../core/errors.ts';
import { runProgram } from './run.ts';
import { runsAsRoot } from './sandbox.ts';

/** Removes a scratch folder, also what overlayfs or an archive leaves without permissions for an ordinary user. */
export async function removeTree(directory: string): Promise<void> {
  try {
    // Most are empty or not there: no program is started for these.
    await fs.rmdir(directory);
    return;
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') {
      return;
    }
  }
  if (!runsAsRoot()) {
    await runProgram('chmod', ['-R', 'u+rwX', '--', directory], { allowFailure: true });
  }
  // rm(1) also removes what lies deeper than a path can be long.
  await runProgram('rm', ['-rf', '--', directory]);
}
