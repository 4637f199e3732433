import * as fs from 'node:fs/promises';
import * as path from 'node:path';
import type { BuildRequest } from '../builder/build.ts';
import { writeBuiltOnLayer } from '../builder/built-on.ts';
import { type Cross, crossEnvironment, crossOf } from '../builder/cross.ts';
import { type KernelTree, machineOf } from '../builder/kernel-tree.ts';
import { patchesFor } from '../builder/patches.ts';
import { LockstepError } from '../core/errors.ts';
import { readUntrustedFile } from '../core/files.ts';
import type { DkmsConf } from '../model/modules.ts';
import type { Target } from '../model/plans.ts';
import {
  dkmsEnvironment,
  evaluateDkmsConf,
  findSourceFolder,
  type SourceFolder,
} from '../modules/evaluate.ts';
import { layPatches } from '../modules/patches.ts';
import type { SandboxLimits } from '../programs/sandbox.ts';
import type { Context } from './context.ts';
import type { KernelTrees } from './kernel-trees.ts';
import type { Survey } from './survey.ts';

/** What a target's evaluation and build begin with. */
export interface Prepared {
  folder: string;
  log: string;
  layers: string[];
  /** Those of them with nothing of any module: recipe, headers, and the root that all builds for the kernel share. */
  kernelLayers: string[];
  source: SourceFolder;
  /** The unpacked module package. */
  unpacked: string;
  tree: KernelTree;
  env: Record<string, string>;
  cross: Cross | undefined;
  sourceDateEpoch: number;
  /** The configuration's patches, by their names in the sandbox. */
  patches: string[];
}

/** Fetches and unpacks what a target needs. */
export async function prepareTarget(
  context: Context,
  survey: Survey,
  target: Target,
  trees: KernelTrees,
): Promise<Prepared> {
  const store = context.storeOf(survey.archiveOf(target.kernel));
  // Thrown before anything is begun that would go on by itself.
  const rootLayers = survey.rootOf(target.module, target.kernel);
  const [tree, unpacked, roots, recipe] = await Promise.all([
    trees.open(target),
    store.moduleSource(target.module.source),
    Promise.all(rootLayers.map((refs) => store.root(refs))),
    store.recipe(),
  ]);
  const folder = await fs.mkdtemp(path.join(context.work, `${target.module.name}-`));
  const source = await findSourceFolder(unpacked);
  const patchLayer = path.join(folder, 'patches');
  const patches = await layPatches(patchesFor(target.module, target.kernel), patchLayer);
  const { release, architecture } = target.kernel;
  const cross = crossOf(context.machine.architecture, architecture);
  return {
    folder,
    log: path.join(folder, 'build.log'),
    layers: [
      ...(await builtOnLayers(context, survey, target, folder)),
      ...(patches.length > 0 ? [patchLayer] : []),
      ...[recipe, unpacked, ...tree.layers, ...roots],
    ],
    kernelLayers: [recipe, ...tree.layers, ...roots.slice(-1)],
    source,
    unpacked,
    tree,
    env: {
      ...dkmsEnvironment(source, release, machineOf(architecture)),
      ...crossEnvironment(cross),
      lockstep_jobs: String(context.jobs),
    },
    cross,
    sourceDateEpoch: await newestFile(source.path),
    patches,
  };
}

/** Layers with the builds of other modules that a target is built on, and with these modules' sources. */
async function builtOnLayers(
  context: Context,
  survey: Survey,
  { builtOn, kernel }: Target,
  folder: string,
): Promise<string[]> {
  if (builtOn.length === 0) {
    return [];
  }
  const { ledger } = context;
  const layer = path.join(folder, 'built-on');
  const builds = builtOn.map(async ({ key, dkms, module, moduleVersion, modules }) => ({
    dkms: dkms ?? { name: module, version: moduleVersion },
    modules: modules.map(({ file }) => ({ name: file, path: ledger.moduleFile(key, file) })),
    symvers: await ledger.symvers(key),
  }));
  await writeBuiltOnLayer(
    layer,
    await Promise.all(builds),
    kernel.release,
    machineOf(kernel.architecture),
  );
  const sources = builtOn.map(({ module, moduleVersion }) => {
    const found = survey.findModule(module, moduleVersion);
    if (found === undefined) {
      throw new LockstepError(
        'SOURCE_UNAVAILABLE',
        `it is built on ${module} ${moduleVersion}, whose source no suite has any more`,
      );
    }
    return found;
  });
  const store = context.storeOf(survey.archiveOf(kernel));
  return [
    layer,
    ...(await Promise.all(sources.map((module) => store.moduleSource(module.source)))),
  ];
}

/** Modification time of the newest file of a folder, in whole seconds since 1970; links count as themselves. */
export async function newestFile(folder: string): Promise<number> {
  let newest = 0;
  for (const entry of await fs.readdir(folder, { withFileTypes: true, recursive: true })) {
    if (entry.isFile()) {
      const { mtimeMs } = await fs.lstat(path.join(entry.parentPath, entry.name));
      newest = Math.max(newest, Math.floor(mtimeMs / 1000));
    }
  }
  return newest;
}

const MEGABYTE = 1024 * 1024;

/** The limits of a dkms.conf's evaluation. */
export function evaluationLimits(context: Context): SandboxLimits {
  const { limits } = context.config;
  return {
    seconds: limits.evaluateSeconds,
    outputBytes: MEGABYTE,
    fileBytes: 4 * MEGABYTE,
    processes: limits.processes,
    memoryBytes: limits.memoryMegabytes * MEGABYTE,
  };
}

/** The limits of a build. */
export function buildLimits(context: Context): SandboxLimits {
  const { limits } = context.config;
  return {
    seconds: limits.buildMinutes * 60,
    outputBytes: limits.logMegabytes * MEGABYTE,
    fileBytes: limits.fileMegabytes * MEGABYTE,
    processes: limits.processes,
    memoryBytes: limits.memoryMegabytes * MEGABYTE,
  };
}

/** Evaluates a target's dkms.conf in its own scratch folder. */
export function evaluateTarget(context: Context, prepared: Prepared): Promise<DkmsConf> {
  return evaluateDkmsConf({
    folder: path.join(prepared.folder, 'evaluation'),
    layers: prepared.layers,
    source: prepared.source,
    env: prepared.env,
    limits: evaluationLimits(context),
    log: prepared.log,
    signal: context.signal,
  });
}

/** What a target's build is asked to do. */
export function buildRequestOf(context: Context, prepared: Prepared, conf: DkmsConf): BuildRequest {
  return {
    folder: path.join(prepared.folder, 'build'),
    layers: prepared.layers,
    source: prepared.source.path,
    sourcePath: `/usr/src/${prepared.source.name}`,
    conf,
    env: prepared.env,
    cross: prepared.cross,
    sourceDateEpoch: prepared.sourceDateEpoch,
    patches: prepared.patches,
    jobs: context.jobs,
    limits: buildLimits(context),
    log: prepared.log,
    signal: context.signal,
  };
}

/** The name under which a module's unpacked source has its copyright file. */
export function documentsOf({ name, source }: Target['module']): string {
  return source.kind === 'package' ? source.name : name;
}

/** The package's copyright file; a link in it that leads out of the package is not followed. */
export async function readCopyright(unpacked: string, name: string): Promise<Buffer | undefined> {
  const base = await fs.realpath(unpacked);
  const folder = await fs.realpath(path.join(base, 'usr/share/doc', name)).catch(() => '');
  return folder.startsWith(`${base}${path.sep}`)
    ? readUntrustedFile(path.join(folder, 'copyright'), MEGABYTE)
    : undefined;
}
