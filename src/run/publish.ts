import * as fs from 'node:fs/promises';
import * as path from 'node:path';
import type { Publications } from '../ledger/schema.ts';
import type { SourcePackageRef } from '../model/packages.ts';
import { writeKeyRecord } from '../publisher/key-record.ts';
import { slugOf } from '../publisher/names.ts';
import type { SuitePublication } from '../publisher/publication.ts';
import { publish } from '../publisher/publish.ts';
import { buildinfosOf } from './buildinfo.ts';
import type { Context } from './context.ts';
import type { SurveyPlan } from './plan.ts';
import { notePublished, signingOf } from './signing.ts';
import { SourcePackages } from './source-packages.ts';
import { publicationsOf } from './suite-packages.ts';
import type { SurveySuite } from './survey-suites.ts';
import { unpublishedFolders } from './unpublished.ts';

/** The source packages that a suite's packages name. */
function sourcesOf(publications: Publications[string]): SourcePackageRef[] {
  return Object.values(publications).flatMap((entry) => entry.sources ?? []);
}

/** What a suite shall have; undefined when nothing is known of it yet. */
function suitePublication(
  { config }: Context,
  { suite, facts, architectures }: SurveySuite,
  publications: Publications[string],
  sources: readonly string[],
): SuitePublication | undefined {
  const entries = Object.values(publications);
  // An architecture that can't be read now, or has left Debian, keeps its index.
  const all = new Set([...architectures, ...entries.map((entry) => entry.architecture)]);
  const listed = config.kernels.architectures;
  const wanted = listed === 'all' ? all : new Set([...listed, ...all]);
  wanted.delete('all');
  if (wanted.size === 0) {
    return undefined;
  }
  return {
    suite,
    codename: suite,
    component: 'main',
    architectures: [...wanted].toSorted(),
    // Only what every suite of it says is said of the whole: apt takes the most cautious of several otherwise.
    notAutomatic: facts.length > 0 && facts.every((fact) => fact.notAutomatic),
    butAutomaticUpgrades: facts.length > 0 && facts.every((fact) => fact.butAutomaticUpgrades),
    sources,
    buildinfos: buildinfosOf(config.state, publications),
    debs: entries.map((entry) => path.join(config.state, 'packages', entry.file)),
  };
}

export interface PublishSummary {
  /** File name of the repository for sources.list.d, without `.sources`. */
  slug: string;
  changed: boolean;
  suites: { suite: string; packages: number; added: string[]; removed: string[] }[];
  /** The first error of the packages that could not be made; what was published of them stays. */
  failure: Error | undefined;
}

/** Tells of what a publication has changed in each suite; nothing when it changed nothing. */
export function tellPublished(
  { emit }: Pick<Context, 'emit'>,
  { changed, suites }: Pick<PublishSummary, 'changed' | 'suites'>,
): void {
  for (const suite of changed ? suites : []) {
    emit({ type: 'published', ...suite });
  }
}

/** Packages what is built and brings the repository up to date; does nothing when nothing changed. */
export async function publishAll(context: Context, plan: SurveyPlan): Promise<PublishSummary> {
  const { config, ledger, signal } = context;
  const publications = await ledger.publications();
  const signing = await signingOf(config);
  // A set of keys that begins now has its version for good before anything carries it.
  await writeKeyRecord(config.state, signing.record);
  const suites: SuitePublication[] = [];
  let failure: Error | undefined;
  const packages = path.join(config.state, 'packages');
  await fs.mkdir(packages, { recursive: true });
  const sources = await SourcePackages.open(context, plan.survey, plan.plan.targets);
  for (const suite of plan.survey.suites.filter(({ isPublished }) => isPublished)) {
    const making = { signing, sources };
    const made = await publicationsOf(context, suite, plan, publications, making);
    const { after, failure: problem } = made;
    failure ??= problem;
    publications[suite.suite] = after;
    const files = await sources.filesOf(sourcesOf(after));
    const publication = suitePublication(context, suite, after, files);
    suites.push(...(publication === undefined ? [] : [publication]));
  }
  const result = await publish(
    {
      directory: config.repository.directory,
      stateDirectory: config.state,
      origin: config.repository.origin,
      url: config.repository.url,
      key: signing.key,
      date: new Date(),
      validDays: config.repository.validDays,
    },
    suites,
    signal,
  );
  await ledger.setPublications(publications);
  const published = suites.map(({ suite }) => publications[suite] ?? {});
  await notePublished(config, signing, published, new Date());
  for (const folder of await unpublishedFolders(config.state, publications)) {
    await fs.rm(folder, { recursive: true, force: true });
  }
  return { slug: slugOf(config.repository.origin), ...result, failure };
}
