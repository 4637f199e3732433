import * as fs from 'node:fs/promises';
import * as path from 'node:path';
import { answersHash, writeAnswersLayer } from '../builder/answers.ts';
import type { BuildRequest } from '../builder/build.ts';
import { rootHash } from '../builder/store.ts';
import { endsAll, LockstepError } from '../core/errors.ts';
import type { Target } from '../model/plans.ts';
import { removeTree } from '../programs/remove-tree.ts';
import type { Context } from './context.ts';
import type { Survey } from './survey.ts';

/**
 * The layer with the compiler's answers that a target's build begins with; none when they can't be got, which costs only
 * time.
 *
 * @param layers with nothing of any module
 * @throws LockstepError INTERRUPTED, DISK_FULL
 */
export async function findAnswers(
  context: Context,
  survey: Survey,
  { module, kernel }: Target,
  layers: readonly string[],
  { env, limits, signal }: BuildRequest,
): Promise<string[]> {
  const store = context.storeOf(survey.archiveOf(kernel));
  // The last is the one with the compiler, which builds for the kernel share.
  const root = rootHash(survey.rootOf(module, kernel).at(-1) ?? []);
  try {
    const layer = await store.answers(answersHash(root, kernel), async (temporary) => {
      const folder = await fs.mkdtemp(path.join(context.work, 'answers-'));
      const log = path.join(folder, 'log');
      try {
        await writeAnswersLayer(temporary, { folder, layers, env, limits, log, signal });
      } finally {
        await removeTree(folder);
      }
    });
    return [layer];
  } catch (error) {
    if (error instanceof LockstepError && !endsAll(error)) {
      return [];
    }
    throw error;
  }
}
