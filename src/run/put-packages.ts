import type { ArchiveGroup } from '../archive/group.ts';
import { lineOf } from '../kernels/line.ts';
import type { Kernel } from '../model/kernels.ts';
import type { Module } from '../model/modules.ts';
import type { SourcePackageRef } from '../model/packages.ts';
import type { Target } from '../model/plans.ts';
import type { BuildRecord } from '../model/records.ts';
import { findSourceFolder } from '../modules/evaluate.ts';
import { GUARD_PACKAGE, guardPackageIdentity, makeGuardPackage } from '../packager/guard.ts';
import {
  type KeyringInputs,
  keyringPackageIdentity,
  makeKeyringPackage,
} from '../packager/keyring.ts';
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
import { kernelId } from '../planner/names.ts';
import { noteBuildinfo } from './buildinfo.ts';
import type { Context } from './context.ts';
import { documentsOf, newestFile, readCopyright } from './prepare-target.ts';
import type { SourcePackages } from './source-packages.ts';
import { publicationId, type PublicationFacts, rebuilt, type SuiteUpdate } from './suite-update.ts';
import type { Survey } from './survey.ts';

/** What a suite's tracking packages of one module point to. */
export interface Tracked {
  module: Module;
  track: string;
  version: string;
  copyright: Buffer | undefined;
  epoch: number;
  sources: SourcePackageRef[];
}

/** What packages are made with. */
export interface Making {
  context: Context;
  survey: Survey;
  update: SuiteUpdate;
  sources: SourcePackages;
}

/** The source package that packages name as theirs. */
function firstOf([first]: readonly SourcePackageRef[]): SourcePackageRef {
  if (first === undefined) {
    throw new Error('a package without a source');
  }
  return first;
}

function factsOf(module: Module, kernel: Kernel): PublicationFacts {
  return {
    module: module.name,
    moduleVersion: module.version,
    kernel: kernelId(kernel),
    line: lineOf(kernel),
  };
}

/** @throws Error when the suite lacks the package of a module that a build was made on */
function checkDependencies(
  update: SuiteUpdate,
  { builtOn = [] }: BuildRecord,
  { release, architecture }: Kernel,
): void {
  for (const { module } of builtOn) {
    const name = modulePackageName(module, release);
    if (update.after[publicationId(name, architecture)] === undefined) {
      throw new Error(`it is built on ${module}, and ${name} is not published`);
    }
  }
}

/** A module package that is published. */
interface PutModule {
  version: string;
  sources: SourcePackageRef[];
}

/** @throws Error when the suite lacks a package that it depends on */
export async function putModulePackage(
  { context, survey, update, sources: packages }: Making,
  target: Target,
  record: BuildRecord,
): Promise<PutModule> {
  const { module, kernel } = target;
  const { options } = update;
  checkDependencies(update, record, kernel);
  const id = publicationId(modulePackageName(module.name, kernel.release), kernel.architecture);
  const sources = await packages.of(target, update.sourcesOf(id, record.key));
  const source = firstOf(sources);
  const identity = modulePackageIdentity({ module, kernel, record, source }, options);
  const facts: PublicationFacts = {
    ...factsOf(module, kernel),
    ...{ kind: 'module', key: record.key, sources },
  };
  const version = await update.put(id, identity, facts, async (rebuild) => {
    const copyright = await context.ledger.copyright(record.key);
    const files = record.modules.map(({ file }) => ({
      name: file,
      path: context.ledger.moduleFile(record.key, file),
    }));
    const inputs = { module, kernel, record, source, files, copyright, rebuild };
    return makeModulePackage(inputs, options);
  });
  await noteBuildinfo(context, survey, update, id, target, sources);
  return { version, sources };
}

/** @param modulePackage undefined when the kernel brings the module */
export async function putTrackingPackage(
  { context, update, sources: packages }: Making,
  archive: ArchiveGroup,
  target: Target,
  track: string,
  modulePackage: PutModule | undefined,
): Promise<Tracked> {
  const moduleVersion = modulePackage?.version;
  const sources = modulePackage?.sources ?? (await packages.of(target));
  const { options } = update;
  const { module, kernel } = target;
  const id = publicationId(trackingPackageName(module.name, track), kernel.architecture);
  const files =
    moduleVersion === undefined ? [] : (target.record?.modules.map(({ file }) => file) ?? []);
  const inputs = { module, kernel, source: firstOf(sources), track, moduleVersion, files };
  const identity = trackingPackageIdentity(inputs, options);
  const facts: PublicationFacts = { ...factsOf(module, kernel), kind: 'tracking', track, sources };
  const { copyright, epoch } = await sourceOf(context, archive, target);
  const version = await update.put(id, identity, facts, (rebuild, base) =>
    makeTrackingPackage(
      {
        ...{ ...inputs, copyright, epoch },
        version: rebuilt(base ?? packageVersion(module.version, kernel.version), rebuild),
      },
      options,
    ),
  );
  return { module, track, version, copyright, epoch, sources };
}

/** The guard, in every suite that has a tracking package. */
export async function putGuardPackage({ update, sources: packages }: Making): Promise<void> {
  const id = publicationId(GUARD_PACKAGE, 'all');
  if (!Object.values(update.after).some(({ kind }) => kind === 'tracking')) {
    update.drop(id);
    return;
  }
  const { options } = update;
  const facts: PublicationFacts = { kind: 'guard', sources: await packages.guard() };
  await update.put(id, guardPackageIdentity(options), facts, (rebuild) =>
    makeGuardPackage(rebuild, options),
  );
}

/** The repository's keys, in every suite that has anything else. */
export async function putKeyringPackage(
  { update, sources: packages }: Making,
  keyring: KeyringInputs,
): Promise<void> {
  const id = publicationId(keyring.name, 'all');
  if (Object.values(update.after).every(({ kind }) => kind === 'keyring')) {
    update.drop(id);
    return;
  }
  const { options } = update;
  const facts: PublicationFacts = { kind: 'keyring', sources: await packages.keyring(keyring) };
  await update.put(id, keyringPackageIdentity(keyring, options), facts, (rebuild, base) =>
    makeKeyringPackage(keyring, rebuilt(base ?? keyring.version, rebuild), options),
  );
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
  const unpacked = await context.storeOf(archive).moduleSource(module.source);
  const { path: source } = await findSourceFolder(unpacked);
  return {
    copyright: await readCopyright(unpacked, documentsOf(module)),
    epoch: await newestFile(source),
  };
}

/** The drop-in for the module's DKMS package; its default is the flavour that is named as the architecture is. */
export async function putPrebuiltPackage(
  update: SuiteUpdate,
  architecture: string,
  tracked: readonly Tracked[],
): Promise<void> {
  const order = (a: string, b: string): number =>
    Number(b === architecture) - Number(a === architecture) ||
    a.length - b.length ||
    (a < b ? -1 : 1);
  const [first] = tracked.toSorted((a, b) => order(a.track, b.track));
  // What is no DKMS package has none to stand in for.
  if (first === undefined || first.module.source.kind !== 'package') {
    return;
  }
  // A flavour whose newest kernel has no module yet still has its tracking package.
  const tracks = new Set(
    Object.values(update.after).flatMap((entry) =>
      entry.kind === 'tracking' &&
      entry.module === first.module.name &&
      entry.architecture === architecture
        ? (entry.track ?? [])
        : [],
    ),
  );
  const { module, copyright, epoch, sources } = first;
  const { options } = update;
  const id = publicationId(prebuiltPackageName(module.name), architecture);
  const source = firstOf(sources);
  const inputs = { module, architecture, source, tracks: [...tracks].toSorted(order) };
  const facts: PublicationFacts = {
    kind: 'prebuilt',
    module: module.name,
    moduleVersion: module.version,
    sources,
  };
  await update.put(id, prebuiltPackageIdentity(inputs, options), facts, (rebuild, base) =>
    makePrebuiltPackage(
      {
        ...inputs,
        version: rebuilt(base ?? module.version, rebuild),
        ...{ copyright, epoch },
      },
      options,
    ),
  );
}
