import type { ArchiveGroup } from '../archive/group.ts';
import type { Publications } from '../ledger/schema.ts';
import type { Kernel } from '../model/kernels.ts';
import type { Module } from '../model/modules.ts';
import type { KeptPackage, Target } from '../model/plans.ts';
import type { BuildRecord } from '../model/records.ts';
import {
  makeModulePackage,
  makeTrackingPackage,
  modulePackageIdentity,
  trackingPackageIdentity,
} from '../packager/packages.ts';
import {
  makePrebuiltPackage,
  prebuiltPackageIdentity,
  prebuiltPackageName,
} from '../packager/prebuilt.ts';
import { modulePackageName, packageVersion, trackingPackageName } from '../packager/versions.ts';
import { findSourceFolder } from '../modules/evaluate.ts';
import { kernelId } from '../planner/names.ts';
import type { Context } from './context.ts';
import { newestFile, readCopyright } from './execute-target.ts';
import type { SurveyPlan } from './plan.ts';
import { publicationId, type PublicationFacts, SuiteUpdate } from './suite-update.ts';
import type { SurveySuite } from './survey.ts';

/** Kernels of one line follow each other: a new one supersedes the others. */
function lineOf(kernel: Kernel): string {
  return `${kernel.architecture} ${kernel.source} ${kernel.flavour}`;
}

function factsOf(module: Module, kernel: Kernel): PublicationFacts {
  return {
    module: module.name,
    moduleVersion: module.version,
    kernel: kernelId(kernel),
    line: lineOf(kernel),
  };
}

/** The first track of each line: where the kernels of a line that are superseded belong. */
function tracksOfLines({ kernels }: SurveySuite): ReadonlyMap<string, string> {
  return new Map(
    kernels.flatMap(({ kernel, tracks: [track] }): [string, string][] =>
      track === undefined ? [] : [[lineOf(kernel), track]],
    ),
  );
}

/** What a suite's tracking packages of one module point to. */
interface Tracked {
  module: Module;
  track: string;
  version: string;
  copyright: Buffer | undefined;
  epoch: number;
}

/**
 * The publications of a suite after a plan's builds: new packages in, retired ones out, everything else as it was.
 *
 * @param all what all suites have now
 */
export async function publicationsOf(
  context: Context,
  suite: SurveySuite,
  { plan }: SurveyPlan,
  all: Publications,
): Promise<Publications[string]> {
  const update = new SuiteUpdate(context, suite.suite, all);
  dropRetired(update, suite, plan.kept);
  const lines = tracksOfLines(suite);
  const tracksOf = new Map(suite.kernels.map(({ kernel, tracks }) => [kernel, tracks]));
  const tracked = new Map<string, Tracked[]>();
  for (const target of plan.targets.filter(({ suites }) => suites.includes(suite.suite))) {
    const { module, kernel, record } = target;
    const modulePackage =
      record?.outcome === 'built'
        ? await putModulePackage(context, update, target, record, lines.get(lineOf(kernel)))
        : undefined;
    if (modulePackage !== undefined || target.verdict === 'in-tree') {
      for (const track of tracksOf.get(kernel) ?? []) {
        const of = await putTrackingPackage(
          context,
          update,
          suite.archive,
          target,
          track,
          modulePackage,
        );
        const id = publicationId(module.name, kernel.architecture);
        tracked.set(id, [...(tracked.get(id) ?? []), of]);
      }
    }
  }
  for (const [id, list] of tracked) {
    await putPrebuiltPackage(update, id.slice(id.lastIndexOf(':') + 1), list);
  }
  return update.after;
}

function dropRetired(
  update: SuiteUpdate,
  { suite }: SurveySuite,
  kept: readonly KeptPackage[],
): void {
  for (const entry of kept) {
    if (entry.suite === suite && entry.verdict === 'retired') {
      update.drop(entry.id);
    }
  }
}

/** @returns the module package's version */
async function putModulePackage(
  context: Context,
  update: SuiteUpdate,
  { module, kernel }: Target,
  record: BuildRecord,
  track: string | undefined,
): Promise<string> {
  const { options } = update;
  const id = publicationId(modulePackageName(module.name, kernel.release), kernel.architecture);
  const identity = modulePackageIdentity({ module, kernel, record, track }, options);
  const facts: PublicationFacts = { ...factsOf(module, kernel), kind: 'module', key: record.key };
  return update.put(id, identity, facts, async (rebuild) => {
    const copyright = await context.ledger.copyright(record.key);
    const files = record.modules.map(({ file }) => ({
      name: file,
      path: context.ledger.moduleFile(record.key, file),
    }));
    return makeModulePackage({ module, kernel, record, track, files, copyright, rebuild }, options);
  });
}

/** @param moduleVersion version of the module package; undefined when the kernel brings the module */
async function putTrackingPackage(
  context: Context,
  update: SuiteUpdate,
  archive: ArchiveGroup,
  target: Target,
  track: string,
  moduleVersion: string | undefined,
): Promise<Tracked> {
  const { options } = update;
  const { module, kernel } = target;
  const id = publicationId(trackingPackageName(module.name, track), kernel.architecture);
  const identity = trackingPackageIdentity({ module, kernel, track, moduleVersion }, options);
  const facts: PublicationFacts = { ...factsOf(module, kernel), kind: 'tracking', track };
  const { copyright, epoch } = await sourceOf(context, archive, target);
  const version = await update.put(id, identity, facts, (rebuild) =>
    makeTrackingPackage(
      {
        ...{ module, kernel, track, moduleVersion, copyright, epoch },
        version: packageVersion(module.version, kernel.version, rebuild),
      },
      options,
    ),
  );
  return { module, track, version, copyright, epoch };
}

/** Copyright and date of a module's source; of one that the kernel brings, from its package. */
async function sourceOf(
  context: Context,
  archive: ArchiveGroup,
  { module, record }: Target,
): Promise<{ copyright: Buffer | undefined; epoch: number }> {
  if (record !== undefined) {
    const copyright = await context.ledger.copyright(record.key);
    return { copyright, epoch: record.sourceDateEpoch };
  }
  const unpacked = await context.storeOf(archive).moduleSource(module.package);
  const { path: source } = await findSourceFolder(unpacked);
  return {
    copyright: await readCopyright(unpacked, module.package.name),
    epoch: await newestFile(source),
  };
}

/** The drop-in for the module's DKMS package; its default is the flavour that is named as the architecture is. */
async function putPrebuiltPackage(
  update: SuiteUpdate,
  architecture: string,
  tracked: readonly Tracked[],
): Promise<void> {
  const sorted = tracked.toSorted(
    (a, b) =>
      Number(b.track === architecture) - Number(a.track === architecture) ||
      a.track.length - b.track.length ||
      (a.track < b.track ? -1 : 1),
  );
  const [first] = sorted;
  if (first === undefined) {
    return;
  }
  const { module, copyright, epoch } = first;
  const { options } = update;
  const id = publicationId(prebuiltPackageName(module.name), architecture);
  const inputs = { module, architecture, tracks: sorted.map(({ track }) => track) };
  const facts: PublicationFacts = {
    kind: 'prebuilt',
    module: module.name,
    moduleVersion: module.version,
  };
  await update.put(id, prebuiltPackageIdentity(inputs, options), facts, (rebuild) =>
    makePrebuiltPackage(
      {
        ...inputs,
        version: rebuild === 0 ? module.version : `${module.version}+b${rebuild}`,
        ...{ copyright, epoch },
      },
      options,
    ),
  );
}
