/**
 * The next kernel's build, which takes from the one before what is the same, against a clean build of it; in the same
 * roots, in one call. The files of both are compared byte by byte.
 *
 *     scripts/with-node node bench/neighbour.ts trixie 6.12.115+deb13-amd64 6.12.116+deb13-amd64 jool-dkms zfs-dkms ...
 *
 * The clean build has as many compilers as DKMS would have. Processor seconds of build.bash and all that it runs; wall seconds beside them.
 */
import * as fs from 'node:fs/promises';
import * as path from 'node:path';
import { buildModule, type BuildResult } from '../src/builder/build.ts';
import type { Target } from '../src/model/plans.ts';
import { moduleNameOf } from '../src/modules/find.ts';
import { buildTarget } from '../src/run/build-target.ts';
import { removeTree } from '../src/programs/remove-tree.ts';
import { printRatios, type Ratio, ROOT, timed } from './support.ts';
import { openBenchSuite, prepareBuild, targetOf } from './target.ts';

const [suite = '', first = '', second = '', ...packages] = process.argv.slice(2);
const FOLDER = path.join(ROOT, 'out/bench/neighbour');

/** Seconds of `0m1.234s`. */
function secondsOf(word: string): number {
  const match = /^(?<minutes>\d+)m(?<seconds>[\d.]+)s$/.exec(word)?.groups;
  return Number(match?.['minutes'] ?? 0) * 60 + Number(match?.['seconds'] ?? 0);
}

interface Run {
  result: BuildResult;
  wall: number;
  cpu: number;
}

const bench = await openBenchSuite(FOLDER, suite, packages);
const { context, plan } = bench;
const { survey } = plan;
await fs.rm(path.join(context.config.state, 'cache/objects'), { recursive: true, force: true });

async function build(target: Target, isClean: boolean): Promise<Run> {
  const { prepared, request } = await prepareBuild(bench, target);
  const { seconds, result } = await timed(() =>
    isClean
      ? buildModule({ ...request, isSequential: true })
      : buildTarget(context, survey, target, prepared, request).then((end) => end.result),
  );
  const times = await fs.readFile(path.join(request.folder, 'out/times'), 'utf8');
  const cpu = times.split(/\s+/).reduce((sum, word) => sum + secondsOf(word), 0);
  if (result.outcome !== 'built') {
    process.stdout.write(`${target.module.name} ${target.kernel.release}: ${result.reason}\n`);
    await fs.copyFile(prepared.log, path.join(FOLDER, `${target.module.name}.log`));
  }
  await removeTree(prepared.folder);
  return { result, wall: seconds, cpu };
}

function isSame(a: BuildResult, b: BuildResult): boolean {
  return (
    a.outcome === 'built' &&
    b.outcome === 'built' &&
    a.files.every(({ content }, at) => b.files[at]?.content.equals(content) === true)
  );
}

const ratios: Ratio[] = [];
let same = true;
const sums = { ours: 0, reference: 0 };
for (const name of packages.map(moduleNameOf)) {
  const kept = await build(targetOf(bench, name, first), false);
  const next = await build(targetOf(bench, name, second), false);
  const clean = await build(targetOf(bench, name, second), true);
  const equal = isSame(next.result, clean.result);
  same &&= equal;
  sums.ours += next.cpu;
  sums.reference += clean.cpu;
  const row = (what: string, ours: number, reference: number): Ratio => ({
    name: `${name}: ${what}`,
    ours,
    reference,
    unit: 's',
  });
  ratios.push(
    row(`next kernel, processor${equal ? '' : ' (BYTES DIFFER)'}`, next.cpu, clean.cpu),
    row('next kernel, wall', next.wall, clean.wall),
    row('first kernel (keeps objects), processor', kept.cpu, clean.cpu),
  );
  process.stdout.write(
    `${name}: first ${kept.cpu.toFixed(1)} s, next ${next.cpu.toFixed(1)} s, clean ${clean.cpu.toFixed(1)} s, bytes ${equal ? 'equal' : 'DIFFER'}\n`,
  );
}
ratios.push({ name: 'all: next kernel, processor', ...sums, unit: 's' });
printRatios(`From ${first} to ${second}`, 'a clean build of the second', ratios);
await context.close();
process.exitCode = same ? 0 : 1;
