import { lineOf } from '../kernels/line.ts';
import { memo } from '../core/memo.ts';
import type { ArchiveGroup } from '../archive/group.ts';
import type { SuiteFacts } from '../archive/releases.ts';
import type { IndexStatus } from '../archive/root-state.ts';
import {
  buildInputs,
  buildKey,
  type KernelHashes,
  kernelHashes,
  moduleHash,
} from '../builder/key.ts';
import { patchesFor, patchesHash } from '../builder/patches.ts';
import { isPackage, nameOf, type PackageModule } from '../config/modules.ts';
import { LockstepError } from '../core/errors.ts';
import { compareVersions } from '../debian/version.ts';
import { isKernelPackage, makeCatalogue } from '../kernels/catalogue.ts';
import { checkFlavours, selectSuiteKernels } from '../kernels/select.ts';
import type { Kernel, SuiteKernel } from '../model/kernels.ts';
import type { Module } from '../model/modules.ts';
import type { DebRef } from '../model/packages.ts';
import {
  byPackageName,
  findCandidates,
  type ModulePackage,
  refuseMissing,
} from '../modules/find.ts';
import type { ModuleChoice } from '../planner/plan.ts';
import type { Context } from './context.ts';
import { type ArchiveIndices, readArchives, refreshArchives } from './indices.ts';
import { type RootRequest, Roots } from './roots.ts';
import { type ConfiguredSources, readSources, type SourceProblem } from './sources.ts';
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

/** What all archives of the configuration have: the inputs of a plan. */
export interface Survey {
  suites: SurveySuite[];
  /** Modules whose sources can't be got now. */
  sourceProblems: SourceProblem[];
  /** All kernels of all suites, each once. */
  kernels: Kernel[];
  /**
   * Packages of the build root of a module for a kernel, by layers, uppermost first.
   *
   * @throws LockstepError when apt can't put it together
   */
  rootOf(module: Module, kernel: Kernel): readonly (readonly DebRef[])[];
  /** The archive whose apt puts the build root of a kernel together and fetches its headers. */
  archiveOf(kernel: Kernel): ArchiveGroup;
  /** A module in a version that some suite has. */
  findModule(name: string, version: string): Module | undefined;
  inputsOf(module: Module, kernel: Kernel): string | undefined;
  keyOf(module: Module, kernel: Kernel): string | undefined;
  waitsFor(kernel: Kernel): string | undefined;
  /** Hash of the build root; empty when there is none. */
  rootHashOf(module: Module, kernel: Kernel): string;
}

/** Seconds since an instant in milliseconds. */
export function since(began: number): number {
  return (Date.now() - began) / 1000;
}

/** Reads all archives: refreshes their indices unless told not to, finds kernels and modules, and computes keys. */
export async function surveyArchives(
  context: Context,
  options: { refresh: boolean },
): Promise<Survey> {
  const { config, emit } = context;
  if (options.refresh) {
    await refreshArchives(context);
  }
  const began = Date.now();
  const names = new Set(config.modules.filter(isPackage).map((module) => module.package));
  const read = await readArchives(context, names);
  if (read.every(({ statuses }) => statuses.every(({ state }) => state === 'missing'))) {
    const suites = config.archives.flatMap((archive) => archive.suites).join(', ');
    throw new LockstepError('ARCHIVE_UNREACHABLE', `${suites}: the archive has not been read yet`, {
      hint: `lockstep plan -c ${config.file}`,
    });
  }
  const sources = await readSources(context, options);
  const suites = surveySuites(context, read, await readFacts(read), sources);
  const survey = await surveyOf(context, suites, sources.problems);
  const wanted = new Set(suites.flatMap(({ kernels }) => kernels.map(({ kernel }) => kernel)));
  const modules = new Set(suites.flatMap((suite) => suite.modules.map(({ name }) => name)));
  emit({
    type: 'phase-done',
    phase: 'kernels',
    seconds: since(began),
    detail: `${survey.kernels.length} kernels, ${wanted.size} wanted; ${modules.size} modules`,
  });
  return survey;
}

/** The survey of some suites: their wanted kernels' build roots and keys. */
export async function surveyOf(
  context: Context,
  suites: SurveySuite[],
  sourceProblems: SourceProblem[],
): Promise<Survey> {
  const roots = new Roots(context);
  await roots.solve(rootRequests(suites));
  const kernels = [...new Set(suites.flatMap(({ all }) => all.map(({ kernel }) => kernel)))];
  const modules = suites.flatMap((suite) => suite.modules.flatMap(({ candidates }) => candidates));
  return {
    suites,
    sourceProblems,
    kernels,
    findModule: (name, version) =>
      modules.find((module) => module.name === name && module.version === version),
    ...keysOf(context, roots),
  };
}

/** Every build root that a suite's kernels and modules need, each once. */
function* rootRequests(suites: readonly SurveySuite[]): Generator<RootRequest> {
  for (const { kernels, modules } of suites) {
    const sets = new Map<string, readonly string[]>([['', []]]);
    for (const { buildPackages } of modules.flatMap(({ candidates }) => candidates)) {
      sets.set(buildPackages.join(' '), buildPackages);
    }
    for (const { kernel } of kernels) {
      for (const buildPackages of sets.values()) {
        yield { kernel, buildPackages };
      }
    }
  }
}

async function readFacts(read: readonly ArchiveIndices[]): Promise<Map<string, SuiteFacts[]>> {
  const facts = new Map<string, SuiteFacts[]>();
  for (const { source } of read) {
    facts.set(source.group.name, await source.archive.facts());
  }
  return facts;
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

function surveySuites(
  { config, emit, machine }: Context,
  read: readonly ArchiveIndices[],
  facts: ReadonlyMap<string, SuiteFacts[]>,
  sources: ConfiguredSources,
): SurveySuite[] {
  const architectures = [
    ...new Set(read.flatMap(({ statuses }) => statuses.map(({ architecture }) => architecture))),
  ]
    .filter((name) => name !== 'all')
    .toSorted();
  const catalogue = makeCatalogue(
    read.map(({ source, packages, statuses }) => ({
      suite: source.group.name,
      packages: packages.filter((entry) => isKernelPackage(entry.ref.name)),
      stale: staleOf(statuses),
    })),
    architectures,
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
  const places = new Places(read);
  const suites = read.map(({ source: { archive, group }, statuses }): SurveySuite => {
    const own = selected.get(group.name) ?? [];
    return {
      suite: group.name,
      isPublished: group.isPublished,
      archive,
      facts: facts.get(group.name) ?? [],
      statuses,
      architectures: [
        ...new Set(
          statuses.filter(({ state }) => state !== 'missing').map((status) => status.architecture),
        ),
      ]
        .filter((name) => name !== 'all')
        .toSorted(),
      all: catalogue.get(group.name) ?? [],
      // A suite that is only read is there for others.
      kernels: group.isPublished
        ? [...own, ...aheadOf(group.ahead, catalogue.get(group.name) ?? [], selected)]
        : [],
      modules: config.modules.map((module): ModuleChoice => {
        const name = nameOf(module);
        const patches = sources.patches.get(name);
        if (!isPackage(module)) {
          const found = sources.modules.get(name);
          return { name, package: 'its source', candidates: found === undefined ? [] : [found] };
        }
        const withheld = (component: string): string | undefined =>
          withheldOf(config, module, component);
        const request = { ...module, patches, withheld };
        const candidates = findCandidates(request, places.of(module, group.name));
        // Without its patches a module is another one: what is published stays, nothing new is built.
        return {
          name,
          package: module.package,
          candidates: patches === undefined ? [] : candidates,
        };
      }),
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

type Packages = ReadonlyMap<string, readonly ModulePackage[]>;

/** Where module packages are looked for. */
class Places {
  /** By the name of an archive or of a suite. */
  readonly #byName = new Map<string, Packages>();
  readonly #bases = new Map<string, readonly string[]>();

  constructor(read: readonly ArchiveIndices[]) {
    for (const { source, packages } of read) {
      const modules = packages.filter((entry) => !isKernelPackage(entry.ref.name));
      const suites = new Set(modules.map((entry) => entry.suite));
      for (const suite of suites) {
        this.#byName.set(suite, byPackageName(modules.filter((entry) => entry.suite === suite)));
      }
      this.#bases.set(source.group.name, source.group.bases);
    }
    // An archive's own name counts before that of one of its suites.
    for (const { source, packages } of read) {
      const modules = packages.filter((entry) => !isKernelPackage(entry.ref.name));
      this.#byName.set(source.group.name, byPackageName(modules));
    }
  }

  /** The places for a module of a suite, in order of preference. */
  of({ from = ['own'], package: name }: PackageModule, suite: string): Packages[] {
    return from.flatMap((place) => {
      const names = place === 'own' ? [suite, ...(this.#bases.get(suite) ?? [])] : [place];
      const found = names.map((entry) => this.#byName.get(entry) ?? new Map());
      // A machine that uses backports has its own release's packages too, where backports have none.
      return found.filter((packages) => packages.has(name)).slice(0, 1);
    });
  }
}

/** Keys are made for every module × kernel: what each of them brings in is hashed once. */
function keysOf(
  context: Context,
  roots: Roots,
): Pick<Survey, 'rootOf' | 'archiveOf' | 'inputsOf' | 'keyOf' | 'waitsFor' | 'rootHashOf'> {
  const kernelHashOf = memo((kernel: Kernel): KernelHashes | undefined =>
    kernel.headers === undefined ? undefined : kernelHashes(kernel, kernel.headers),
  );
  const moduleHashOf = memo(moduleHash);
  const rootHashOf = (module: Module, kernel: Kernel): string => {
    const root = roots.of(kernel, module);
    return root !== undefined && 'hash' in root ? root.hash : '';
  };
  const inputsOf = (module: Module, kernel: Kernel): string | undefined => {
    const hashes = kernelHashOf(kernel);
    return hashes === undefined
      ? undefined
      : buildInputs(moduleHashOf(module), hashes, patchesHash(patchesFor(module, kernel)));
  };
  return {
    inputsOf,
    rootHashOf,
    keyOf(module, kernel) {
      const hashes = kernelHashOf(kernel);
      return hashes === undefined
        ? undefined
        : buildKey(inputsOf(module, kernel) ?? '', hashes, rootHashOf(module, kernel));
    },
    rootOf(module, kernel) {
      const root = roots.of(kernel, module);
      if (root !== undefined && 'problem' in root) {
        throw root.problem;
      }
      return root?.layers ?? [];
    },
    archiveOf(kernel) {
      const found = context.archives.find(({ group }) => group.name === kernel.headers?.suite);
      if (found === undefined) {
        throw new Error(`${kernel.release}: no archive has its headers`);
      }
      return found.archive;
    },
    waitsFor: memo((kernel: Kernel) => roots.obstacleOf(kernel)),
  };
}
