import * as fc from 'fast-check';
import type { Kernel } from '../../model/kernels.ts';
import type { Module } from '../../model/modules.ts';
import type { BuildOutcome, BuildRecord } from '../../model/records.ts';
import { kernelId, type PlanInputs } from '../plan.ts';

export function makeModule(name: string, version = '1.0-1'): Module {
  return {
    name,
    version,
    package: {
      name: `${name}-dkms`,
      version,
      architecture: 'all',
      sha256: 'a'.repeat(64),
      size: 1,
      uri: 'http://mirror.example/x.deb',
      source: name,
      sourceVersion: version,
    },
    summary: name,
    component: 'main',
    homepage: undefined,
    from: 'trixie',
    provides: [],
    initramfs: false,
  };
}

export function makeKernel(release: string, more: Partial<Kernel> = {}): Kernel {
  return {
    release,
    abi: release.replace(/-[^-]*$/, ''),
    flavour: release.replace(/^.*-/, ''),
    architecture: 'amd64',
    version: `${release.replace(/-.*$/, '')}-1`,
    suites: ['trixie'],
    image: `linux-image-${release}`,
    headers: { packages: [], requires: [], suite: 'trixie' },
    newest: true,
    source: 'linux',
    provides: [],
    unseenSince: undefined,
    ...more,
  };
}

export function makeRecord(
  module: Module,
  kernel: Kernel,
  key: string,
  outcome: BuildOutcome = 'built',
  more: Partial<BuildRecord> = {},
): BuildRecord {
  return {
    key,
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
    inputs: '',
    root: '',
    attempts: 1,
    ...more,
  };
}

/** The key of a target in these tests: what it is made of, with the toolchain's generation. */
export function keyFor(module: Module, kernel: Kernel, toolchain = 0): string | undefined {
  return kernel.headers === undefined
    ? undefined
    : `${module.name} ${module.version} ${kernel.release} ${kernel.architecture} ${toolchain}`;
}

const OUTCOMES: readonly BuildOutcome[] = ['built', 'excluded', 'in-tree', 'failed', 'broken'];

/** Plans of every kind: some modules and kernels, records of old and present keys, some of them published. */
export const inputsArbitrary: fc.Arbitrary<PlanInputs> = fc
  .record({
    modules: fc.uniqueArray(fc.constantFrom('a', 'b', 'c', 'd'), { maxLength: 4 }),
    version: fc.constantFrom('1.0-1', '2.0-1'),
    kernels: fc.uniqueArray(
      fc.tuple(
        fc.constantFrom('6.1.0-50-amd64', '6.1.0-56-amd64', '6.12-cloud', '6.12-rt', '7.2-16k'),
        fc.constantFrom('amd64', 'arm64'),
        fc.boolean(),
      ),
      { maxLength: 6, selector: ([release, architecture]) => `${release} ${architecture}` },
    ),
    records: fc.array(
      fc.tuple(
        fc.nat(3),
        fc.nat(5),
        fc.constantFrom(...OUTCOMES),
        fc.constantFrom('1.0-1', '2.0-1'),
        fc.nat(1),
        fc.nat(2),
      ),
      { maxLength: 20 },
    ),
    published: fc.array(fc.nat(30), { maxLength: 15 }),
    building: fc.array(fc.nat(30), { maxLength: 5 }),
  })
  .map((parts): PlanInputs => {
    const modules = parts.modules.map((name) => makeModule(name, parts.version));
    const kernels = parts.kernels.map(([release, architecture, hasHeaders]) =>
      makeKernel(release, {
        architecture,
        headers: hasHeaders ? { packages: [], requires: [], suite: 'trixie' } : undefined,
      }),
    );
    const records = new Map<string, BuildRecord>();
    for (const [m, k, outcome, version, toolchain, minute] of parts.records) {
      const module = modules[m];
      const kernel = kernels[k];
      if (module !== undefined && kernel !== undefined) {
        const old = { ...module, version };
        const withHeaders = { ...kernel, headers: { packages: [], requires: [], suite: 'trixie' } };
        const key = keyFor(old, withHeaders, toolchain) ?? '';
        const finished = `2026-01-01T00:0${minute}:00.000Z`;
        records.set(key, makeRecord(old, kernel, key, outcome, { finished }));
      }
    }
    const all = [...records.values()];
    const some = (numbers: readonly number[]): string[] =>
      numbers.flatMap((index) => all[index]?.key ?? []);
    const keys = modules.flatMap((m) => kernels.flatMap((k) => keyFor(m, k) ?? []));
    return {
      kernels,
      modules,
      keyOf: (module, kernel) => keyFor(module, kernel),
      records: all,
      published: new Map(some(parts.published).map((key) => [key, '2026-02-02T00:00:00.000Z'])),
      building: new Set(parts.building.flatMap((index) => keys[index] ?? [])),
      firstSeen: new Map(kernels.map((kernel) => [kernelId(kernel), '2026-01-01T00:00:00.000Z'])),
    };
  });
