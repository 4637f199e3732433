import * as fs from 'node:fs/promises';
import * as path from 'node:path';
import { LockstepError } from '../core/errors.ts';
import { sha256 } from '../core/hash.ts';
import type { Kernel } from '../model/kernels.ts';
import { recipeHash } from '../programs/recipe.ts';
import { runSandbox, type SandboxRequest } from '../programs/sandbox.ts';

/**
 * Name of the compiler's answers that builds begin with: a root has one compiler for an architecture, and kernels of one
 * series ask it nearly the same. Whether an answer fits is decided when it is used; what is missing is asked then.
 *
 * @param root hash of the packages that the compiler is from
 */
export function answersHash(
  root: string,
  { release, architecture }: Pick<Kernel, 'release' | 'architecture'>,
): string {
  const series = release.split('.', 2).join('.');
  return sha256([recipeHash(), root, architecture, series].join('\n'));
}

/**
 * Asks the compiler what kbuild asks it at each start, some thirty questions, and writes the answers
 * as a layer: usr/lib/lockstep/answers, as the recipe's `cc` has them. No module has a part in it, so all may rely on it.
 * Where kbuild does not work, which a module's build says better, there is no answer.
 *
 * @param request its layers: the recipe, a kernel's headers and the root with its compiler, nothing else
 * @throws LockstepError INTERRUPTED, and what the sandbox throws
 */
export async function writeAnswersLayer(
  directory: string,
  request: Pick<SandboxRequest, 'folder' | 'layers' | 'env' | 'limits' | 'log' | 'signal'>,
): Promise<void> {
  const result = await runSandbox({
    ...request,
    source: undefined,
    buildPath: '/var/lib/dkms/lockstep/answers/build',
    env: {
      ...request.env,
      module: 'lockstep',
      module_version: 'answers',
      lockstep_make: 'make',
      lockstep_modules: 'none',
      lockstep_jobs: '1',
      lockstep_objects: 'yes',
      lockstep_answers: 'yes',
    },
    command: ['bash', '/usr/lib/lockstep/build.bash', '/out'],
  });
  if (result.end === 'interrupted') {
    throw new LockstepError('INTERRUPTED', 'interrupted', { exitCode: 130 });
  }
  const answers = path.join(directory, 'usr/lib/lockstep/answers');
  await fs.mkdir(answers, { recursive: true });
  if (result.end === 'exited' && result.status === 0) {
    await fs.cp(path.join(request.folder, 'out/answers'), answers, { recursive: true });
  }
}
