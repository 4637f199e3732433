/**
 * From kernel to module: how long the watch takes until the modules for a new kernel ABI are published.
 *
 *     scripts/with-node node bench/lag.ts [PACKAGE...]
 *
 * A replayed archive (bench/lag-archive.ts) has trixie's own ABI first; the watch builds the modules for its three flavours
 * and settles. Then trixie-security brings its newest ABI while the watch runs. Measured is from the Date of the Release file that
 * brings it to the InRelease of the repository that names each module's package: the wait for the next look, downloads,
 * builds and publishing are in it. The reference is the sum of the bare makes of the same targets, in the same call.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import * as fs from 'node:fs/promises';
import * as path from 'node:path';
import { gunzipSync } from 'node:zlib';
import { createInterface } from 'node:readline';
import { stringify } from 'yaml';
import { loadConfig } from '../src/config/load.ts';
import { spreadOf } from '../src/core/quantiles.ts';
import { openContext } from '../src/run/context.ts';
import { TreesOfArchives } from '../src/run/kernel-trees.ts';
import { planAll } from '../src/run/plan.ts';
import { lagView } from '../src/run/views.ts';
import { steerableMirror } from '../test/support/steerable-mirror.ts';
import { replayedArchive } from './lag-archive.ts';
import { printRatios, ROOT } from './support.ts';
import { bareMake } from './target.ts';

const SMALL = [
  ...['acpi-call', 'bbswitch', 'ddcci', 'digimend', 'evdi'],
  ...['openvpn-dco', 'r8125', 'tp-smapi', 'v4l2loopback', 'vhba'],
];
const PERIOD = 10;
/** Seconds in which all shall be published. */
const LIMIT = 300;
const MINUTES = 60_000;
const FOLDER = path.join(ROOT, 'out/bench/lag');
const REPOSITORY = path.join(FOLDER, 'repository');
const config = path.join(FOLDER, 'lockstep.yaml');

const packages =
  process.argv.length > 2 ? process.argv.slice(2) : SMALL.map((name) => `${name}-dkms`);

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}

await fs.rm(FOLDER, { recursive: true, force: true });
await fs.mkdir(FOLDER, { recursive: true });
await using mirror = await steerableMirror();
const archive = await replayedArchive(mirror, FOLDER, packages);
const { keyring, before, after } = archive;
await fs.writeFile(
  config,
  stringify({
    repository: { origin: 'Bench', directory: './repository' },
    state: './state',
    archives: [
      { suites: ['trixie'], mirror: mirror.url, keyring },
      { suites: ['trixie-security'], publish: 'trixie', mirror: mirror.securityUrl, keyring },
    ],
    kernels: { architectures: ['amd64'], flavours: 'all', abis: 'newest' },
    modules: packages.map((name) => ({ package: name })),
  }),
);

const watch = spawn(
  process.execPath,
  [path.join(ROOT, 'src/cli/main.ts'), 'watch', '-c', config, '--period', String(PERIOD)],
  { stdio: ['ignore', 'ignore', 'pipe'] },
);
const lines = createInterface({ input: watch.stderr })[Symbol.asyncIterator]();

/** Waits until nothing is in work. @param tell called with each line and when it came */
async function atRest(tell: (line: string, at: number) => void): Promise<void> {
  for (let next = await lines.next(); next.done !== true; next = await lines.next()) {
    tell(next.value, Date.now());
    if (next.value.includes('what fits is published')) {
      return;
    }
  }
  throw new Error('the watch has ended');
}

/** When the modules of the new ABI were published: package → milliseconds since 1970. */
const published = new Map<string, number>();
let seen = 0;
async function notePublished(): Promise<void> {
  const dists = path.join(REPOSITORY, 'dists/trixie');
  const { mtimeMs } = await fs.stat(path.join(dists, 'InRelease'));
  if (mtimeMs !== seen) {
    seen = mtimeMs;
    const index = await fs.readFile(path.join(dists, 'main/binary-amd64/Packages.gz'));
    const text = gunzipSync(index).toString('utf8');
    for (const [, name = ''] of text.matchAll(/^Package: (.*-modules-.*)$/gm)) {
      if (name.includes(`-modules-${after}-`) && !published.has(name)) {
        published.set(name, mtimeMs);
      }
    }
  }
}

say(
  `${packages.length} modules; from ${before} to ${after}, three flavours; a look every ${PERIOD} s`,
);
const warm = Date.now();
await atRest(() => undefined);
say(`settled on ${before} after ${((Date.now() - warm) / 1000).toFixed(0)} s`);

const released = await archive.arrive();
const poll = setInterval(() => void notePublished().catch(() => undefined), 100);
const since = (at: number): string => ((at - released) / 1000).toFixed(1).padStart(7);
await atRest((line, at) => {
  if (!line.startsWith('next')) {
    say(`${since(at)} s  ${line}`);
  }
});
clearInterval(poll);
await notePublished();
watch.kill('SIGTERM');
await once(watch, 'exit');

const context = await openContext({
  config: await loadConfig(config),
  emit: () => undefined,
  signal: AbortSignal.timeout(60 * MINUTES),
  command: 'bench',
  wait: 60,
  exclusive: true,
});
const plan = await planAll(context, { refresh: false });
const trees = new TreesOfArchives(context);
const built = plan.plan.targets.filter(
  ({ kernel, record }) => kernel.abi === after && record?.outcome === 'built',
);
let makes = 0;
for (const target of built) {
  makes += await bareMake({ context, plan, trees }, target);
}
const lag = await lagView(context, plan.survey);
await context.close();

const spread = spreadOf([...published.values()].map((at) => (at - released) / 1000));
const missing = built.filter(
  ({ module, kernel }) => !published.has(`${module.name}-modules-${kernel.release}`),
);
say(
  `${plan.plan.targets.length} targets, ${built.length} of them built, ${published.size} published`,
);
say(`status --json: ${JSON.stringify(lag)}`);
const { p50 = 0, p90 = 0, max = 0 } = spread ?? {};
printRatios('From a new ABI’s Release file to published', `${built.length} bare makes`, [
  { name: 'half of the targets', ours: p50, reference: makes, unit: 's' },
  { name: 'nine of ten', ours: p90, reference: makes, unit: 's' },
  { name: 'the last', ours: max, reference: makes, unit: 's' },
]);
const isGood = missing.length === 0 && spread !== undefined && max <= LIMIT;
say(isGood ? 'within 5 minutes' : `NOT within 5 minutes, or missing: ${missing.length}`);
process.exitCode = isGood ? 0 : 1;
