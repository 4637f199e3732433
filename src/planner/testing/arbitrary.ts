import * as fc from 'fast-check';
import type { Kernel, SuiteKernel } from '../../model/kernels.ts';
import type { Module } from '../../model/modules.ts';
import type { BuildOutcome, BuildRecord } from '../../model/records.ts';
import { kernelId } from '../names.ts';
import type { ModuleChoice, PlanInputs, PlanSuite } from '../plan.ts';
import type { PublishedModule } from '../retire.ts';
import {
  keyFor,
  makeInputs,
  makeKernel,
  makeModule,
  makePublication,
  makeRecord,
} from './inputs.ts';

const OUTCOMES: readonly BuildOutcome[] = [
  'built',
  'built',
  'excluded',
  'in-tree',
  'failed',
  'broken',
];
const SUITES = ['trixie', 'forky', 'sid', 'experimental'];
const NAMES = ['a', 'b', 'wireguard'];

/** Kernels that there may be: two versions of one release, several of a line, all kinds of what is known of them. */
const kernelsArbitrary: fc.Arbitrary<Kernel[]> = fc.uniqueArray(
  fc
    .record({
      release: fc.constantFrom('6.1.0-9-amd64', '6.1.0-50-amd64', '6.12-cloud', '7.2-cloud'),
      architecture: fc.constantFrom('amd64', 'arm64'),
      upload: fc.constantFrom(1, 1, 2),
      hasHeaders: fc.boolean(),
      isUnseen: fc.constantFrom(false, false, true),
      bringsWireguard: fc.boolean(),
    })
    .map(({ release, architecture, upload, hasHeaders, isUnseen, bringsWireguard }) =>
      makeKernel(release, {
        architecture,
        version: `${release.replace(/-[a-z0-9]*$/, '')}-${upload}`,
        unseenSince: isUnseen ? '2026-10-10T10:10:00.000Z' : undefined,
        provides: bringsWireguard ? ['wireguard-modules'] : [],
        ...(hasHeaders ? {} : { headers: undefined }),
      }),
    ),
  { maxLength: 8, selector: kernelId },
);

const place = fc.constantFrom('own', 'own', 'ahead', 'absent', 'absent');

/** What one suite takes of all kernels and module versions, by their numbers. */
const suiteArbitrary = fc.record({
  places: fc.array(place, { minLength: 8, maxLength: 8 }),
  isPublished: fc.constantFrom(true, true, true, false),
  candidates: fc.array(fc.uniqueArray(fc.nat(8), { maxLength: 4 }), {
    minLength: NAMES.length,
    maxLength: NAMES.length,
  }),
});

/** A module version by its number: three versions × all and two architectures. */
function moduleOf(name: string, number: number, from: string): Module {
  const architecture = ['all', 'amd64', 'arm64'][Math.floor(number / 3)] ?? 'all';
  return makeModule(name, `${(number % 3) + 1}.0-1`, { from, architecture });
}

/** The kernels of a suite: of each release one version, as apt has it, and others that are expected. */
function kernelsOf(kernels: readonly Kernel[], places: readonly string[]): SuiteKernel[] {
  const releases = new Set<string>();
  return kernels.flatMap((kernel, index): SuiteKernel[] => {
    const release = `${kernel.release} ${kernel.architecture}`;
    const at = places[index] ?? 'absent';
    if (at === 'absent' || (at === 'own' && releases.has(release))) {
      return [];
    }
    if (at === 'own') {
      releases.add(release);
    }
    return [{ kernel, tracks: [], ahead: at === 'ahead' ? 'sid' : undefined }];
  });
}

/**
 * Plans of every kind: suites that share kernels and module versions, kernels ahead, gone and unseen, records of old
 * and present inputs, toolchains and versions, some of them published in some suites.
 */
export const inputsArbitrary: fc.Arbitrary<PlanInputs> = fc
  .record({
    kernels: kernelsArbitrary,
    suites: fc.array(suiteArbitrary, { minLength: 1, maxLength: 4 }),
    records: fc.array(
      fc.record({
        module: fc.tuple(fc.nat(2), fc.nat(8)),
        kernel: fc.nat(7),
        outcome: fc.constantFrom(...OUTCOMES),
        toolchain: fc.nat(1),
        patch: fc.constantFrom(0, 0, 1),
        minute: fc.nat(2),
        publishedIn: fc.subarray([0, 1, 2, 3]),
        hasInputs: fc.constantFrom(true, true, true, false),
      }),
      { maxLength: 40 },
    ),
    left: fc.array(
      fc.constantFrom(undefined, '2026-10-20T00:00:00.000Z', '2026-06-01T00:00:00.000Z'),
      {
        minLength: 8,
        maxLength: 8,
      },
    ),
    building: fc.array(fc.tuple(fc.nat(2), fc.nat(8), fc.nat(7)), { maxLength: 3 }),
    toolchain: fc.constantFrom<'keep' | 'rebuild'>('keep', 'keep', 'rebuild'),
    graceDays: fc.constantFrom(0, 7, 90),
  })
  .map((parts): PlanInputs => {
    const { kernels } = parts;
    const suites = parts.suites.map(({ places, isPublished, candidates }, index): PlanSuite => {
      const suite = SUITES[index] ?? '';
      const modules = NAMES.map(
        (name, which): ModuleChoice => ({
          name,
          package: `${name}-dkms`,
          // Some versions are the same in all suites, some from the suite itself.
          candidates: (candidates[which] ?? []).map((number) =>
            moduleOf(name, number, number % 2 === 0 ? 'trixie' : suite),
          ),
        }),
      );
      return { suite, isPublished, kernels: kernelsOf(kernels, places), modules };
    });
    const records = new Map<string, BuildRecord>();
    const published = new Map<string, PublishedModule>();
    for (const part of parts.records) {
      const kernel = kernels[part.kernel];
      if (kernel !== undefined) {
        const { outcome, toolchain, patch } = part;
        const module = moduleOf(NAMES[part.module[0]] ?? '', part.module[1], 'trixie');
        const finished = `2026-01-01T00:0${part.minute}:00.000Z`;
        const more = { toolchain, patch, finished, ...(part.hasInputs ? {} : { inputs: '' }) };
        const record = makeRecord(module, kernel, outcome, more);
        if (!records.has(record.key)) {
          records.set(record.key, record);
          for (const index of outcome === 'built' ? part.publishedIn : []) {
            const entry = makePublication(SUITES[index] ?? '', record, kernel);
            published.set(`${entry.suite} ${entry.id}`, entry);
          }
        }
      }
    }
    const present = new Set(suites.flatMap((suite) => suite.kernels.map(({ kernel }) => kernel)));
    const building = parts.building.flatMap(([name, number, index]) => {
      const kernel = kernels[index];
      const module = moduleOf(NAMES[name] ?? '', number, 'trixie');
      return kernel === undefined ? [] : (keyFor(module, kernel) ?? []);
    });
    return makeInputs(suites, {
      records: [...records.values()],
      published: [...published.values()],
      building: new Set(building),
      left: new Map(
        kernels.flatMap((kernel, index): [string, string][] => {
          const at = parts.left[index];
          return at === undefined || present.has(kernel) ? [] : [[kernelId(kernel), at]];
        }),
      ),
      policy: { graceDays: parts.graceDays, toolchain: parts.toolchain },
    });
  });

/** A list in another order, one for each turn. */
export function shuffle<T>(list: readonly T[], turn: number): T[] {
  return list
    .map((value, index): [number, T] => [((index + 1) * 7919 * (turn + 1)) % 101, value])
    .toSorted(([a], [b]) => a - b)
    .map(([, value]) => value);
}
