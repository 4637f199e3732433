import * as fs from 'node:fs/promises';
import * as path from 'node:path';
import { LockstepError } from '../core/errors.ts';
import { readUntrustedFile } from '../core/files.ts';
import type { DkmsConf } from '../model/modules.ts';
import { runSandbox, type SandboxLimits } from '../programs/sandbox.ts';
import { readEvaluation, splitSourceFolder } from './dkms-conf.ts';

const MAX_EVALUATION_BYTES = 1024 * 1024;

/** The one folder with a dkms.conf below a module package's /usr/src. */
export interface SourceFolder {
  /** Its name, `<name>-<version>`. */
  name: string;
  /** Its path on this machine. */
  path: string;
}

/**
 * Finds the source folder in an unpacked module package.
 *
 * @throws LockstepError DKMS_CONF_INVALID when there is none or more than one
 */
export async function findSourceFolder(unpacked: string): Promise<SourceFolder> {
  const base = path.join(await fs.realpath(unpacked), 'usr/src');
  // Links of an untrusted package may lead anywhere on this machine: none is followed.
  const real = await fs.realpath(base).catch(() => undefined);
  const entries = real === base ? await fs.readdir(base, { withFileTypes: true }) : [];
  const names = entries.filter((entry) => entry.isDirectory()).map((entry) => entry.name);
  const found: string[] = [];
  for (const name of names.toSorted()) {
    const stat = await fs.lstat(path.join(base, name, 'dkms.conf')).catch(() => undefined);
    if (stat?.isFile() === true) {
      found.push(name);
    }
  }
  const [name] = found;
  if (name === undefined || found.length > 1) {
    const what = name === undefined ? 'no folder' : `${found.length} folders`;
    throw new LockstepError(
      'DKMS_CONF_INVALID',
      `the package has ${what} with a dkms.conf in /usr/src`,
      {
        hint: 'name a package that brings a DKMS source (`*-dkms`)',
        exitCode: 1,
      },
    );
  }
  return { name, path: path.join(base, name) };
}

export interface EvaluationRequest {
  /** Scratch folder of this evaluation. */
  folder: string;
  /** The sandbox's root: recipe, module package, headers, build root. */
  layers: readonly string[];
  source: SourceFolder;
  /** {@link dkmsEnvironment}, and what the build is given besides. */
  env: Readonly<Record<string, string>>;
  limits: SandboxLimits;
  log: string;
  signal?: AbortSignal | undefined;
}

/** The variables that a dkms.conf sees (dkms(8)); the build sees them too. */
export function dkmsEnvironment(
  source: SourceFolder,
  release: string,
  machine: string,
): Record<string, string> {
  const { name, version } = splitSourceFolder(source.name);
  return {
    PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
    HOME: '/tmp',
    LC_ALL: 'C.UTF-8',
    TZ: 'UTC',
    kernelver: release,
    arch: machine,
    kernel_source_dir: `/lib/modules/${release}/build`,
    dkms_tree: '/var/lib/dkms',
    source_tree: '/usr/src',
    module: name,
    module_version: version,
  };
}

/**
 * Evaluates a module's dkms.conf for one kernel.
 *
 * @throws LockstepError DKMS_CONF_INVALID when it fails, hangs, prints without end or says what can't be,
 *   INTERRUPTED, and what the sandbox throws
 */
export async function evaluateDkmsConf(request: EvaluationRequest): Promise<DkmsConf> {
  const { source, limits } = request;
  const result = await runSandbox({
    ...request,
    source: undefined,
    buildPath: '/var/lib/dkms/evaluation',
    command: [
      'bash',
      '/usr/lib/lockstep/evaluate.bash',
      `/usr/src/${source.name}/dkms.conf`,
      '/out/evaluation',
    ],
    limits: { ...limits, fileBytes: 4 * MAX_EVALUATION_BYTES },
  });
  const invalid = (message: string): LockstepError =>
    new LockstepError('DKMS_CONF_INVALID', `dkms.conf: ${message}`, {
      hint: `its output is in ${request.log}`,
      exitCode: 1,
    });
  switch (result.end) {
    case 'interrupted':
      throw new LockstepError('INTERRUPTED', 'interrupted', { exitCode: 130 });
    case 'timeout':
      throw invalid(`not evaluated after ${limits.seconds} s`);
    case 'output-limit':
      throw invalid(`prints more than ${limits.outputBytes} bytes`);
    case 'memory-limit':
      throw invalid(`takes more than ${limits.memoryBytes} bytes of memory`);
    case 'exited':
      break;
  }
  if (result.status !== 0) {
    throw invalid(`can't be evaluated (status ${result.status})`);
  }
  const output = await readUntrustedFile(
    path.join(request.folder, 'out/evaluation'),
    MAX_EVALUATION_BYTES,
  );
  if (output === undefined) {
    throw invalid('can’t be evaluated, or says more than 1 MiB');
  }
  return readEvaluation(output, source.name);
}
