import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { once } from 'node:events';
import * as path from 'node:path';
import type { Readable, Writable } from 'node:stream';
import { execa } from 'execa';
import { asRoot, uid } from './cache.ts';

const HOLD_ROOT = path.join(import.meta.dirname, 'hold-root.sh');
const ENTER_ROOT = path.join(import.meta.dirname, 'enter-root.sh');

/**
 * The process whose namespaces a root lives in. All that ever runs in the root belongs to its pid namespace and ends
 * with it, also when this process is killed: the end of its standard input ends it.
 */
export type Holder = ChildProcessByStdio<Writable, Readable, Readable>;

/** Mounts a root, as hold-root.sh says, and keeps it until `release`. */
export async function hold(base: string, state: string): Promise<Holder> {
  const [program = '', ...args] = [
    ...(uid === 0 ? ['unshare'] : asRoot()),
    ...['--mount', '--propagation', 'private', '--pid', '--fork', '--kill-child'],
    ...['--', HOLD_ROOT, base, state],
  ];
  const holder = spawn(program, args, { stdio: ['pipe', 'pipe', 'pipe'] });
  let errors = '';
  holder.stderr.setEncoding('utf8').on('data', (text: string) => {
    errors += text;
  });
  const first: unknown = (
    await Promise.race([once(holder.stdout, 'data'), once(holder, 'close')])
  )[0];
  if (!(first instanceof Buffer)) {
    throw new Error(`the root can't be mounted: ${errors.trim()}`);
  }
  return holder;
}

/** Ends all that runs in a root, and its mounts. */
export async function release(holder: Holder): Promise<void> {
  if (holder.exitCode === null && holder.signalCode === null) {
    const closed = once(holder, 'close');
    holder.stdin.end();
    await closed;
  }
}

/**
 * Words to put before a command that shall run in a held root, in mount and pid namespaces of its own. Killing
 * their process kills the command and everything that it has started.
 *
 * @param env the command's whole environment; empty values are left out
 * @param root path of the root in the holder's namespaces
 * @param folder folder in the root to run it in
 */
export function enter(
  holder: Holder,
  env: Readonly<Record<string, string>>,
  root: string,
  folder: string,
): [string, ...string[]] {
  const pid = holder.pid ?? 0;
  const values = Object.entries(env).filter(([, value]) => value !== '');
  return [
    ...(['nsenter', '--target', String(pid)] as const),
    ...['--mount', `--pid=/proc/${pid}/ns/pid_for_children`, ...(uid === 0 ? [] : ['--user'])],
    ...['--', 'setpriv', '--pdeathsig', 'KILL'],
    ...['unshare', '--mount', '--propagation', 'private', '--pid', '--fork', '--kill-child'],
    ...['--', 'env', '-i', ...values.map(([name, value]) => `${name}=${value}`)],
    ...[ENTER_ROOT, root, folder],
  ];
}

/** Removes a folder that may hold files of any id that roots use. */
export async function remove(directory: string): Promise<void> {
  const [program, ...args] = [...asRoot(), 'rm', '-rf', '--one-file-system', directory];
  await execa(program, args);
}
