/**
 * Adding packages to a repository of 50,000 packages of eight architectures: Lockstep beside aptly and reprepro, each in
 * a process of its own, in turn, in one call.
 *
 *     scripts/with-node node bench/publish.ts [FOLDER]
 *
 * Making the three repositories takes some minutes and gigabytes the first time; they are kept in FOLDER
 * (out/bench/publish), and what a call adds is taken out by the next one. Needs aptly and reprepro.
 */
import { spawnSync } from 'node:child_process';
import * as fs from 'node:fs';
import * as path from 'node:path';
import { writeDebs } from './publish/debs.ts';
import { type Cost, measure } from './publish/measure.ts';
import { aptly, lockstep, makeKey, reprepro, type Tool } from './publish/tools.ts';
import { printRatios, type Ratio, ROOT } from './support.ts';

const PACKAGES = 50_000;
const MANY = 1000;
const ROUNDS = 3;
/** Packages of one call when the repositories are made: a command line has an end. */
const BATCH = 10_000;

const folder = path.resolve(process.argv[2] ?? path.join(ROOT, 'out/bench/publish'));
const home = path.join(folder, 'gnupg');
fs.mkdirSync(folder, { recursive: true });
const tools = [lockstep(folder), reprepro(folder, home), aptly(folder, home)];
const missing = tools.flatMap(({ program }) =>
  program !== undefined && spawnSync('which', [program]).status !== 0 ? [program] : [],
);
if (missing.length > 0) {
  process.stderr.write(`bench/publish.ts: apt-get install ${missing.join(' ')}\n`);
  process.exit(3);
}
makeKey(home);
process.stdout.write(`packages in ${folder}\n`);
const debs = writeDebs(path.join(folder, 'debs'), 0, PACKAGES + ROUNDS + MANY);
const base = debs.slice(0, PACKAGES);

/** Makes a tool's repository have the first packages, and no other ones. */
async function prepare(tool: Tool): Promise<void> {
  const mark = path.join(folder, `${tool.name}.made`);
  if (!fs.existsSync(mark)) {
    for (let from = 0; from < base.length; from += BATCH) {
      process.stdout.write(`${tool.name}: ${from} of ${base.length}\n`);
      const command = tool.add(base.slice(0, from + BATCH), base.slice(from, from + BATCH));
      await measure(command, tool.environment);
    }
    fs.writeFileSync(mark, '');
  }
  for (const command of tool.remove(base, debs.slice(PACKAGES))) {
    await measure(command, tool.environment);
  }
}

function median(values: readonly number[]): number {
  return values.toSorted((left, right) => left - right)[Math.floor(values.length / 2)] ?? 0;
}

function medianCost(costs: readonly Cost[]): Cost {
  return {
    wall: median(costs.map(({ wall }) => wall)),
    cpu: median(costs.map(({ cpu }) => cpu)),
    memory: median(costs.map(({ memory }) => memory)),
  };
}

for (const tool of tools) {
  await prepare(tool);
}
const one = new Map<Tool, Cost[]>(tools.map((tool) => [tool, []]));
for (let round = 0; round < ROUNDS; round += 1) {
  for (const tool of tools) {
    const count = PACKAGES + round;
    const command = tool.add(debs.slice(0, count + 1), debs.slice(count, count + 1));
    one.get(tool)?.push(await measure(command, tool.environment));
  }
}
const many = new Map<Tool, Cost>();
for (const tool of tools) {
  const command = tool.add(debs, debs.slice(PACKAGES + ROUNDS));
  many.set(tool, await measure(command, tool.environment));
}

const [ours, ...others] = tools;
const costs = [
  { what: '1', of: (tool: Tool) => medianCost(one.get(tool) ?? []) },
  { what: String(MANY), of: (tool: Tool) => many.get(tool) },
];
for (const other of others) {
  const ratios = costs.flatMap(({ what, of }): Ratio[] => {
    const [own, reference] = [ours === undefined ? undefined : of(ours), of(other)];
    return own === undefined || reference === undefined
      ? []
      : [
          { name: `${what} more: wall`, ours: own.wall, reference: reference.wall, unit: 's' },
          { name: `${what} more: processor`, ours: own.cpu, reference: reference.cpu, unit: 's' },
          {
            name: `${what} more: memory, all processes`,
            ...{ ours: own.memory, reference: reference.memory, unit: 'MB' },
          },
        ];
  });
  printRatios(`Added to ${PACKAGES} packages`, other.name, ratios);
}
