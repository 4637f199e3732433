import * as fs from 'node:fs/promises';
import { LockstepError } from '../core/errors.ts';
import { explainDiskError } from '../core/files.ts';
import type { DkmsConf } from '../model/modules.ts';
import type { Target } from '../model/plans.ts';
import type { BuildOutcome, BuildRecord, BuiltModule } from '../model/records.ts';
import { hashOnTopOf } from '../planner/dependencies.ts';
import { parseSymvers, type SymbolTable } from '../verifier/symvers.ts';
import { verifyModules } from '../verifier/verify.ts';
import { removeTree } from '../programs/remove-tree.ts';
import { buildTarget } from './build-target.ts';
import { besideOf, installedOf } from './buildinfo.ts';
import type { Context } from './context.ts';
import type { KernelTrees } from './kernel-trees.ts';
import {
  buildRequestOf,
  documentsOf,
  evaluateTarget,
  type Prepared,
  prepareTarget,
  readCopyright,
} from './prepare-target.ts';
import { since, type Survey } from './survey.ts';

interface Outcome {
  outcome: BuildOutcome;
  reason: string;
  modules: BuiltModule[];
  files: { name: string; content: Buffer }[];
  symvers: Buffer | undefined;
  compiled?: BuildRecord['compiled'];
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
  survey: Survey,
  target: Target,
  prepared: Prepared,
  trees: KernelTrees,
): Promise<Outcome> {
  let conf: DkmsConf;
  try {
    conf = await evaluateTarget(context, prepared);
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
  const request = buildRequestOf(context, prepared, conf);
  const { result, compiled } = await buildTarget(context, survey, target, prepared, request);
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
    compiled,
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
    outcome = await evaluateBuildVerify(context, survey, target, prepared, trees);
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
    beside: besideOf(target),
    ...dkmsFacts(outcome, target),
  };
  if (record.outcome === 'built') {
    const root = survey.rootOf(module, kernel).flat();
    await context.ledger.putRoot(record.root, installedOf(root));
  }
  await context.ledger.put(record, {
    modules: outcome.files,
    symvers: outcome.symvers,
    log: prepared?.log ?? '',
    copyright:
      prepared === undefined
        ? undefined
        : await readCopyright(prepared.unpacked, documentsOf(module)),
  });
  return record;
}

/** What a record says of DKMS's view of a module, of what it is built on and of how. */
function dkmsFacts({ conf, compiled }: Outcome, { builtOn }: Target): Partial<BuildRecord> {
  return {
    ...(compiled === undefined ? {} : { compiled }),
    ...(conf === undefined ? {} : { dkms: { name: conf.name, version: conf.version } }),
    ...(conf === undefined || conf.buildDepends.length === 0 ? {} : { needs: conf.buildDepends }),
    ...(builtOn.length === 0
      ? {}
      : { builtOn: builtOn.map(({ module, key }) => ({ module, key })) }),
  };
}

/** Less free space than this counts as none: a writer of large pieces has given up already. */
const NO_SPACE_BYTES = 16 * 1024 * 1024;

/** Whether a folder's file system has no space or no room for another file. */
async function isFull(directory: string): Promise<boolean> {
  const { bavail, bsize, files, ffree } = await fs.statfs(directory);
  return bavail * bsize < NO_SPACE_BYTES || (files > 0 && ffree === 0);
}
