import * as fs from 'node:fs/promises';
import * as path from 'node:path';
import { LockstepError, errnoOf } from '../../core/errors.ts';
import { exists, readUntrustedFile, temporaryName } from '../../core/files.ts';
import { canonicalJson, sha256 } from '../../core/hash.ts';
import { moduleLayers } from '../../core/places.ts';
import type { PackageSource, ModuleSource, SourceRequest } from '../../model/sources.ts';
import { handToBuilds } from '../../programs/hand-over.ts';
import { removeTree } from '../../programs/remove-tree.ts';
import { runProgram } from '../../programs/run.ts';
import { plainDkmsConf } from './conf.ts';
import { findCopyright } from './copyright.ts';
import { type Obtained, obtainSource } from './obtain.ts';
import { readTree, type TreeFacts } from './tree.ts';
import {
  literalOf,
  upstreamVersion,
  versionOfCommit,
  versionOfTag,
  versionOfTree,
} from './version.ts';

const MAX_CONF = 1024 * 1024;

/** A source in the version that was got. */
export interface ResolvedSource {
  version: string;
  source: Exclude<ModuleSource, PackageSource>;
  /** Hash of the module's folder alone. */
  tree: string;
}

export interface ResolveOptions {
  /** The state's cache. */
  cache: string;
  /** What the same request led to last. */
  known: ResolvedSource | undefined;
  /** Folders of Lockstep's own, which are no part of a source that they lie in. Real paths. */
  leaveOut: readonly string[];
  signal?: AbortSignal | undefined;
}

/** Whether an unpacked source is there. */
export function isKept(cache: string, { source }: ResolvedSource): Promise<boolean> {
  return exists(path.join(moduleLayers(cache), source.sha256));
}

/** Whether what is known is what the request leads to now, without getting the source again. */
async function isCurrent(
  { origin, folder }: SourceRequest,
  { cache, known, leaveOut }: ResolveOptions,
): Promise<boolean> {
  if (known === undefined || !(await isKept(cache, known))) {
    return false;
  }
  switch (origin.kind) {
    case 'directory':
      // A folder's licence may lie above it.
      return (
        folder === undefined &&
        (await exists(origin.path)) &&
        (await readTree(await fs.realpath(origin.path), { leaveOut })).sha256 === known.tree
      );
    case 'tarball':
      return true;
    case 'git':
      return origin.commit !== undefined;
  }
}

function invalid(message: string, hint: string): LockstepError {
  return new LockstepError('SOURCE_INVALID', message, { hint, exitCode: 1 });
}

/** The module's folder in a source; no link on the way to it is followed. */
async function folderOf(root: string, folder: string | undefined): Promise<string> {
  const at = path.join(root, folder ?? '');
  const real = await fs.realpath(at).catch(() => '');
  const stat = real === at ? await fs.stat(at) : undefined;
  if (stat?.isDirectory() !== true) {
    throw invalid(`the source has no folder ${folder ?? '.'}`, 'check `folder:`');
  }
  return at;
}

/** The version, without running anything of the source. @param conf text of its dkms.conf */
function versionOf(
  { version, name, origin }: SourceRequest,
  conf: string | undefined,
  { commit, epoch }: Obtained,
  tree: TreeFacts,
): string {
  const literal = conf === undefined ? undefined : literalOf(conf, 'PACKAGE_VERSION');
  const tag = origin.kind === 'git' ? origin.tag : undefined;
  return (
    version ??
    (literal === undefined ? undefined : upstreamVersion(literal)) ??
    (tag === undefined ? undefined : versionOfTag(tag, name)) ??
    (commit === undefined ? versionOfTree(tree.sha256) : versionOfCommit(commit, epoch))
  );
}

function sourceOf(
  { origin }: SourceRequest,
  identity: { sha256: string; size: number },
  { commit }: Obtained,
): ResolvedSource['source'] {
  const common = { ...identity, architecture: 'all' };
  switch (origin.kind) {
    case 'directory':
      return { kind: 'directory', ...common, path: origin.path };
    case 'tarball':
      return { kind: 'tarball', ...common, uri: origin.uri, fileSha256: origin.sha256 };
    case 'git':
      return { kind: 'git', ...common, url: origin.url, tag: origin.tag, commit: commit ?? '' };
  }
}

/** Makes the layer that builds see of what was obtained. */
async function keepSource(
  request: SourceRequest,
  obtained: Obtained,
  scratch: string,
  { cache, leaveOut }: ResolveOptions,
): Promise<ResolvedSource> {
  const { name, built, make } = request;
  const layer = path.join(scratch, 'layer');
  const copy = path.join(layer, 'usr/src/source');
  await fs.mkdir(copy, { recursive: true });
  const tree = await readTree(await folderOf(obtained.root, request.folder), {
    copyTo: copy,
    leaveOut,
  });
  const confFile = path.join(copy, 'dkms.conf');
  const conf = (await readUntrustedFile(confFile, MAX_CONF))?.toString('utf8');
  const version = versionOf(request, conf, obtained, tree);
  let plain: string | undefined;
  if (built !== undefined) {
    plain = plainDkmsConf({ name, version, make, built });
    await fs.rm(confFile, { recursive: true, force: true });
    await fs.writeFile(confFile, plain, { flag: 'wx' });
  } else if (conf === undefined) {
    throw invalid(
      'the source has no dkms.conf',
      'name what it builds by `built:`, or where the dkms.conf lies by `folder:`',
    );
  }
  const copyright = await findCopyright(obtained.root, request.folder ?? '');
  if (copyright !== undefined) {
    const documents = path.join(layer, 'usr/share/doc', name);
    await fs.mkdir(documents, { recursive: true });
    await fs.writeFile(path.join(documents, 'copyright'), copyright);
  }
  await fs.rename(copy, path.join(layer, 'usr/src', `${name}-${version}`));
  await handToBuilds(layer);
  // The date of a copy says nothing; that of a file may be anything.
  const stamp = ['-exec', 'touch', '-h', '-d', `@${obtained.epoch}`, '--', '{}', '+'];
  await runProgram('find', [layer, ...stamp]);
  const identity = sha256(
    canonicalJson({
      tree: tree.sha256,
      conf: plain ?? null,
      copyright: copyright === undefined ? null : sha256(copyright),
      // Stands in the packages' files and in what a build may embed.
      epoch: obtained.epoch,
    }),
  );
  const kept = path.join(moduleLayers(cache), sha256(`${identity}\n${name}-${version}`));
  await fs.mkdir(path.dirname(kept), { recursive: true });
  await fs.rename(layer, kept).catch((error: unknown) => {
    // It is there already.
    if (!/^(ENOTEMPTY|EEXIST)$/.test(errnoOf(error) ?? '')) {
      throw error;
    }
  });
  const source = sourceOf(request, { sha256: path.basename(kept), size: tree.bytes }, obtained);
  return { version, source, tree: tree.sha256 };
}

/**
 * Gets a source and keeps it, unpacked, where builds find it. Name, version and identity are read without running
 * anything of it.
 *
 * @throws LockstepError SOURCE_UNAVAILABLE, SOURCE_ALTERED, SOURCE_INVALID; INTERRUPTED, DISK_FULL
 */
export async function resolveSource(
  request: SourceRequest,
  options: ResolveOptions,
): Promise<ResolvedSource> {
  const { cache, known, signal } = options;
  if (known !== undefined && (await isCurrent(request, options))) {
    return known;
  }
  const sources = path.join(cache, 'sources');
  const repositories = path.join(cache, 'git');
  await fs.mkdir(repositories, { recursive: true });
  await fs.mkdir(sources, { recursive: true });
  const scratch = temporaryName(path.join(sources, request.name));
  await fs.mkdir(scratch);
  try {
    const obtained = await obtainSource(request.origin, { scratch, repositories, signal });
    return await keepSource(request, obtained, scratch, options);
  } finally {
    await removeTree(scratch);
  }
}
