import * as fs from 'node:fs/promises';
import * as os from 'node:os';
import * as path from 'node:path';
import { DEBIAN_KEYRING, readMachineApt, requireMirror } from '../archive/machine.ts';
import { loadConfig } from '../config/load.ts';
import { LockstepError } from '../core/errors.ts';
import { requireRsync } from '../programs/rsync.ts';
import { removeTree } from '../programs/remove-tree.ts';
import { hasProgram, runProgram } from '../programs/run.ts';
import { runSandbox } from '../programs/sandbox.ts';

export interface Check {
  name: string;
  ok: boolean;
  detail: string;
  hint?: string | undefined;
}

const PROGRAMS: readonly [program: string, debianPackage: string][] = [
  ['apt-get', 'apt'],
  ['bwrap', 'bubblewrap'],
  ['dpkg-deb', 'dpkg'],
  ['git', 'git'],
  ['gpg', 'gpg'],
  ['gpg-agent', 'gpg-agent'],
  ['mount', 'mount'],
  ['prlimit', 'util-linux'],
  ['setpriv', 'util-linux'],
  ['tar', 'tar'],
  ['unshare', 'util-linux'],
  ['xz', 'xz-utils'],
];

async function check(name: string, body: () => Promise<string>): Promise<Check> {
  try {
    return { name, ok: true, detail: await body() };
  } catch (error) {
    const hint = error instanceof LockstepError ? error.hint : undefined;
    return {
      name,
      ok: false,
      detail: error instanceof Error ? error.message : String(error),
      hint,
    };
  }
}

async function checkPrograms(): Promise<string> {
  const missing: string[] = [];
  for (const [program, name] of PROGRAMS) {
    if (!(await hasProgram(program))) {
      missing.push(name);
    }
  }
  if (missing.length > 0) {
    throw new LockstepError('ENVIRONMENT', `missing: ${missing.join(', ')}`, {
      hint: `apt-get install --no-install-recommends ${missing.join(' ')}`,
    });
  }
  return PROGRAMS.map(([program]) => program).join(', ');
}

/** Copies /bin/sh and the libraries that ldd(1) names for it into an empty root. */
async function copyShell(root: string): Promise<void> {
  const { stdout } = await runProgram('ldd', ['/bin/sh']);
  const libraries = stdout.match(/\/\S+/g) ?? [];
  for (const file of ['/bin/sh', ...libraries]) {
    const target = path.join(root, file);
    await fs.mkdir(path.dirname(target), { recursive: true });
    await fs.copyFile(file, target);
  }
}

/** Starts a real sandbox whose root is a shell and what it is linked with. */
async function checkSandbox(): Promise<string> {
  const folder = await fs.mkdtemp(path.join(os.tmpdir(), 'lockstep-doctor-'));
  try {
    await fs.chmod(folder, 0o755);
    const layer = path.join(folder, 'layer');
    for (const at of ['out', 'var/lib/dkms', 'var/tmp', 'run', 'tmp', 'dev', 'proc']) {
      await fs.mkdir(path.join(layer, at), { recursive: true });
    }
    await copyShell(layer);
    // overlayfs wants two layers when nothing is written.
    const log = path.join(folder, 'log');
    const result = await runSandbox({
      folder: path.join(folder, 'box'),
      layers: [layer, path.join(folder, 'box/upper')],
      source: undefined,
      buildPath: '/var/lib/dkms/doctor',
      env: { PATH: '/usr/bin:/bin' },
      command: ['sh', '-c', 'test ! -w / && echo fine > /out/answer'],
      limits: { seconds: 30, outputBytes: 100_000, fileBytes: 100_000, processes: 4096 },
      log,
    });
    if (result.status !== 0) {
      const said = (await fs.readFile(log, 'utf8')).trim();
      throw new LockstepError('SANDBOX_FAILED', `no sandbox can be made: ${said}`, {
        hint: 'user namespaces and overlayfs must be allowed: sysctl kernel.unprivileged_userns_clone=1',
      });
    }
    return 'bubblewrap, overlayfs, no network';
  } finally {
    await removeTree(folder);
  }
}

const WANTED_BYTES = 4e9;

async function checkDisk(state: string): Promise<string> {
  let existing = state;
  while ((await fs.stat(existing).catch(() => undefined)) === undefined) {
    existing = path.dirname(existing);
  }
  const { bavail, bsize } = await fs.statfs(existing);
  const free = bavail * bsize;
  const detail = `${(free / 1e9).toFixed(1)} GB free in ${existing}`;
  if (free < WANTED_BYTES) {
    throw new LockstepError('DISK_FULL', detail, {
      hint: 'a run of a few modules needs about 4 GB',
    });
  }
  return detail;
}

/** Looks at everything a run needs; changes nothing. */
export async function diagnose(configFile: string): Promise<Check[]> {
  const checks = [
    await check('node', async () => process.version),
    await check('programs', checkPrograms),
    await check('sandbox', checkSandbox),
    await check('keyring', async () => {
      await fs.access(DEBIAN_KEYRING).catch((cause: unknown) => {
        throw new LockstepError('ENVIRONMENT', `${DEBIAN_KEYRING} is missing`, {
          hint: 'apt-get install debian-archive-keyring',
          cause,
        });
      });
      return DEBIAN_KEYRING;
    }),
  ];
  const configCheck = await check('configuration', async () => (await loadConfig(configFile)).file);
  checks.push(configCheck);
  if (configCheck.ok) {
    const config = await loadConfig(configFile);
    checks.push(
      await check('mirrors', async () => {
        const machine = await readMachineApt();
        const mirrors = config.archives.flatMap((archive) =>
          archive.suites.map(
            (suite) => `${suite}: ${archive.mirror ?? requireMirror(suite, machine)}`,
          ),
        );
        return mirrors.join(', ');
      }),
      await check('disk', () => checkDisk(config.state)),
    );
    for (const { rsync } of config.repository.destinations) {
      checks.push(
        await check('destination', async () => {
          await requireRsync(rsync);
          return rsync;
        }),
      );
    }
  }
  return checks;
}

/** The checks for people, one a line. */
export function formatDiagnosis(checks: readonly Check[]): string {
  return checks
    .map(({ name, ok, detail, hint }) => {
      const line = `${ok ? 'ok  ' : 'FAIL'}  ${name}: ${detail}\n`;
      return ok || hint === undefined ? line : `${line}      hint: ${hint}\n`;
    })
    .join('');
}
