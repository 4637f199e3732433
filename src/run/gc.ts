import * as fs from 'node:fs/promises';
import * as path from 'node:path';
import { archiveGroups } from '../config/archives.ts';
import type { Publications } from '../ledger/schema.ts';
import type { BuildRecord } from '../model/records.ts';
import { unneededBuilds } from '../planner/unneeded.ts';
import { unneededFiles } from '../publisher/unneeded.ts';
import { KEPT_LOGS, oldLogs } from '../report/log.ts';
import { removeTree } from '../programs/remove-tree.ts';
import { boundCache, overflowOf, sizesOf } from './cache.ts';
import { archiveFolder, type Context } from './context.ts';
import { planAll, planInputs, planSurvey, type SurveyPlan } from './plan.ts';
import { publishAll } from './publish.ts';
import { retiredPackages } from './retired.ts';
import { splitPublicationId } from './suite-update.ts';
import { unpublishedFolders } from './unpublished.ts';
import { writeSiteAfterRun } from './write-site.ts';

/** What there is to remove, in the order in which it is shown. */
export const GARBAGE_KINDS = [
  'package',
  'repository',
  'made',
  'build',
  'root',
  'cache',
  'archive',
  'log',
] as const;
export type GarbageKind = (typeof GARBAGE_KINDS)[number];

/** One thing that nothing needs any more. */
export interface Garbage {
  kind: GarbageKind;
  /** A package of a suite, a build, or a path. */
  what: string;
  why: string;
  /** Bytes on the disk that nothing else holds. */
  bytes: number;
}

export interface GcResult {
  /** Whether it is removed; else it was only looked for. */
  applied: boolean;
  garbage: Garbage[];
  bytes: number;
  /** Bytes that the cache takes, and may take. */
  cache: { bytes: number; limit: number };
}

/**
 * Finds everything that nothing needs any more, by the rules that publications and runs follow themselves. Fetches and
 * changes nothing.
 */
export async function findGarbage(context: Context, planned: SurveyPlan): Promise<GcResult> {
  const { config } = context;
  const { bytes: cacheBytes, going } = await overflowOf(context);
  const unneeded = await unneededBuildsOf(context, planned);
  const garbage = [
    ...(await retired(context, planned)),
    ...(await leftInRepository(context)),
    ...(await madePackages(context)),
    ...(await builds(context, unneeded)),
    ...(await roots(context, unneeded)),
    ...going.map(
      ({ path: file, bytes, used }): Garbage => ({
        kind: 'cache',
        what: file,
        why: `the cache is larger than cache.size; last used on ${new Date(used).toISOString().slice(0, 10)}`,
        bytes,
      }),
    ),
    ...(await archives(context)),
    ...(await logs(context)),
  ];
  return {
    applied: false,
    garbage,
    bytes: garbage.reduce((sum, { bytes }) => sum + bytes, 0),
    cache: { bytes: cacheBytes, limit: config.cache.size },
  };
}

/**
 * Removes what {@link findGarbage} finds: by a publication, which leaves out what is past retention, and then by hand.
 *
 * @returns what it removed
 */
export async function collectGarbage(context: Context): Promise<GcResult> {
  const { ledger, config } = context;
  const planned = await planAll(context, { refresh: false });
  const found = await findGarbage(context, planned);
  const { failure } = await publishAll(context, planned);
  // What was left out now may have been all that held a build.
  const after = { survey: planned.survey, plan: await planSurvey(context, planned.survey) };
  for (const { record } of await unneededBuildsOf(context, after)) {
    await ledger.remove(record.key);
  }
  for (const file of await ledger.unnamedRoots()) {
    await fs.rm(file, { force: true });
  }
  await boundCache(context);
  for (const { what } of await archives(context)) {
    await removeTree(what);
  }
  for (const file of oldLogs(config.state)) {
    await fs.rm(file, { force: true });
  }
  await writeSiteAfterRun(context, planned.survey);
  if (failure !== undefined) {
    throw failure;
  }
  return { ...found, applied: true };
}

/** Bytes of files that no other name holds. */
async function ownBytes(files: readonly string[]): Promise<number> {
  let sum = 0;
  for (const file of files) {
    const status = await fs.lstat(file).catch(() => undefined);
    sum += status?.isFile() === true && status.nlink === 1 ? status.blocks * 512 : 0;
  }
  return sum;
}

async function retired(
  { ledger, config }: Context,
  { survey, plan }: SurveyPlan,
): Promise<Garbage[]> {
  const publications = await ledger.publications();
  const garbage: Garbage[] = [];
  for (const suite of survey.suites.filter(({ isPublished }) => isPublished)) {
    const entries = publications[suite.suite] ?? {};
    for (const [id, why] of retiredPackages(suite, plan, entries)) {
      const entry = entries[id];
      const { name } = splitPublicationId(id);
      const file = entry && path.join(config.state, 'packages', entry.file);
      const bytes = file === undefined ? 0 : (await fs.stat(file).catch(() => undefined))?.size;
      garbage.push({
        kind: 'package',
        what: `${suite.suite}: ${name} ${entry?.version ?? ''} ${entry?.architecture ?? ''}`,
        why: `${why}; its file goes two publications later`,
        bytes: bytes ?? 0,
      });
    }
  }
  return garbage;
}

async function leftInRepository({ config }: Context): Promise<Garbage[]> {
  const { directory } = config.repository;
  const garbage: Garbage[] = [];
  for (const name of await unneededFiles(directory)) {
    const file = path.join(directory, name);
    garbage.push({
      kind: 'repository',
      what: file,
      why: name.includes('.tmp-')
        ? 'left by a publication that was cut short'
        : 'none of the states that are kept names it',
      bytes: await ownBytes([file]),
    });
  }
  return garbage;
}

async function madePackages({ ledger, config }: Context): Promise<Garbage[]> {
  const garbage: Garbage[] = [];
  for (const folder of await unpublishedFolders(config.state, await ledger.publications())) {
    const names = await fs.readdir(folder, { recursive: true }).catch((): string[] => []);
    garbage.push({
      kind: 'made',
      what: folder,
      why: 'no suite has the package',
      bytes: await ownBytes(names.map((name) => path.join(folder, name))),
    });
  }
  return garbage;
}

interface UnneededBuild {
  record: BuildRecord;
  reason: string;
}

async function unneededBuildsOf(
  context: Context,
  { survey, plan }: SurveyPlan,
): Promise<UnneededBuild[]> {
  const inputs = await planInputs(context, survey);
  const published = keysOf(await context.ledger.publications());
  const building = await context.building();
  return unneededBuilds({ ...inputs, published }, plan.targets).filter(
    ({ record }) => !building.has(record.key),
  );
}

/** Keys of the builds that packages of any suite are made of. */
function keysOf(publications: Publications): Set<string> {
  const entries = Object.values(publications).flatMap((suite) => Object.values(suite));
  return new Set(entries.flatMap(({ key, buildinfo }) => [key ?? [], buildinfo?.key ?? []].flat()));
}

async function builds({ ledger }: Context, found: readonly UnneededBuild[]): Promise<Garbage[]> {
  const folders = found.map(({ record }) => ledger.folderOf(record.key));
  const sizes = await sizesOf('/', folders);
  return found.map(({ record, reason }, index): Garbage => {
    const { module, moduleVersion, release, architecture, outcome } = record;
    return {
      kind: 'build',
      what: `${module} ${moduleVersion} for ${release} ${architecture} (${outcome})`,
      why: reason,
      bytes: sizes.get(folders[index] ?? '') ?? 0,
    };
  });
}

/** Lists of what build roots had, of builds that are gone. */
async function roots({ ledger }: Context, unneeded: readonly UnneededBuild[]): Promise<Garbage[]> {
  const files = await ledger.unnamedRoots(new Set(unneeded.map(({ record }) => record.key)));
  return await Promise.all(
    files.map(
      async (file): Promise<Garbage> => ({
        kind: 'root',
        what: file,
        why: 'no build that is kept was made in it',
        bytes: await ownBytes([file]),
      }),
    ),
  );
}

/** Private roots of archives that the configuration does not name any more. */
async function archives({ config }: Context): Promise<Garbage[]> {
  const top = path.join(config.state, 'archives');
  const configured = new Set(archiveGroups(config.archives).map(({ name }) => archiveFolder(name)));
  const names = await fs.readdir(top).catch((): string[] => []);
  const folders = names.filter((name) => !configured.has(name)).map((name) => path.join(top, name));
  const sizes = await sizesOf('/', folders);
  return folders.map((folder) => ({
    kind: 'archive',
    what: folder,
    why: 'the configuration names no such archive',
    bytes: sizes.get(folder) ?? 0,
  }));
}

async function logs({ config }: Context): Promise<Garbage[]> {
  const garbage: Garbage[] = [];
  for (const file of oldLogs(config.state)) {
    const bytes = await ownBytes([file]);
    garbage.push({ kind: 'log', what: file, why: `the newest ${KEPT_LOGS} are kept`, bytes });
  }
  return garbage;
}
