import * as fs from 'node:fs/promises';
import * as path from 'node:path';
import { unpackedOf } from '../builder/kernel-tree.ts';
import { exists, writeFileAtomic } from '../core/files.ts';
import { sha256, sha256File } from '../core/hash.ts';
import type { Publication } from '../ledger/schema.ts';
import type { SourcePackageRef } from '../model/packages.ts';
import type { Target } from '../model/plans.ts';
import type { BuildRecord, InstalledPackage } from '../model/records.ts';
import { formatBuildinfo } from '../packager/buildinfo.ts';
import { poolFolder } from '../publisher/names.ts';
import type { PoolFile } from '../publisher/source-index.ts';
import type { Context } from './context.ts';
import { splitPublicationId, type SuiteUpdate } from './suite-update.ts';
import type { Survey } from './survey.ts';

/** The packages that lie beside the build root of a target: headers, and the module's own where it is one. */
export function besideOf({ module, kernel }: Target): InstalledPackage[] {
  const own = module.source.kind === 'package' ? [module.source] : [];
  return installedOf([...unpackedOf(kernel.headers), ...own]);
}

/** Packages, without what a fetch needs to know. */
export function installedOf(refs: readonly InstalledPackage[]): InstalledPackage[] {
  return refs.map(({ name, version, architecture }) => ({ name, version, architecture }));
}

/** The packages of a build's root; undefined for a build of an earlier version whose root is another one now. */
async function rootOf(
  { ledger }: Context,
  survey: Survey,
  { module, kernel }: Target,
  { root }: BuildRecord,
): Promise<readonly InstalledPackage[] | undefined> {
  const kept = await ledger.root(root);
  if (kept !== undefined || root === '' || survey.rootHashOf(module, kernel) !== root) {
    return kept;
  }
  const packages = installedOf(survey.rootOf(module, kernel).flat());
  await ledger.putRoot(root, packages);
  return packages;
}

/** Path of a package's `.buildinfo` in the pool: beside the package, under its name. */
function placeOf({ file, sources }: Publication): string {
  const base = path.basename(file, '.deb');
  return `${poolFolder('main', sources?.[0]?.name ?? base)}/${base}.buildinfo`;
}

/**
 * Notes what a published module package was built with, in a file beside it. Of several builds that gave the same
 * package the first one is told of: a published file never changes.
 */
export async function noteBuildinfo(
  context: Context,
  survey: Survey,
  update: SuiteUpdate,
  id: string,
  target: Target,
  sources: readonly SourcePackageRef[],
): Promise<void> {
  const entry = update.after[id];
  const [source, recipe] = sources;
  if (entry === undefined || source === undefined) {
    return;
  }
  const { directory, origin } = update.options;
  const file = `${entry.file.replace(/\.deb$/, '')}.buildinfo`;
  const here = path.join(directory, file);
  const known = entry.buildinfo ?? update.buildinfoOf(id, entry);
  if (known !== undefined) {
    const published = path.join(context.config.repository.directory, placeOf(entry));
    const isThere = await exists(here);
    const isPublished = !isThere && (await exists(published));
    if (isPublished && (await sha256File(published)) === known.sha256) {
      await fs.copyFile(published, here);
    }
    if (isThere || (await exists(here))) {
      update.after[id] = { ...entry, buildinfo: { ...known, file } };
      return;
    }
  }
  const record = known === undefined ? target.record : context.ledger.get(known.key);
  const root = record && (await rootOf(context, survey, target, record));
  if (record === undefined || root === undefined) {
    return;
  }
  const deb = path.join(directory, entry.file);
  const text = formatBuildinfo({
    record: { ...record, beside: record.beside ?? besideOf(target) },
    deb: {
      name: splitPublicationId(id).name,
      ...{ version: entry.version, architecture: entry.architecture },
      ...{ file: path.basename(deb), sha256: entry.sha256, size: (await fs.stat(deb)).size },
    },
    ...{ source, recipe, root, origin },
  });
  await writeFileAtomic(here, text);
  update.after[id] = {
    ...entry,
    buildinfo: { file, sha256: sha256(text), key: record.key },
  };
}

/** The `.buildinfo` files of a suite's publications, as they are published. */
export function buildinfosOf(
  state: string,
  publications: Readonly<Record<string, Publication>>,
): PoolFile[] {
  return Object.values(publications).flatMap((entry) =>
    entry.buildinfo === undefined
      ? []
      : [
          {
            file: path.join(state, 'packages', entry.buildinfo.file),
            filename: placeOf(entry),
            sha256: entry.buildinfo.sha256,
          },
        ],
  );
}
