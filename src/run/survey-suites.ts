import type { ArchiveGroup } from '../archive/group.ts';
import type { SuiteFacts } from '../archive/releases.ts';
import type { IndexStatus } from '../archive/root-state.ts';
import { isPackage, type ModuleConfig, nameOf } from '../config/modules.ts';
import type { Config } from '../config/schema.ts';
import { LockstepError } from '../core/errors.ts';
import { compareVersions } from '../debian/version.ts';
import { isKernelPackage, makeCatalogue } from '../kernels/catalogue.ts';
import { lineOf } from '../kernels/line.ts';
import { checkFlavours, selectSuiteKernels } from '../kernels/select.ts';
import type { SuiteKernel } from '../model/kernels.ts';
import { findCandidates, refuseMissing } from '../modules/find.ts';
import type { ModuleChoice } from '../planner/plan.ts';
import type { Context } from './context.ts';
import type { ArchiveIndices } from './indices.ts';
import { ModulePlaces } from './module-places.ts';
import type { ConfiguredSources } from './sources.ts';
import { withheldOf } from './withheld.ts';

/** What one suite of the configuration has. */
export interface SurveySuite {
  suite: string;
  isPublished: boolean;
  archive: ArchiveGroup;
  facts: SuiteFacts[];
  statuses: IndexStatus[];
  /** Architectures of the indices that could be read, sorted. */
  architectures: string[];
  /** All kernels of the suite. */
  all: SuiteKernel[];
  /** Those that are wanted, and those that are expected here and built ahead. */
  kernels: SuiteKernel[];
  modules: ModuleChoice[];
}

/** `suite/component/architecture` of the indices that could not be read again → when they were read last. */
function staleOf(statuses: readonly IndexStatus[]): Map<string, string> {
  return new Map(
    statuses.flatMap((status): [string, string][] =>
      status.state === 'stale' && status.lastGood !== undefined
        ? [[`${status.suite}/${status.component}/${status.architecture}`, status.lastGood]]
        : [],
    ),
  );
}

/** Architectures of some indices, each once, sorted. */
function architecturesOf(statuses: readonly IndexStatus[]): string[] {
  const all = new Set(statuses.map(({ architecture }) => architecture));
  all.delete('all');
  return [...all].toSorted();
}

/**
 * What each suite has of kernels and modules.
 *
 * @param read the indices of all archives
 * @param facts by the names of the archives
 * @throws LockstepError FLAVOUR_UNKNOWN, PACKAGE_UNKNOWN for a name that no suite has, when all indices could be read;
 *   a warning otherwise
 */
export function surveySuites(
  { config, emit, machine }: Context,
  read: readonly ArchiveIndices[],
  facts: ReadonlyMap<string, SuiteFacts[]>,
  sources: ConfiguredSources,
): SurveySuite[] {
  const catalogue = makeCatalogue(
    read.map(({ source, packages, statuses }) => ({
      suite: source.group.name,
      packages: packages.filter((entry) => isKernelPackage(entry.ref.name)),
      stale: staleOf(statuses),
    })),
    architecturesOf(read.flatMap(({ statuses }) => statuses)),
    machine.architecture,
  );
  const isWhole = read.every(({ statuses }) => statuses.every(({ state }) => state !== 'missing'));
  // What only an unread index has may be missing; a name that no suite has is a mistake otherwise.
  const unlessUnread = (check: () => void): void => {
    try {
      check();
    } catch (error) {
      if (isWhole || !(error instanceof LockstepError)) {
        throw error;
      }
      emit({ type: 'warning', code: error.code, message: error.message });
    }
  };
  unlessUnread(() => checkFlavours([...catalogue.values()].flat(), config.kernels));
  const selected = new Map(
    [...catalogue].map(([suite, kernels]) => [suite, selectSuiteKernels(kernels, config.kernels)]),
  );
  const places = new ModulePlaces(read);
  const suites = read.map(({ source: { archive, group }, statuses }): SurveySuite => {
    const own = selected.get(group.name) ?? [];
    return {
      suite: group.name,
      isPublished: group.isPublished,
      archive,
      facts: facts.get(group.name) ?? [],
      statuses,
      architectures: architecturesOf(statuses.filter(({ state }) => state !== 'missing')),
      all: catalogue.get(group.name) ?? [],
      // A suite that is only read is there for others.
      kernels: group.isPublished
        ? [...own, ...aheadOf(group.ahead, catalogue.get(group.name) ?? [], selected)]
        : [],
      modules: config.modules.map((module) =>
        choiceOf(module, config, sources, places, group.name),
      ),
    };
  });
  const missing = config.modules
    .filter(isPackage)
    .filter((module) => sources.patches.has(nameOf(module)))
    .map((module) => module.package)
    .filter((name) =>
      suites.every(({ modules }) =>
        modules.every((choice) => choice.package !== name || choice.candidates.length === 0),
      ),
    );
  const where = config.archives.flatMap((archive) => archive.suites).join(', ');
  unlessUnread(() => refuseMissing(missing, where));
  return suites;
}

/** The versions of a module that a suite may use. */
function choiceOf(
  module: ModuleConfig,
  config: Config,
  sources: ConfiguredSources,
  places: ModulePlaces,
  suite: string,
): ModuleChoice {
  const name = nameOf(module);
  const patches = sources.patches.get(name);
  if (!isPackage(module)) {
    const found = sources.modules.get(name);
    return { name, package: 'its source', candidates: found === undefined ? [] : [found] };
  }
  const withheld = (component: string): string | undefined => withheldOf(config, module, component);
  const request = { ...module, patches, withheld };
  const candidates = findCandidates(request, places.of(module, suite));
  // Without its patches a module is another one: what is published stays, nothing new is built.
  return { name, package: module.package, candidates: patches === undefined ? [] : candidates };
}

/**
 * The kernels of other suites that are expected in one: those that it has not, and that are newer than what it has.
 *
 * @param all every kernel of the suite
 */
function aheadOf(
  names: readonly string[],
  all: readonly SuiteKernel[],
  selected: ReadonlyMap<string, readonly SuiteKernel[]>,
): SuiteKernel[] {
  const there = new Set(all.map(({ kernel }) => kernel));
  const newest = new Map<string, string>();
  for (const { kernel } of all) {
    const known = newest.get(lineOf(kernel));
    if (known === undefined || compareVersions(kernel.version, known) > 0) {
      newest.set(lineOf(kernel), kernel.version);
    }
  }
  return names.flatMap((name) =>
    (selected.get(name) ?? []).flatMap(({ kernel }): SuiteKernel[] => {
      const present = newest.get(lineOf(kernel));
      const isBehind = present !== undefined && compareVersions(kernel.version, present) <= 0;
      if (isBehind || there.has(kernel)) {
        return [];
      }
      there.add(kernel);
      return [{ kernel, tracks: [], ahead: name }];
    }),
  );
}
