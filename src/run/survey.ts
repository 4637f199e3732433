import type { ArchiveGroup } from '../archive/group.ts';
import type { SuiteFacts } from '../archive/releases.ts';
import { isPackage } from '../config/modules.ts';
import { LockstepError } from '../core/errors.ts';
import { memo } from '../core/memo.ts';
import type { Kernel } from '../model/kernels.ts';
import type { Module } from '../model/modules.ts';
import type { DebRef } from '../model/packages.ts';
import type { Context } from './context.ts';
import { type ArchiveIndices, readArchives, refreshArchives } from './indices.ts';
import { type RootRequest, Roots } from './roots.ts';
import { readSources, type SourceProblem } from './sources.ts';
import { type SurveyKeys, surveyKeys } from './survey-keys.ts';
import { type SurveySuite, surveySuites } from './survey-suites.ts';

/** What all archives of the configuration have: the inputs of a plan. */
export interface Survey extends SurveyKeys {
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
  waitsFor(kernel: Kernel): string | undefined;
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
    ...surveyKeys(roots),
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
