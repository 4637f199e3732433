/**
 * A plan of 60 modules × 1,500 kernels in five suites, made up, and of ten times as many of either: wall and peak memory
 * of each in a process of its own, beside JSON.stringify of the same targets and a sort of them in the same process.
 *
 *     scripts/with-node node bench/plan.ts
 */
import { memo } from '../src/core/memo.ts';
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { z } from 'zod';
import { buildKey, type KernelHashes, kernelHashes, moduleHash } from '../src/builder/key.ts';
import { sha256 } from '../src/core/hash.ts';
import { recipeHash } from '../src/programs/recipe.ts';
import type { Kernel, KernelHeaders } from '../src/model/kernels.ts';
import type { PackageRef } from '../src/model/packages.ts';
import type { Module } from '../src/model/modules.ts';
import type { Plan, Target } from '../src/model/plans.ts';
import type { BuildRecord } from '../src/model/records.ts';
import { kernelId, moduleId } from '../src/planner/names.ts';
import { makePlan, type PlanInputs, type PlanSuite } from '../src/planner/plan.ts';
import type { PublishedModule } from '../src/planner/retire.ts';
import { printRatios, timed } from './support.ts';

const SUITES = ['bookworm', 'trixie', 'trixie-backports', 'forky', 'sid'];
const ARCHITECTURES = ['amd64', 'arm64', 'armhf', 'ppc64el', 'riscv64', 's390x'];
const FLAVOURS = ['', 'cloud-', 'rt-'];
const NOW = '2026-11-01T00:00:00.000Z';

function packageOf(name: string, architecture: string): PackageRef {
  const version = '6.12.1-1';
  const uri = `http://mirror.example/${name}.deb`;
  const id = sha256(`${name} ${architecture}`);
  return {
    ...{ name, version, architecture, sha256: id, size: 1, uri },
    ...{ source: 'linux', sourceVersion: version },
  };
}

function kernelOf(index: number): Kernel {
  const architecture = ARCHITECTURES[index % ARCHITECTURES.length] ?? 'amd64';
  const flavour = `${FLAVOURS[Math.floor(index / ARCHITECTURES.length) % FLAVOURS.length]}${architecture}`;
  const upload = Math.floor(index / (ARCHITECTURES.length * FLAVOURS.length));
  const abi = `6.${12 + (upload % 7)}.${Math.floor(upload / 7)}+deb13`;
  const release = `${abi}-${flavour}`;
  const headers: KernelHeaders = {
    packages: [`linux-headers-${release}`, `linux-headers-${abi}-common`].map((name) =>
      packageOf(name, architecture),
    ),
    tools: [packageOf('linux-kbuild-6.12', 'amd64')],
    missing: undefined,
    requires: ['gcc-14'],
    suite: SUITES[index % SUITES.length] ?? '',
  };
  return {
    ...{ release, abi, flavour, architecture, version: `${abi.replace('+deb13', '')}-1` },
    ...{ source: 'linux', suites: [headers.suite], image: `linux-image-${release}`, provides: [] },
    // A few have lost their headers.
    headers: index % 50 === 7 ? undefined : headers,
    unseenSince: undefined,
  };
}

function moduleOf(index: number, version: string, from: string): Module {
  const name = `module-${index}`;
  const ref = {
    ...packageOf(`${name}-dkms`, 'all'),
    sha256: sha256(`${name} ${version}`),
    version,
  };
  return {
    ...{
      name,
      version,
      source: { kind: 'package', ...ref },
      from,
      provides: [],
      summary: name,
      component: 'main',
    },
    ...{
      homepage: undefined,
      initramfs: false,
      buildPackages: [],
      patches: [],
      withheld: undefined,
    },
  };
}

/** Keys as a survey makes them: each part hashed once, one hash for the inputs and one for the key. */
function keys(): Pick<PlanInputs, 'inputsOf' | 'keyOf'> {
  const ofKernel = memo((kernel: Kernel): KernelHashes | undefined =>
    kernel.headers === undefined ? undefined : kernelHashes(kernel, kernel.headers),
  );
  const ofModule = memo(moduleHash);
  const root = sha256('root');
  const recipe = recipeHash();
  const hashInputs = (module: Module, kernel: Kernel): string | undefined => {
    const hashes = ofKernel(kernel);
    return hashes === undefined
      ? undefined
      : sha256(`${recipe}\n${ofModule(module)}\n${hashes.own}`);
  };
  return {
    inputsOf: hashInputs,
    keyOf(module, kernel) {
      const hashes = ofKernel(kernel);
      const inputs = hashInputs(module, kernel);
      return hashes === undefined || inputs === undefined
        ? undefined
        : buildKey(inputs, hashes, root);
    },
  };
}

/** Most kernels are in one suite, some in two, some expected in the one before. */
function suitesOf(kernels: readonly Kernel[], modules: number): PlanSuite[] {
  const older: Module[] = [];
  const newer: Module[] = [];
  for (let index = 0; index < modules; index += 1) {
    older.push(moduleOf(index, '1.0-1', 'trixie'));
    newer.push(moduleOf(index, '2.0-1', 'sid'));
  }
  return SUITES.map((suite, place): PlanSuite => {
    const own = kernels.filter(
      (_, index) => index % 5 === place || (index % 5 === place - 1 && index % 3 === 0),
    );
    const expected = kernels.filter((_, index) => index % 5 === place + 1 && index % 7 === 0);
    return {
      suite,
      isPublished: true,
      kernels: [
        ...own.map((kernel) => ({ kernel, tracks: [], ahead: undefined })),
        ...expected.map((kernel) => ({ kernel, tracks: [], ahead: SUITES[place + 1] })),
      ],
      modules: older.map((module, index) => ({
        name: module.name,
        package: `${module.name}-dkms`,
        candidates: [module, ...newer.slice(index, index + 1)],
      })),
    };
  });
}

/** What the ledger has of a target: a build for most, for some nothing or what a newer version makes good. */
function recordOf(
  { key, module, kernel }: Target,
  inputs: string,
  number: number,
): BuildRecord | undefined {
  if (key === undefined || number % 20 === 3) {
    return undefined;
  }
  const outcome = number % 40 === 5 ? 'failed' : number % 40 === 6 ? 'excluded' : 'built';
  return {
    ...{ key, module: module.name, moduleVersion: module.version, release: kernel.release },
    ...{ architecture: kernel.architecture, kernelVersion: kernel.version, outcome },
    ...{ reason: 'compiled and verified', started: NOW, finished: NOW, seconds: 3 },
    ...{ modules: [], compression: 'xz', modulesDirectory: '/usr/lib/modules' },
    ...{ headersSource: 'linux (= 6.12.1-1)', initramfs: false, sourceDateEpoch: 0 },
    ...{ inputs, root: 'root', attempts: 1 },
  };
}

/** Every build of a plan published in all its suites, and an older one for each fourth. */
function publicationsOf(
  { targets }: Plan,
  records: ReadonlyMap<string, BuildRecord>,
): PublishedModule[] {
  const published: PublishedModule[] = [];
  for (const [number, { key, module, kernel, suites }] of targets.entries()) {
    const isBuilt = records.get(key ?? '')?.outcome === 'built';
    for (const suite of isBuilt || number % 4 === 0 ? suites : []) {
      published.push({
        ...{ suite, id: `${module.name}-modules-${kernel.release}:${kernel.architecture}` },
        ...{ key: isBuilt ? key : undefined, module: module.name },
        moduleVersion: isBuilt ? module.version : '0.9-1',
        ...{ release: kernel.release, architecture: kernel.architecture },
        kernelVersion: kernel.version,
        line: `${kernel.architecture}/linux/${kernel.flavour}`,
        since: NOW,
      });
    }
  }
  return published;
}

function makeInputs(
  modules: number,
  kernelCount: number,
): { first: PlanInputs; settled: PlanInputs } {
  const kernels = Array.from({ length: kernelCount }, (_, index) => kernelOf(index));
  const first: PlanInputs = {
    suites: suitesOf(kernels, modules),
    ...keys(),
    waitsFor: ({ architecture }) => (architecture === 'amd64' ? undefined : 'not here'),
    ...{ records: [], published: [], building: new Set() },
    firstSeen: new Map(kernels.map((kernel) => [kernelId(kernel), NOW])),
    ...{ left: new Map(), headersGone: new Map() },
    policy: { graceDays: 90, toolchain: 'keep' },
    now: NOW,
  };
  const plan = makePlan(first);
  const records = new Map<string, BuildRecord>();
  for (const [number, target] of plan.targets.entries()) {
    const inputs = first.inputsOf(target.module, target.kernel) ?? '';
    const record = recordOf(target, inputs, number);
    if (record !== undefined) {
      records.set(record.key, record);
    }
  }
  const published = publicationsOf(plan, records);
  return { first, settled: { ...first, records: [...records.values()], published } };
}

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
  const { first, settled } = makeInputs(modules, kernels);
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
