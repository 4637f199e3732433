import * as fs from 'node:fs/promises';
import * as path from 'node:path';
import { stringify } from 'yaml';
import { buildEnvironment, buildPathOf, type BuildRequest } from '../src/builder/build.ts';
import { loadConfig } from '../src/config/load.ts';
import type { DkmsConf } from '../src/model/modules.ts';
import type { Target } from '../src/model/plans.ts';
import { runSandbox } from '../src/programs/sandbox.ts';
import { removeTree } from '../src/programs/remove-tree.ts';
import { type Context, openContext } from '../src/run/context.ts';
import { TreesOfArchives } from '../src/run/kernel-trees.ts';
import { planAll, type SurveyPlan } from '../src/run/plan.ts';
import {
  buildRequestOf,
  evaluateTarget,
  type Prepared,
  prepareTarget,
} from '../src/run/prepare-target.ts';

/** All kernels of a suite and some of its modules, in a folder of a bench's own. */
export interface BenchSuite {
  context: Context;
  plan: SurveyPlan;
  trees: TreesOfArchives;
}

/**
 * Opens a suite with its updates and security, all components, all kernels of amd64.
 *
 * @param folder gets configuration and state; downloads stay there for the next call
 * @param packages DKMS packages
 */
export async function openBenchSuite(
  folder: string,
  suite: string,
  packages: readonly string[],
): Promise<BenchSuite> {
  await fs.mkdir(folder, { recursive: true });
  const file = path.join(folder, `${suite}.yaml`);
  await fs.writeFile(
    file,
    stringify({
      repository: { origin: 'Bench', directory: `./${suite}/repository` },
      state: `./${suite}/state`,
      archives: [
        {
          suites: suite === 'sid' ? ['sid'] : [suite, `${suite}-updates`, `${suite}-security`],
          components: ['main', 'contrib', 'non-free'],
          checkValidUntil: false,
        },
      ],
      kernels: { architectures: ['amd64'], flavours: 'all', abis: 'all' },
      modules: packages.map((name) => ({ package: name })),
      cache: { checkEvery: 0 },
    }),
  );
  const context = await openContext({
    config: await loadConfig(file),
    emit: () => undefined,
    signal: new AbortController().signal,
    command: 'bench',
    wait: 0,
    exclusive: true,
  });
  const plan = await planAll(context, { refresh: process.env['OFFLINE'] !== '1' });
  return { context, plan, trees: new TreesOfArchives(context) };
}

/** The target of a module and a kernel's release. @throws Error when there is none */
export function targetOf({ plan }: BenchSuite, module: string, release: string): Target {
  const found = plan.plan.targets.find(
    (target) => target.module.name === module && target.kernel.release === release,
  );
  if (found === undefined) {
    throw new Error(`no target ${module} for ${release}`);
  }
  return found;
}

/** What a target's builds begin with. */
export async function prepareBuild(
  { context, plan: { survey }, trees }: BenchSuite,
  target: Target,
): Promise<{ prepared: Prepared; conf: DkmsConf; request: BuildRequest }> {
  const { kernel } = target;
  const kernelTrees = trees.of(survey.archiveOf(kernel));
  const prepared = await prepareTarget(context, survey, target, kernelTrees);
  const conf = await evaluateTarget(context, prepared);
  return { prepared, conf, request: buildRequestOf(context, prepared, conf) };
}

/** Wall seconds of the make command of a target alone, in the root of its build. */
export async function bareMake(bench: BenchSuite, target: Target): Promise<number> {
  const { prepared, conf, request } = await prepareBuild(bench, target);
  const { jobs } = bench.context;
  const make = conf.make.replace(/^make/, `make -j${jobs} KERNELRELEASE=${target.kernel.release}`);
  const { status } = await runSandbox({
    ...request,
    buildPath: buildPathOf(conf),
    env: {
      ...buildEnvironment(request),
      ...{ make, pre: conf.preBuild ?? '' },
      // As builds do it where the command is not make itself.
      ...(conf.make.startsWith('make') ? {} : { MAKEFLAGS: `-j${jobs}` }),
    },
    command: [
      'bash',
      '-c',
      'begin=$EPOCHREALTIME; { [ -z "$pre" ] || eval "./$pre"; eval "$make"; } >/dev/null 2>&1 || exit; echo "$begin $EPOCHREALTIME" >/out/times',
    ],
  });
  if (status !== 0) {
    throw new Error(`${target.module.name}: make ended with ${status}`);
  }
  const times = (await fs.readFile(path.join(request.folder, 'out/times'), 'utf8'))
    .split(' ')
    .map(Number);
  await removeTree(prepared.folder);
  return (times[1] ?? 0) - (times[0] ?? 0);
}
