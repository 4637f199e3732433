import * as path from 'node:path';
import { LockstepError } from '../core/errors.ts';
import { readUntrustedFile } from '../core/files.ts';
import type { DkmsConf } from '../model/modules.ts';
import { runSandbox, type SandboxLimits } from '../programs/sandbox.ts';
import type { Cross } from './cross.ts';
import { foreignProgram } from './foreign-program.ts';
import { endOf, findErrorLine } from './log.ts';
import { missingTool } from './missing-tool.ts';

export interface BuildRequest {
  /** Scratch folder of this build. */
  folder: string;
  layers: readonly string[];
  /** The module's source folder on this machine. */
  source: string;
  /** Where it lies in the sandbox: below /usr/src. */
  sourcePath?: string;
  conf: DkmsConf;
  /** Environment as the dkms.conf saw it. */
  env: Readonly<Record<string, string>>;
  /** The architectures, where they differ. */
  cross?: Cross | undefined;
  /** Time stamp for what the build may embed, seconds since 1970. */
  sourceDateEpoch: number;
  /** File names in the root's /usr/lib/lockstep/patches: what is applied after the dkms.conf's own patches. */
  patches: readonly string[];
  /** Compilers at once. */
  jobs: number;
  /** Whether a make command that is not make itself runs with one compiler, as DKMS runs it. */
  isSequential?: boolean;
  /** Whether compilations are kept in `/out/objects`, and taken from the layers of a neighbour. */
  keepsObjects?: boolean;
  limits: SandboxLimits;
  log: string;
  interactive?: boolean;
  signal?: AbortSignal | undefined;
}

/** A `.ko` as the build left it, stripped. */
export interface BuiltFile {
  name: string;
  content: Buffer;
}

export type BuildResult =
  | {
      outcome: 'built';
      files: BuiltFile[];
      /** `Module.symvers`, when the build left one. */
      symvers: Buffer | undefined;
    }
  | {
      outcome: 'failed';
      reason: string;
      /** Whether its time or its output ran out: it would in another way of building, too. */
      isOut?: boolean;
    };

const MAX_MODULE_BYTES = 512 * 1024 * 1024;
const MAX_SYMVERS_BYTES = 16 * 1024 * 1024;

/** Where DKMS builds, so that sources which name the path find it. */
export function buildPathOf(conf: DkmsConf): string {
  return `/var/lib/dkms/${conf.name}/${conf.version}/build`;
}

/** The environment of `build.bash`. Fixed user, host and time make the same inputs give the same bytes. */
export function buildEnvironment(request: BuildRequest): Record<string, string> {
  const { conf } = request;
  return {
    ...request.env,
    module: conf.name,
    module_version: conf.version,
    SOURCE_DATE_EPOCH: String(request.sourceDateEpoch),
    KBUILD_BUILD_USER: 'lockstep',
    KBUILD_BUILD_HOST: 'lockstep',
    KBUILD_BUILD_TIMESTAMP: `@${request.sourceDateEpoch}`,
    lockstep_make: conf.make,
    lockstep_jobs: String(request.jobs),
    lockstep_sequential: request.isSequential === true ? 'yes' : '',
    lockstep_objects: request.keepsObjects === true ? 'yes' : '',
    lockstep_patches: conf.patches.join('\n'),
    lockstep_own_patches: request.patches.join('\n'),
    lockstep_pre_build: conf.preBuild ?? '',
    lockstep_post_build: conf.postBuild ?? '',
    lockstep_modules: conf.modules
      .map(({ location, builtName, installedName, strip }) =>
        // An empty first field would be lost to read's white space.
        [location || '.', builtName, installedName, strip ? 'yes' : 'no'].join('\t'),
      )
      .join('\n'),
  };
}

/** Whether a build may have failed only because several compilers ran at once where DKMS has one. */
export function mayNeedSequence({ conf }: BuildRequest, result: BuildResult): boolean {
  return result.outcome === 'failed' && result.isOut !== true && !conf.make.startsWith('make');
}

/**
 * Builds a module in the sandbox. A source that fails, hangs or floods ends as `failed`.
 *
 * @throws LockstepError INTERRUPTED, and what the sandbox throws
 */
export async function buildModule(request: BuildRequest): Promise<BuildResult> {
  const { limits, log } = request;
  const result = await runSandbox({
    ...request,
    buildPath: buildPathOf(request.conf),
    env: buildEnvironment(request),
    command:
      request.interactive === true
        ? ['bash', '-i']
        : ['bash', '/usr/lib/lockstep/build.bash', '/out'],
  });
  switch (result.end) {
    case 'interrupted':
      throw new LockstepError('INTERRUPTED', 'interrupted', { exitCode: 130 });
    case 'timeout':
      return {
        outcome: 'failed',
        reason: `not built after ${Math.round(limits.seconds)} s`,
        isOut: true,
      };
    case 'output-limit':
      return {
        outcome: 'failed',
        reason: `the build prints more than ${limits.outputBytes} bytes`,
        isOut: true,
      };
    case 'memory-limit':
      return {
        outcome: 'failed',
        reason: `the build takes more than ${limits.memoryBytes} bytes of memory`,
      };
    case 'exited':
      break;
  }
  if (result.status !== 0) {
    const text = await endOf(log);
    const foreign = request.cross && foreignProgram(text, request.cross);
    const line = findErrorLine(text) ?? `the build ended with status ${result.status}`;
    const missing = missingTool(text);
    const reason = foreign ?? (missing === undefined ? line : `${missing} (${line})`);
    return { outcome: 'failed', reason };
  }
  const files: BuiltFile[] = [];
  for (const { installedName } of request.conf.modules) {
    const name = `${installedName}.ko`;
    const content = await readUntrustedFile(
      path.join(request.folder, 'out', name),
      MAX_MODULE_BYTES,
    );
    if (content === undefined) {
      return { outcome: 'failed', reason: `${name} is not a plain file of at most 512 MiB` };
    }
    files.push({ name, content });
  }
  const symvers = await readUntrustedFile(
    path.join(request.folder, 'out/Module.symvers'),
    MAX_SYMVERS_BYTES,
  );
  return { outcome: 'built', files, symvers };
}
