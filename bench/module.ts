/**
 * One module's build by Lockstep against bare make and against `dkms build`, in one call: the same headers, compilers
 * of the same suite, as many at once.
 *
 *     scripts/with-node node bench/module.ts trixie 6.12.118+deb13-amd64 v4l2loopback-dkms [PACKAGE...]
 *
 * Lockstep's time has everything from the prepared root on: evaluation of the dkms.conf, sandbox, build, verification,
 * record. TIMES=5 repeats each and takes the fastest. MAKE=no leaves bare make out, for modules that take a quarter of an hour.
 */
import * as fs from 'node:fs/promises';
import * as path from 'node:path';
import { moduleNameOf } from '../src/modules/find.ts';
import { executeTarget } from '../src/run/execute-target.ts';
import { chooseKernels, readKernels } from '../test/parity/kernels.ts';
import { dkmsMachine } from '../test/parity/machine.ts';
import { readMorePackages } from '../test/parity/more-packages.ts';
import { tryPackage } from '../test/parity/try-package.ts';
import { usualSuites } from '../test/support/mirror.ts';
import { printRatios, type Ratio, ROOT, timed } from './support.ts';
import { bareMake, openBenchSuite, targetOf } from './target.ts';

const [suite = '', release = '', ...packages] = process.argv.slice(2);
const FOLDER = path.join(ROOT, 'out/bench/neighbour');
const hasMake = process.env['MAKE'] !== 'no';
const times = Number(process.env['TIMES'] ?? 1);

/** The fastest of some tries. */
async function fastest(measure: () => Promise<number>): Promise<number> {
  let best = Number.POSITIVE_INFINITY;
  for (let count = 0; count < times; count += 1) {
    best = Math.min(best, await measure());
  }
  return best;
}

const bench = await openBenchSuite(FOLDER, suite, packages);
const { context, plan, trees } = bench;
const [kernel] = chooseKernels(await readKernels(usualSuites(suite)), release);
if (kernel === undefined) {
  throw new Error(`${suite} has no kernel ${release}`);
}
const machine = await dkmsMachine(suite, kernel);
const moreOf = await readMorePackages();
const ratios: Ratio[] = [];
for (const name of packages) {
  const target = targetOf(bench, moduleNameOf(name), release);
  const found = machine.packages.find((entry) => entry.name === name);
  if (found === undefined) {
    throw new Error(`${suite} has no package ${name}`);
  }
  const logs = path.join(FOLDER, 'dkms', name);
  const dkms = await fastest(async () => {
    const end = await tryPackage(machine, found, { release, more: moreOf(name), jobs: 2, logs });
    if (end.status !== 0) {
      throw new Error(`dkms build ${name} ended with ${end.status}`);
    }
    return end.seconds;
  });
  const make = hasMake ? await fastest(() => bareMake(bench, target)) : undefined;
  const ours = await fastest(async () => {
    await fs.rm(path.join(context.config.state, 'cache/objects'), { recursive: true, force: true });
    const { survey } = plan;
    const kernelTrees = trees.of(survey.archiveOf(target.kernel));
    const { seconds, result } = await timed(() =>
      executeTarget(context, survey, target, target.key ?? '', kernelTrees),
    );
    if (result.outcome !== 'built') {
      throw new Error(`${name}: ${result.reason}`);
    }
    return seconds;
  });
  const references = { 'bare make': make, 'dkms build': dkms };
  for (const [against, reference] of Object.entries(references)) {
    if (reference !== undefined) {
      ratios.push({ name: `${name}: against ${against}`, ours, reference, unit: 's' });
    }
  }
}
printRatios(`Building for ${release}`, 'wall seconds', ratios);
await context.close();
