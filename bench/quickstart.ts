/**
 * The quickstart's first run against the sum of the bare makes of its targets, in the same roots, in one call.
 *
 *     scripts/with-node node bench/quickstart.ts [PACKAGE...]
 *
 * Packages stand in the place of the quickstart's own: ten modules × three flavours, say.
 * Both begin with all packages downloaded. The reference runs each target's make by itself, one after another, with
 * as many compilers at once as there are cores, and counts only the time of make.
 */
import * as fs from 'node:fs/promises';
import * as path from 'node:path';
import { loadConfig } from '../src/config/load.ts';
import type { LockstepEvent } from '../src/model/events.ts';
import { type Context, openContext } from '../src/run/context.ts';
import { TreesOfArchives } from '../src/run/kernel-trees.ts';
import { planAll } from '../src/run/plan.ts';
import { run } from '../src/run/run.ts';
import { printRatios, ROOT, timed } from './support.ts';
import { bareMake } from './target.ts';

const packages = process.argv.slice(2);
const FOLDER = path.join(ROOT, 'out/bench/quickstart');

async function open(emit: (event: LockstepEvent) => void): Promise<Context> {
  const example = await fs.readFile(path.join(ROOT, 'examples/quickstart.yaml'), 'utf8');
  await fs.mkdir(FOLDER, { recursive: true });
  const file = path.join(FOLDER, 'lockstep.yaml');
  const text = example.replaceAll('../out/quickstart', '.');
  const modules = packages.map((name) => `  - package: ${name}\n`).join('');
  await fs.writeFile(
    file,
    packages.length === 0 ? text : text.replace(/^modules:[^]*/m, `modules:\n${modules}`),
  );
  return await openContext({
    config: await loadConfig(file),
    emit,
    signal: new AbortController().signal,
    command: 'bench',
    wait: 0,
    exclusive: true,
  });
}

/** Takes away all that a first run makes, but for the downloads. */
async function forget(): Promise<void> {
  const kept = new Set(['cache', 'archives']);
  for (const name of await fs.readdir(path.join(FOLDER, 'state')).catch((): string[] => [])) {
    if (!kept.has(name)) {
      await fs.rm(path.join(FOLDER, 'state', name), { recursive: true });
    }
  }
  for (const name of ['headers', 'module-layers', 'roots', 'recipes', 'closures', 'objects']) {
    await fs.rm(path.join(FOLDER, 'state/cache', name), { recursive: true, force: true });
  }
  await fs.rm(path.join(FOLDER, 'repository'), { recursive: true, force: true });
}

/** Seconds of make alone for every target that is built. */
async function bareMakes(context: Context): Promise<{ name: string; seconds: number }[]> {
  const makes: { name: string; seconds: number }[] = [];
  const plan = await planAll(context, { refresh: false });
  const trees = new TreesOfArchives(context);
  for (const target of plan.plan.targets.filter(({ record }) => record?.outcome === 'built')) {
    makes.push({
      name: `${target.module.name} ${target.kernel.release}`,
      seconds: await bareMake({ context, plan, trees }, target),
    });
  }
  return makes;
}

const phases = new Map<string, number>();
const noteEvent = (event: LockstepEvent): void => {
  if (event.type === 'phase-done') {
    phases.set(event.phase, (phases.get(event.phase) ?? 0) + event.seconds);
  }
};

let context = await open(() => undefined);
await run(context);
await context.close();
await forget();

context = await open(noteEvent);
const first = await timed(() => run(context));
await context.close();
const fetching = (phases.get('fetch') ?? 0) + (phases.get('archive') ?? 0);

context = await open(() => undefined);
const second = await timed(() => run(context));
const makes = await bareMakes(context);
await context.close();

const sum = makes.reduce((total, { seconds }) => total + seconds, 0);
for (const { name, seconds } of makes) {
  process.stdout.write(`  make ${name.padEnd(44)} ${seconds.toFixed(2)} s\n`);
}
for (const [phase, seconds] of phases) {
  process.stdout.write(`  first run, ${phase.padEnd(38)} ${seconds.toFixed(2)} s\n`);
}
printRatios('Quickstart', `sum of ${makes.length} bare makes`, [
  {
    name: 'first run, archive and fetch excluded',
    ours: first.seconds - fetching,
    reference: sum,
    unit: 's',
  },
  { name: 'first run, whole', ours: first.seconds, reference: sum, unit: 's' },
  { name: 'second run, nothing new', ours: second.seconds, reference: sum, unit: 's' },
]);
