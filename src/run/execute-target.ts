import * as fs from 'node:fs/promises';
import * as path from 'node:path';
import type { ArchiveGroup } from '../archive/group.ts';
import { buildModule, type BuildRequest } from '../builder/build.ts';
import { writeBuiltOnLayer } from '../builder/built-on.ts';
import { type KernelTree, machineOf, openKernelTree } from '../builder/kernel-tree.ts';
import type { Store } from '../builder/store.ts';
import { LockstepError } from '../core/errors.ts';
import { explainDiskError, readUntrustedFile } from '../core/files.ts';
import type { DkmsConf } from '../model/modules.ts';
import type { Target } from '../model/plans.ts';
import type { BuildOutcome, BuildRecord, BuiltModule } from '../model/records.ts';
import {
  dkmsEnvironment,
  evaluateDkmsConf,
  findSourceFolder,
  type SourceFolder,
} from '../modules/evaluate.ts';
import { hashOnTopOf } from '../planner/dependencies.ts';
import { kernelId } from '../planner/names.ts';
import type { SandboxLimits } from '../programs/sandbox.ts';
import { parseSymvers, type SymbolTable } from '../verifier/symvers.ts';
import { verifyModules } from '../verifier/verify.ts';
import { type Context, removeTree } from './context.ts';
import { since, type Survey } from './survey.ts';

/** What a target's evaluation and build begin with. */
export interface Prepared {
  folder: string;
  log: string;
  layers: string[];
  source: SourceFolder;
  /** The unpacked module package. */
  unpacked: string;
  tree: KernelTree;
  env: Record<string, string>;
  sourceDateEpoch: number;
}

/** Kernel trees and symbol tables of one run, read once for all modules. */
export class KernelTrees {
  readonly #store: Store;
  readonly #trees = new Map<string, Promise<KernelTree>>();
  readonly #symbols = new Map<string, SymbolTable>();

  constructor(store: Store) {
    this.#store = store;
  }

  open(target: Target): Promise<KernelTree> {
    const { kernel } = target;
    const id = kernelId(kernel);
    const tree = this.#trees.get(id) ?? openKernelTree(kernel, this.#store);
    this.#trees.set(id, tree);
    // The next module of the kernel tries again.
    tree.catch(() => this.#trees.delete(id));
    return tree;
  }

  symbolsOf(tree: KernelTree): SymbolTable {
    const id = kernelId(tree.kernel);
    const symbols = this.#symbols.get(id) ?? parseSymvers(tree.symvers);
    this.#symbols.set(id, symbols);
    return symbols;
  }
}

/** The kernel trees of a run, by the archive that their headers come from. */
export class TreesOfArchives {
  readonly #context: Context;
  readonly #trees = new Map<ArchiveGroup, KernelTrees>();

  constructor(context: Context) {
    this.#context = context;
  }

  of(archive: ArchiveGroup): KernelTrees {
    const trees = this.#trees.get(archive) ?? new KernelTrees(this.#context.storeOf(archive));
    this.#trees.set(archive, trees);
    return trees;
  }
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
    store.moduleSource(target.module.package),
    Promise.all(rootLayers.map((refs) => store.root(refs))),
    store.recipe(),
  ]);
  const folder = await fs.mkdtemp(path.join(context.work, `${target.module.name}-`));
  const source = await findSourceFolder(unpacked);
  const env = dkmsEnvironment(source, target.kernel.release, machineOf(target.kernel.architecture));
  return {
    folder,
    log: path.join(folder, 'build.log'),
    layers: [
      ...(await builtOnLayers(context, survey, target, folder)),
      ...[recipe, unpacked, ...tree.layers, ...roots],
    ],
    source,
    unpacked,
    tree,
    env,
    sourceDateEpoch: await newestFile(source.path),
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
  const sources = builtOn.flatMap(
    ({ module, moduleVersion }) => survey.findModule(module, moduleVersion) ?? [],
  );
  const store = context.storeOf(survey.archiveOf(kernel));
  return [
    layer,
    ...(await Promise.all(sources.map((module) => store.moduleSource(module.package)))),
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
  };
}

/** Evaluates the target's dkms.conf in its own scratch folder. */
export function evaluateTarget(
  context: Context,
  target: Target,
  prepared: Prepared,
): Promise<DkmsConf> {
  return evaluateDkmsConf({
    folder: path.join(prepared.folder, 'evaluation'),
    layers: prepared.layers,
    source: prepared.source,
    release: target.kernel.release,
    machine: prepared.env['arch'] ?? '',
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
    conf,
    env: prepared.env,
    sourceDateEpoch: prepared.sourceDateEpoch,
    jobs: context.jobs,
    limits: buildLimits(context),
    log: prepared.log,
    signal: context.signal,
  };
}

interface Outcome {
  outcome: BuildOutcome;
  reason: string;
  modules: BuiltModule[];
  files: { name: string; content: Buffer }[];
  symvers: Buffer | undefined;
  initramfs: boolean;
  /** Undefined when the dkms.conf could not be evaluated. */
  conf: DkmsConf | undefined;
}

function ended(outcome: BuildOutcome, reason: string, conf?: DkmsConf): Outcome {
  return { outcome, reason, modules: [], files: [], symvers: undefined, initramfs: false, conf };
}

/**
 * What shows that a kernel for which a module excludes itself brings the module: its configuration has the option of
 * that name (`wireguard` and `CONFIG_WIREGUARD=m`).
 */
export function inTreeEvidence(
  conf: Pick<DkmsConf, 'modules'>,
  config: string,
): string | undefined {
  const options = conf.modules.map(({ builtName }) => {
    const name = `CONFIG_${builtName.toUpperCase().replaceAll('-', '_')}`;
    return ['=m', '=y'].map((value) => name + value).find((line) => config.includes(`\n${line}\n`));
  });
  return options.length > 0 && options.every((line) => line !== undefined)
    ? `the kernel brings it (${options.join(', ')})`
    : undefined;
}

async function evaluateBuildVerify(
  context: Context,
  target: Target,
  prepared: Prepared,
  trees: KernelTrees,
): Promise<Outcome> {
  let conf: DkmsConf;
  try {
    conf = await evaluateTarget(context, target, prepared);
  } catch (error) {
    if (error instanceof LockstepError && error.code === 'DKMS_CONF_INVALID') {
      return ended('failed', error.message);
    }
    throw error;
  }
  if (conf.excluded !== undefined) {
    const inTree = inTreeEvidence(conf, prepared.tree.config);
    return inTree === undefined
      ? ended('excluded', `dkms.conf: ${conf.excluded}`, conf)
      : ended('in-tree', `${inTree}; dkms.conf: ${conf.excluded}`, conf);
  }
  const there = new Set(target.builtOn.map(({ dkms }) => dkms?.name));
  const missing = conf.buildDepends.filter((name) => !there.has(name));
  if (missing.length > 0) {
    return ended('blocked', `dkms.conf: BUILD_DEPENDS: ${missing.join(', ')}`, conf);
  }
  const result = await buildModule(buildRequestOf(context, prepared, conf));
  if (result.outcome === 'failed') {
    return ended('failed', result.reason, conf);
  }
  const { tree } = prepared;
  const kernel = {
    release: target.kernel.release,
    config: tree.config,
    symvers: trees.symbolsOf(tree),
  };
  const verified = verifyModules(result.files, kernel, await symbolsOf(context, target));
  const [finding] = verified.findings;
  if (finding !== undefined) {
    const lines = verified.findings.map((entry) => `lockstep: ${entry.code}: ${entry.message}\n`);
    await fs.appendFile(prepared.log, lines.join(''));
    const more = verified.findings.length - 1;
    return ended('failed', `${finding.message}${more > 0 ? ` (and ${more} more)` : ''}`, conf);
  }
  const names = verified.modules.map((entry) => entry.file).join(', ');
  return {
    outcome: 'built',
    reason: `${names} fits this kernel`,
    modules: verified.modules,
    files: result.files,
    symvers: result.symvers,
    initramfs: target.module.initramfs || conf.remakeInitrd,
    conf,
  };
}

/** What the builds that a target is made on export. */
async function symbolsOf({ ledger }: Context, { builtOn }: Target): Promise<SymbolTable[]> {
  const texts = await Promise.all(builtOn.map(({ key }) => ledger.symvers(key)));
  return texts.flatMap((text) => (text === undefined ? [] : parseSymvers(text.toString('utf8'))));
}

/**
 * Evaluates, builds and verifies one target and keeps what came of it in the ledger.
 *
 * @returns the record; outcome `broken` when something here, not the module, went wrong
 * @throws LockstepError INTERRUPTED (nothing is kept), DISK_FULL
 */
export async function executeTarget(
  context: Context,
  survey: Survey,
  target: Target,
  key: string,
  trees: KernelTrees,
): Promise<BuildRecord> {
  const started = new Date();
  const began = Date.now();
  let prepared: Prepared | undefined;
  let outcome: Outcome;
  await fs.writeFile(context.markerOf(key), '');
  await using _cleared = {
    async [Symbol.asyncDispose]() {
      if (prepared !== undefined) {
        await removeTree(prepared.folder);
      }
      await fs.rm(context.markerOf(key), { force: true });
    },
  };
  try {
    prepared = await prepareTarget(context, survey, target, trees);
    outcome = await evaluateBuildVerify(context, target, prepared, trees);
    if (outcome.outcome === 'failed' && (await isFull(context.work))) {
      // Whatever the log says: a module is not to blame for a disk that is full.
      throw new LockstepError('DISK_FULL', `no space left in ${context.work}: ${outcome.reason}`, {
        hint: `free some space (df -h '${context.work}') and run again: what was finished is kept`,
      });
    }
  } catch (error) {
    if (context.signal.aborted) {
      throw new LockstepError('INTERRUPTED', 'interrupted', { exitCode: 130, cause: error });
    }
    const explained = explainDiskError(error, context.work);
    if (explained instanceof LockstepError && explained.code === 'DISK_FULL') {
      throw explained;
    }
    outcome =
      explained instanceof LockstepError && explained.code === 'DKMS_CONF_INVALID'
        ? ended('failed', explained.message)
        : ended('broken', explained instanceof Error ? explained.message : String(explained));
  }
  const { kernel, module } = target;
  const headers = kernel.headers?.packages[0];
  const record: BuildRecord = {
    key,
    module: module.name,
    moduleVersion: module.version,
    release: kernel.release,
    architecture: kernel.architecture,
    kernelVersion: kernel.version,
    outcome: outcome.outcome,
    // One line: a reason may have words of the module's own.
    reason: outcome.reason.replace(/\s+/g, ' ').trim().slice(0, 500),
    started: started.toISOString(),
    finished: new Date().toISOString(),
    seconds: since(began),
    modules: outcome.modules,
    compression: prepared?.tree.compression ?? 'none',
    modulesDirectory: prepared?.tree.modulesDirectory ?? '/lib/modules',
    headersSource: headers === undefined ? '' : `${headers.source} (= ${headers.sourceVersion})`,
    initramfs: outcome.initramfs,
    inputs: hashOnTopOf(
      survey.inputsOf(module, kernel) ?? '',
      target.builtOn.map(({ inputs }) => inputs),
    ),
    sourceDateEpoch: prepared?.sourceDateEpoch ?? 0,
    root: survey.rootHashOf(module, kernel),
    attempts: (context.ledger.get(key)?.attempts ?? 0) + 1,
    ...dkmsFacts(outcome, target),
  };
  await context.ledger.put(record, {
    modules: outcome.files,
    symvers: outcome.symvers,
    log: prepared?.log ?? '',
    copyright:
      prepared === undefined
        ? undefined
        : await readCopyright(prepared.unpacked, module.package.name),
  });
  return record;
}

/** What a record says of DKMS's view of a module: its name there, and what it is built on. */
function dkmsFacts({ conf }: Outcome, { builtOn }: Target): Partial<BuildRecord> {
  return {
    ...(conf === undefined ? {} : { dkms: { name: conf.name, version: conf.version } }),
    ...(conf === undefined || conf.buildDepends.length === 0 ? {} : { needs: conf.buildDepends }),
    ...(builtOn.length === 0
      ? {}
      : { builtOn: builtOn.map(({ module, key }) => ({ module, key })) }),
  };
}

/** The package's copyright file; a link in it that leads out of the package is not followed. */
export async function readCopyright(unpacked: string, name: string): Promise<Buffer | undefined> {
  const base = await fs.realpath(unpacked);
  const folder = await fs.realpath(path.join(base, 'usr/share/doc', name)).catch(() => '');
  return folder.startsWith(`${base}${path.sep}`)
    ? readUntrustedFile(path.join(folder, 'copyright'), MEGABYTE)
    : undefined;
}

/** Less free space than this counts as none: a writer of large pieces has given up already. */
const NO_SPACE_BYTES = 16 * MEGABYTE;

/** Whether a folder's file system has no space or no room for another file. */
async function isFull(directory: string): Promise<boolean> {
  const { bavail, bsize, files, ffree } = await fs.statfs(directory);
  return bavail * bsize < NO_SPACE_BYTES || (files > 0 && ffree === 0);
}
