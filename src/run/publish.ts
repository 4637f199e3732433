import * as fs from 'node:fs/promises';
import * as path from 'node:path';
import { exists } from '../core/files.ts';
import { sha256File } from '../core/hash.ts';
import { compareVersions } from '../debian/version.ts';
import type { Publication, Publications } from '../ledger/schema.ts';
import type { Target } from '../model/plans.ts';
import type { BuildRecord } from '../model/records.ts';
import {
  type MadePackage,
  makeModulePackage,
  makeTrackingPackage,
  modulePackageIdentity,
  type PackagerOptions,
  trackingPackageIdentity,
} from '../packager/packages.ts';
import { modulePackageName, packageVersion, trackingPackageName } from '../packager/versions.ts';
import { ensureSigningKey } from '../publisher/key.ts';
import { slugOf } from '../publisher/names.ts';
import { publish } from '../publisher/publish.ts';
import type { Context } from './context.ts';
import type { SurveyPlan } from './plan.ts';

const MAX_REBUILDS = 1000;

/** The maintainer of what is built, when the configuration names none. */
export function maintainerOf(context: Context): string {
  const { maintainer, origin } = context.config.repository;
  return maintainer ?? `${origin} <lockstep@localhost.invalid>`;
}

/** `name:architecture`, by which publications are kept. */
function publicationId(name: string, architecture: string): string {
  return `${name}:${architecture}`;
}

interface Settled {
  made: MadePackage;
  sha256: string;
}

/**
 * Makes a package under a version that was never published with other bytes: as long as the published one is of the
 * same version but for its rebuild number and has other content, the rebuild number rises.
 */
async function settle(
  previous: Publication | undefined,
  make: (rebuild: number) => Promise<MadePackage>,
): Promise<Settled> {
  for (let rebuild = 0; rebuild < MAX_REBUILDS; rebuild += 1) {
    const made = await make(rebuild);
    const sha256 = await sha256File(made.file);
    if (
      previous === undefined ||
      previous.sha256 === sha256 ||
      packageBase(previous.version) !== packageBase(made.version) ||
      compareVersions(made.version, previous.version) > 0
    ) {
      return { made, sha256 };
    }
  }
  throw new Error(`no free version after ${MAX_REBUILDS} rebuilds`);
}

function packageBase(version: string): string {
  return version.replace(/\+b\d+$/, '');
}

/** One suite's publications while they are brought up to date. */
class SuiteUpdate {
  readonly #context: Context;
  readonly options: PackagerOptions;
  readonly before: Publications[string];
  readonly after: Publications[string];
  readonly #now = new Date().toISOString();

  constructor(context: Context, suite: string, before: Publications[string]) {
    this.#context = context;
    this.options = {
      directory: path.join(context.config.state, 'packages'),
      maintainer: maintainerOf(context),
      suite,
    };
    this.before = before;
    this.after = { ...before };
  }

  /** The publication as it is, when it was made of the same things and its file is there. */
  async kept(id: string, identity: string): Promise<Publication | undefined> {
    const previous = this.before[id];
    if (previous?.identity !== identity) {
      return undefined;
    }
    return (await exists(path.join(this.options.directory, previous.file))) ? previous : undefined;
  }

  set(id: string, { made, sha256 }: Settled, identity: string, key: string | undefined): void {
    const previous = this.before[id];
    if (previous !== undefined && compareVersions(made.version, previous.version) < 0) {
      this.#context.emit({
        type: 'warning',
        code: 'VERSION_FELL',
        message: `${made.name} falls from ${previous.version} to ${made.version}: machines keep what they have`,
      });
    }
    this.after[id] = {
      version: made.version,
      architecture: made.architecture,
      file: path.relative(this.options.directory, made.file),
      sha256,
      identity,
      since: previous?.sha256 === sha256 ? previous.since : this.#now,
      ...(key === undefined ? {} : { key }),
    };
  }
}

/** The publications of a suite after a plan's builds: new packages in, everything else as it was. */
async function publicationsOf(
  context: Context,
  { survey, plan }: SurveyPlan,
  before: Publications[string],
): Promise<Publications[string]> {
  const update = new SuiteUpdate(context, survey.suite, before);
  await fs.mkdir(update.options.directory, { recursive: true });
  for (const target of plan.targets) {
    const { record } = target;
    if (record?.outcome === 'built') {
      const version = await updateModulePackage(context, update, target, record);
      if (target.kernel.newest) {
        await updateTrackingPackage(context, update, target, record, version);
      }
    }
  }
  return update.after;
}

/** @returns the module package's version */
async function updateModulePackage(
  context: Context,
  update: SuiteUpdate,
  { module, kernel }: Target,
  record: BuildRecord,
): Promise<string> {
  const { options } = update;
  const id = publicationId(modulePackageName(module.name, kernel.release), kernel.architecture);
  const identity = modulePackageIdentity({ module, kernel, record }, options);
  const kept = await update.kept(id, identity);
  if (kept !== undefined) {
    return kept.version;
  }
  const copyright = await context.ledger.copyright(record.key);
  const files = filesOf(context, record);
  const settled = await settle(update.before[id], (rebuild) =>
    makeModulePackage({ module, kernel, record, files, copyright, rebuild }, options),
  );
  update.set(id, settled, identity, record.key);
  return settled.made.version;
}

async function updateTrackingPackage(
  context: Context,
  update: SuiteUpdate,
  { module, kernel }: Target,
  record: BuildRecord,
  moduleVersion: string,
): Promise<void> {
  const { options } = update;
  const id = publicationId(trackingPackageName(module.name, kernel.flavour), kernel.architecture);
  const identity = trackingPackageIdentity({ module, kernel, moduleVersion }, options);
  if ((await update.kept(id, identity)) !== undefined) {
    return;
  }
  const copyright = await context.ledger.copyright(record.key);
  const epoch = record.sourceDateEpoch;
  const settled = await settle(update.before[id], (rebuild) =>
    makeTrackingPackage(
      {
        module,
        kernel,
        version: packageVersion(module.version, kernel.version, rebuild),
        moduleVersion,
        copyright,
        epoch,
      },
      options,
    ),
  );
  update.set(id, settled, identity, undefined);
}

function filesOf(context: Context, record: BuildRecord): { name: string; path: string }[] {
  return record.modules.map(({ file }) => ({
    name: file,
    path: context.ledger.moduleFile(record.key, file),
  }));
}

/** Removes made packages that no publication names any more; the pool keeps its own files. */
async function removeUnpublished(directory: string, publications: Publications): Promise<void> {
  const used = new Set(
    Object.values(publications).flatMap((suite) =>
      Object.values(suite).map((entry) => path.dirname(entry.file)),
    ),
  );
  for (const name of await fs.readdir(directory)) {
    if (!used.has(name)) {
      await fs.rm(path.join(directory, name), { recursive: true, force: true });
    }
  }
}

export interface PublishSummary {
  /** File name of the repository for sources.list.d, without `.sources`. */
  slug: string;
  changed: boolean;
  suites: { suite: string; packages: number; added: string[]; removed: string[] }[];
}

/** Packages what is built and brings the repository up to date; does nothing when nothing changed. */
export async function publishAll(
  context: Context,
  plans: readonly SurveyPlan[],
): Promise<PublishSummary> {
  const { config, ledger, signal } = context;
  const publications = await ledger.publications();
  for (const entry of plans) {
    const { suite } = entry.survey;
    publications[suite] = await publicationsOf(context, entry, publications[suite] ?? {});
  }
  const key = await ensureSigningKey(config.state, config.repository.origin);
  const result = await publish(
    {
      directory: config.repository.directory,
      stateDirectory: config.state,
      origin: config.repository.origin,
      url: config.repository.url,
      key,
      date: new Date(),
    },
    plans.map(({ survey }) => ({
      suite: survey.suite,
      codename: survey.suite,
      component: 'main',
      architectures: config.kernels.architectures,
      debs: Object.values(publications[survey.suite] ?? {}).map((entry) =>
        path.join(config.state, 'packages', entry.file),
      ),
    })),
    signal,
  );
  await ledger.setPublications(publications);
  await removeUnpublished(path.join(config.state, 'packages'), publications);
  return { slug: slugOf(config.repository.origin), ...result };
}
