/**
 * A plan of 60 modules × 1,500 kernels in five suites, made up, and of ten times as many of either: wall and peak memory
 * of each in a process of its own, beside JSON.stringify of the same targets and a sort of them in the same process.
 *
 *     scripts/with-node node bench/plan.ts
 */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { z } from 'zod';
import { kernelId, moduleId } from '../src/planner/names.ts';
import { makePlan } from '../src/planner/plan.ts';
import { planInputs } from './plan-inputs.ts';
import { printRatios, timed } from './support.ts';

/** What one size takes. */
const figuresSchema = z.object({
  targets: z.number(),
  kept: z.number(),
  /** Seconds of a plan with an empty ledger. */
  first: z.number(),
  /** Seconds of a plan when most is built and published. */
  settled: z.number(),
  /** Seconds of the hashes alone that it asks for. */
  hashes: z.number(),
  stringify: z.number(),
  sort: z.number(),
  /** Peak memory of the process in MB before and after the plan: the first is what the inputs take. */
  before: z.number(),
  after: z.number(),
});
type Figures = z.output<typeof figuresSchema>;

function peak(): number {
  return process.resourceUsage().maxRSS / 1024;
}

async function measure(modules: number, kernels: number): Promise<Figures> {
  const { first, settled } = planInputs(modules, kernels);
  const before = peak();
  const { seconds, result: plan } = await timed(async () => makePlan(settled));
  const after = peak();
  const empty = await timed(async () => makePlan(first).targets.length);
  const hashes = await timed(async () => {
    for (const { module, kernel } of plan.targets) {
      settled.keyOf(module, kernel);
      settled.inputsOf(module, kernel);
    }
  });
  const stringify = await timed(async () =>
    plan.targets.reduce((length, target) => length + JSON.stringify(target).length, 0),
  );
  const sort = await timed(async () => {
    const names = plan.targets.map(
      ({ module, kernel }) => `${moduleId(module)} ${kernelId(kernel)}`,
    );
    return names.toReversed().toSorted();
  });
  return {
    ...{ targets: plan.targets.length, kept: plan.kept.length, first: empty.seconds },
    ...{ settled: seconds, hashes: hashes.seconds, stringify: stringify.seconds },
    ...{ sort: sort.seconds, before, after },
  };
}

async function measureApart(modules: number, kernels: number): Promise<Figures> {
  const { stdout } = await promisify(execFile)(process.execPath, [
    // As the launcher starts the program, and no more heap than the aim allows for 90,000 targets.
    '--max-semi-space-size=4',
    `--max-old-space-size=${Math.ceil((280 * modules * kernels) / 90_000)}`,
    import.meta.filename,
    `${modules}`,
    `${kernels}`,
  ]);
  return figuresSchema.parse(JSON.parse(stdout));
}

function print(title: string, figures: Figures): void {
  printRatios(`${title}: ${figures.targets} targets, ${figures.kept} kept`, 'as named', [
    {
      name: 'plan, of JSON.stringify',
      ours: figures.settled,
      reference: figures.stringify,
      unit: 's',
    },
    { name: 'plan, of a sort by name', ours: figures.settled, reference: figures.sort, unit: 's' },
    { name: 'plan, of its hashes', ours: figures.settled, reference: figures.hashes, unit: 's' },
    {
      name: 'first plan, of JSON.stringify',
      ours: figures.first,
      reference: figures.stringify,
      unit: 's',
    },
    {
      name: 'peak memory, of that of the inputs',
      ours: figures.after,
      reference: figures.before,
      unit: 'MB',
    },
  ]);
}

/** What a target takes in a larger plan, of what it takes in a smaller one. */
function printGrowth(title: string, small: Figures, large: Figures): void {
  const each = (figures: Figures, total: number): number => (total / figures.targets) * 1e6;
  printRatios(`${title}: a million targets`, 'as many in the small plan', [
    {
      name: 'plan',
      ours: each(large, large.settled),
      reference: each(small, small.settled),
      unit: 's',
    },
    {
      name: 'first plan',
      ours: each(large, large.first),
      reference: each(small, small.first),
      unit: 's',
    },
    {
      name: 'peak memory',
      ours: each(large, large.after),
      reference: each(small, small.after),
      unit: 'MB',
    },
  ]);
}

const [modules, kernels] = process.argv.slice(2).map(Number);
if (modules !== undefined && kernels !== undefined) {
  process.stdout.write(JSON.stringify(await measure(modules, kernels)));
} else {
  const small = await measureApart(60, 1500);
  print('60 modules × 1,500 kernels', small);
  const moreModules = await measureApart(600, 1500);
  print('600 modules × 1,500 kernels', moreModules);
  const moreKernels = await measureApart(60, 15_000);
  print('60 modules × 15,000 kernels', moreKernels);
  printGrowth('600 modules × 1,500 kernels', small, moreModules);
  printGrowth('60 modules × 15,000 kernels', small, moreKernels);
}
