import type { Kernel, SuiteKernel } from '../../model/kernels.ts';
import type { Module } from '../../model/modules.ts';
import type { BuildOutcome, BuildRecord } from '../../model/records.ts';
import { kernelId, moduleId } from '../names.ts';
import type { ModuleChoice, PlanInputs, PlanSuite } from '../plan.ts';
import type { PublishedModule } from '../retire.ts';

export const SEEN = '2026-01-01T00:00:00.000Z';
export const NOW = '2026-11-01T00:00:00.000Z';

/** A module version of `Architecture: all`, other than any of another name or version. */
export function makeModule(
  name: string,
  version = '1.0-1',
  more: { from?: string; architecture?: string } = {},
): Module {
  const { from = 'trixie', architecture = 'all' } = more;
  return {
    name,
    version,
    source: {
      kind: 'package',
      name: `${name}-dkms`,
      version,
      architecture,
      sha256: `${name} ${version} ${architecture}`,
      size: 1,
      uri: 'http://mirror.example/x.deb',
      source: name,
      sourceVersion: version,
    },
    summary: name,
    component: 'main',
    homepage: undefined,
    from,
    provides: [],
    initramfs: false,
    buildPackages: [],
    patches: [],
    withheld: undefined,
  };
}

export function makeKernel(release: string, more: Partial<Kernel> = {}): Kernel {
  return {
    release,
    abi: release.replace(/-[^-]*$/, ''),
    flavour: release.replace(/^.*-/, ''),
    architecture: 'amd64',
    version: `${release.replace(/[-+].*$/, '')}-1`,
    suites: ['trixie'],
    image: `linux-image-${release}`,
    headers: { packages: [], tools: [], missing: undefined, requires: [], suite: 'trixie' },
    source: 'linux',
    provides: [],
    unseenSince: undefined,
    ...more,
  };
}

/** What builds of a target are made from in these tests, with the generation of its patches and its toolchain. */
export interface Generation {
  toolchain?: number;
  patch?: number;
}

export function inputsFor(
  module: Module,
  kernel: Kernel,
  { patch = 0 }: Generation = {},
): string | undefined {
  return kernel.headers === undefined
    ? undefined
    : `${moduleId(module)} ${kernelId(kernel)} patch ${patch}`;
}

export function keyFor(
  module: Module,
  kernel: Kernel,
  generation: Generation = {},
): string | undefined {
  const inputs = inputsFor(module, kernel, generation);
  return inputs === undefined ? undefined : `${inputs} toolchain ${generation.toolchain ?? 0}`;
}

/** A record of a build, made when the kernel had its headers. */
export function makeRecord(
  module: Module,
  kernel: Kernel,
  outcome: BuildOutcome = 'built',
  more: Partial<BuildRecord> & Generation = {},
): BuildRecord {
  const { toolchain = 0, patch = 0, ...fields } = more;
  const before = {
    ...kernel,
    headers: { packages: [], tools: [], missing: undefined, requires: [], suite: 'trixie' },
  };
  return {
    key: keyFor(module, before, { toolchain, patch }) ?? '',
    module: module.name,
    moduleVersion: module.version,
    release: kernel.release,
    architecture: kernel.architecture,
    kernelVersion: kernel.version,
    outcome,
    reason: `because ${outcome}`,
    started: '2026-01-01T00:00:00.000Z',
    finished: '2026-01-01T00:01:00.000Z',
    seconds: 60,
    modules: [],
    compression: 'xz',
    modulesDirectory: '/usr/lib/modules',
    headersSource: 'linux (= 6.12.117-1)',
    initramfs: false,
    sourceDateEpoch: 0,
    inputs: inputsFor(module, before, { patch }) ?? '',
    root: `toolchain ${toolchain}`,
    attempts: 1,
    ...fields,
  };
}

/** The publication of a build in a suite. */
export function makePublication(
  suite: string,
  record: BuildRecord,
  kernel: Kernel,
  since = '2026-02-02T00:00:00.000Z',
): PublishedModule {
  const { key, module, moduleVersion, kernelVersion } = record;
  const { release, architecture, source, flavour } = kernel;
  return {
    suite,
    id: `${module}-modules-${release}:${architecture}`,
    key,
    module,
    moduleVersion,
    release,
    architecture,
    kernelVersion,
    line: `${architecture}/${source}/${flavour}`,
    since,
  };
}

/** Some versions of one module, in order of preference. */
export function choiceOf(...candidates: readonly [Module, ...Module[]]): ModuleChoice {
  const [{ name }] = candidates;
  return { name, package: `${name}-dkms`, candidates };
}

export function makeSuite(
  suite: string,
  kernels: readonly (Kernel | SuiteKernel)[],
  modules: readonly ModuleChoice[],
  isPublished = true,
): PlanSuite {
  return {
    suite,
    isPublished,
    kernels: kernels.map((entry) =>
      'kernel' in entry ? entry : { kernel: entry, tracks: [], ahead: undefined },
    ),
    modules,
  };
}

/** A kernel that a suite expects from another. */
export function aheadFrom(suite: string, kernel: Kernel): SuiteKernel {
  return { kernel, tracks: [], ahead: suite };
}

export function makeInputs(
  suites: readonly PlanSuite[],
  more: Partial<PlanInputs> & Generation = {},
): PlanInputs {
  const { toolchain = 0, patch = 0, ...fields } = more;
  return {
    suites,
    inputsOf: (module, kernel) => inputsFor(module, kernel, { patch }),
    keyOf: (module, kernel) => keyFor(module, kernel, { toolchain, patch }),
    waitsFor: ({ architecture }) =>
      architecture === 'amd64' ? undefined : `this amd64 machine can't build for ${architecture}`,
    records: [],
    published: [],
    building: new Set(),
    firstSeen: new Map(
      suites.flatMap(({ kernels }) => kernels.map(({ kernel }) => [kernelId(kernel), SEEN])),
    ),
    left: new Map(),
    headersGone: new Map(),
    policy: { graceDays: 90, toolchain: 'keep' },
    now: NOW,
    ...fields,
  };
}
