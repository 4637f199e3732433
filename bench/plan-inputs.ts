import { buildKey, type KernelHashes, kernelHashes, moduleHash } from '../src/builder/key.ts';
import { sha256 } from '../src/core/hash.ts';
import { memo } from '../src/core/memo.ts';
import type { Kernel, KernelHeaders } from '../src/model/kernels.ts';
import type { Module } from '../src/model/modules.ts';
import type { PackageRef } from '../src/model/packages.ts';
import type { Plan, Target } from '../src/model/plans.ts';
import type { BuildRecord } from '../src/model/records.ts';
import { kernelId } from '../src/planner/names.ts';
import { makePlan, type PlanInputs, type PlanSuite } from '../src/planner/plan.ts';
import type { PublishedModule } from '../src/planner/retire.ts';
import { recipeHash } from '../src/programs/recipe.ts';

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

/**
 * Modules × kernels in five suites, made up: with an empty ledger, and when most of it is built and published.
 *
 * @param modules how many
 * @param kernelCount how many, over all suites
 */
export function planInputs(
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
