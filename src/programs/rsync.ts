import { LockstepError } from '../core/errors.ts';
import { hasProgram, runProgram } from './run.ts';

/**
 * Where rsync may copy to: an absolute path, or one of a host as ssh(1) knows it. Nothing in it can be taken for an
 * option, for a module of an rsync daemon, or for more than one word by a shell; no part of the path is `..`.
 */
export const RSYNC_DESTINATION =
  /^(?:(?:(?<user>[A-Za-z_][A-Za-z0-9_.-]*)@)?(?<host>[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?|\[[0-9A-Fa-f:.]+\]):)?(?<path>(?:\/(?!\.\.?(?:\/|$))[A-Za-z0-9._+~-]+)+)\/?$/;

export interface RsyncOptions {
  /** Arguments beside those that every call has. */
  args: readonly string[];
  /** Filter rules in the form of `--filter`, in their order. */
  rules: readonly string[];
  /** Folder whose content is copied. */
  source: string;
  /** As {@link RSYNC_DESTINATION} has it. */
  destination: string;
  /** A file in the form of ssh_config(5), in the place of the user's own. */
  sshConfig: string | undefined;
  signal: AbortSignal | undefined;
}

/** Seconds without a byte after which rsync gives up, and for which ssh waits for a host. */
const TIMEOUT = 300;
const CONNECT_TIMEOUT = 30;

/** What ssh(1) says; rsync's own status is 255 then, or that of a stream that broke off. */
const SSH_FAILED =
  /^ssh: |Permission denied \((?!13)|Host key verification failed|Connection (?:refused|closed|reset|timed out)/m;

/** rsync's own statuses (rsync(1), EXIT VALUES) that have a remedy of their own. */
function hintFor(exitCode: number, stderr: string, destination: string): string {
  const colon = destination.lastIndexOf(':/');
  const host = destination.slice(0, Math.max(0, colon));
  const path = destination.slice(colon + 1);
  const there = host === '' ? '' : `ssh ${host} `;
  if (/No space left on device|Disk quota exceeded/.test(stderr)) {
    return `free some space there: ${there}df -h ${path}`;
  }
  if (exitCode === 127 || /rsync: (?:command )?not found/.test(stderr)) {
    return `install rsync there: ${host}`;
  }
  if (/Permission denied \(13\)|Read-only file system/.test(stderr)) {
    return `its user has to be able to write there: ${there}ls -ld ${path}`;
  }
  if (host !== '' && (exitCode === 255 || SSH_FAILED.test(stderr))) {
    return `this has to work without a question: ssh -o BatchMode=yes ${host} true`;
  }
  return 'lockstep push tries again; every run and watch does too';
}

/**
 * Copies a folder's content by rsync, over ssh where the destination names a host.
 *
 * @returns what it changed, a line each as `--itemize-changes` has it
 * @throws LockstepError ENVIRONMENT when rsync or ssh is not installed here, DESTINATION_FAILED, INTERRUPTED
 */
export async function rsync(options: RsyncOptions): Promise<string[]> {
  const { args, rules, source, destination, sshConfig, signal } = options;
  const isRemote = destination.includes(':');
  await requireRsync(destination);
  const shell = [
    'ssh',
    ...['-o', 'BatchMode=yes', '-o', `ConnectTimeout=${CONNECT_TIMEOUT}`],
    ...(sshConfig === undefined ? [] : ['-F', `'${sshConfig}'`]),
  ];
  const { exitCode, stdout, stderr } = await runProgram(
    'rsync',
    [
      ...['--recursive', '--times', '--omit-dir-times', '--perms', '--chmod=D755,F644'],
      ...['--itemize-changes', '--mkpath', `--timeout=${TIMEOUT}`],
      ...(isRemote ? ['--rsh', shell.join(' ')] : []),
      ...args,
      ...rules.map((rule) => `--filter=${rule}`),
      '--',
      `${source}/`,
      `${destination.replace(/\/$/, '')}/`,
    ],
    { allowFailure: true, ...(signal === undefined ? {} : { signal }) },
  );
  if (exitCode !== 0) {
    const lines = stderr.trim().split(/\r?\n/);
    const said = lines.find((line) => !/^rsync error:|^$/.test(line)) ?? lines.at(-1) ?? '';
    throw new LockstepError(
      'DESTINATION_FAILED',
      `${destination}: rsync ended with status ${exitCode}: ${said}`,
      { hint: hintFor(exitCode, stderr, destination) },
    );
  }
  return stdout.split('\n').filter((line) => line !== '');
}

/**
 * Sees to it that this machine has what a copy to a destination needs.
 *
 * @throws LockstepError ENVIRONMENT
 */
export async function requireRsync(destination: string): Promise<void> {
  await requireProgram('rsync', 'rsync');
  if (destination.includes(':')) {
    await requireProgram('ssh', 'openssh-client');
  }
}

async function requireProgram(program: string, name: string): Promise<void> {
  if (!(await hasProgram(program))) {
    throw new LockstepError('ENVIRONMENT', `the program ${program} is not installed`, {
      hint: `repository.destinations needs it: apt-get install --no-install-recommends ${name}`,
    });
  }
}
