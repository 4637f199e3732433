import { type ChildProcess, fork, spawn } from 'node:child_process';
import { once } from 'node:events';
import * as fs from 'node:fs/promises';
import * as path from 'node:path';
import { z } from 'zod';
import type { SigningKey } from '../../src/publisher/key.ts';
import type { PublisherScenario } from './publisher-child.ts';

/** The system calls by which a file system changes. */
const CALLS = [
  ...['creat', 'open', 'openat', 'openat2', 'write', 'pwrite64', 'writev', 'pwritev', 'pwritev2'],
  ...['copy_file_range', 'sendfile', 'sendfile64', 'ftruncate', 'truncate', 'fallocate', 'ioctl'],
  ...['mkdir', 'mkdirat', 'rmdir', 'unlink', 'unlinkat', 'link', 'linkat', 'symlink', 'symlinkat'],
  ...['rename', 'renameat', 'renameat2', 'chmod', 'fchmod', 'fchmodat', 'fchmodat2', 'mknodat'],
  ...['chown', 'fchown', 'fchownat', 'utime', 'utimes', 'futimesat', 'utimensat', 'setxattr'],
  ...['fsetxattr', 'fsync', 'fdatasync', 'sync_file_range'],
]
  // No architecture has all of them.
  .map((name) => `?${name}`)
  .join(',');

/** A system call that changes the disk. */
export interface DiskCall {
  /** What it does to what, random and counted parts of names left out: the same for each generation. */
  what: string;
  name: string;
  /** Which of the calls of this name that the thread made it is, counted from 1; those that change nothing count too. */
  place: number;
}

const LINE = /^(?:(?<thread>\d+) +)?(?<name>[a-z0-9_]+)\((?<args>.*)$/;

function isChange(name: string, args: string): boolean {
  return name.startsWith('open')
    ? args.includes('O_CREAT')
    : name !== 'ioctl' || /FICLONE/.test(args);
}

/** The path that a call is about, below the folders, without what differs from one generation to the next. */
function subjectOf(args: string, roots: readonly string[]): string | undefined {
  const paths = [...args.matchAll(/[<"](?<path>\/[^>"]*)[>"]/g)].map((match) => match[1] ?? '');
  const file = paths.findLast((name) => roots.some((root) => `${name}/`.startsWith(`${root}/`)));
  const root = roots.find((folder) => file?.startsWith(folder) === true) ?? '';
  return file
    ?.slice(path.dirname(root).length + 1)
    .replace(/\.tmp-(.*)-[0-9a-f]{12}$/, '.tmp-$1')
    .replace(/\b[0-9a-f]{64}\b/g, 'HASH')
    .replace(/\bextra-\d+/g, 'extra-N')
    .replace(/_\d+_/g, '_N_');
}

/**
 * The calls of a trace (`strace -y`) that change files below some folders, by thread.
 *
 * @param thread the thread of lines that name none
 */
function readTrace(
  text: string,
  roots: readonly string[],
  thread: number,
): Map<number, DiskCall[]> {
  const places = new Map<string, number>();
  const found = new Map<number, DiskCall[]>();
  const seen = new Map<string, number>();
  for (const line of text.split('\n')) {
    const groups = LINE.exec(line)?.groups;
    if (groups === undefined) {
      continue;
    }
    const { name = '', args = '' } = groups;
    const of = Number(groups['thread'] ?? thread);
    const place = (places.get(`${of} ${name}`) ?? 0) + 1;
    places.set(`${of} ${name}`, place);
    const subject = subjectOf(args, roots);
    if (subject === undefined || !isChange(name, args)) {
      continue;
    }
    const what = `${name} ${subject}`;
    const turn = (seen.get(what) ?? 0) + 1;
    seen.set(what, turn);
    found.set(of, [...(found.get(of) ?? []), { what: `${what} #${turn}`, name, place }]);
  }
  return found;
}

const threadSchema = z.object({ thread: z.number() });
const questionSchema = z.object({
  id: z.number(),
  what: z.enum(['sign', 'verify']),
  text: z.string(),
});

interface Started {
  child: ChildProcess;
  thread: number;
  ended: Promise<string>;
}

const CHILD = path.join(import.meta.dirname, 'publisher-child.ts');

async function start(scenario: PublisherScenario, key: SigningKey): Promise<Started> {
  const child = fork(CHILD, [JSON.stringify(scenario)], {
    env: { ...process.env, UV_THREADPOOL_SIZE: '1' },
    execArgv: [],
  });
  const ended = once(child, 'close').then(() => child.signalCode ?? String(child.exitCode));
  const first: unknown[] = await Promise.race([once(child, 'message'), ended.then(() => [])]);
  const { thread } = threadSchema.parse(first[0]);
  child.on('message', (message) => {
    const { id, what, text } = questionSchema.parse(message);
    void key[what](text).then((value) => child.connected && child.send({ id, value }));
  });
  return { child, thread, ended };
}

/** Attaches strace to some threads; comes back when it is there. @returns what ends when strace does */
async function attach(args: readonly string[], threads = 1): Promise<{ ended: Promise<unknown> }> {
  const tracer = spawn('strace', args, { stdio: ['ignore', 'ignore', 'pipe'] });
  let said = '';
  tracer.stderr.setEncoding('utf8');
  const ended = once(tracer, 'close');
  await new Promise<void>((resolve, reject) => {
    tracer.stderr.on('data', (text: string) => {
      said += text;
      if (said.split(' attached').length > threads) {
        resolve();
      }
    });
    tracer.on('error', reject);
    void ended.then(() => reject(new Error(`strace: ${said}`)));
  });
  return { ended };
}

/** A publisher in a process of its own. */
export interface Publishing {
  scenario: PublisherScenario;
  key: SigningKey;
  /** For traces. */
  scratch: string;
}

/** Publishes to the end. */
export async function publishWhole({ scenario, key }: Publishing): Promise<void> {
  const { child, ended } = await start(scenario, key);
  child.send('go');
  const end = await ended;
  if (end !== '0') {
    throw new Error(`the publisher ended with ${end}`);
  }
}

/**
 * Publishes to the end and notes each call that changes the repository or the state folder.
 *
 * @throws Error when another thread than the one that can be killed at a call changes anything
 */
export async function publishTraced(publishing: Publishing): Promise<DiskCall[]> {
  const { scenario, key, scratch } = publishing;
  const trace = path.join(scratch, 'trace');
  const { child, thread, ended } = await start(scenario, key);
  // Every thread that there is; programs that it starts change nothing but their own pipes.
  const threads = await fs.readdir(`/proc/${child.pid ?? 0}/task`);
  const tracing = ['-y', '-s', '0', '-o', trace, '-e', `trace=${CALLS}`];
  const traced = await attach([...tracing, ...threads.flatMap((id) => ['-p', id])], threads.length);
  child.send('go');
  const end = await ended;
  await traced.ended;
  if (end !== '0') {
    throw new Error(`the publisher ended with ${end}`);
  }
  const calls = readTrace(await fs.readFile(trace, 'utf8'), rootsOf(scenario), thread);
  const others = [...calls].filter(([id]) => id !== thread);
  if (others.length > 0) {
    throw new Error(`changed by another thread: ${JSON.stringify(others[0])}`);
  }
  return calls.get(thread) ?? [];
}

function rootsOf({ directory, stateDirectory }: PublisherScenario): string[] {
  return [directory, stateDirectory];
}

/** How a publisher that was to be killed ended. */
export interface Killed {
  /** The signal, or its status. */
  ending: string;
  /** The calls that it began; at the last one it was killed, unless that is none of the publisher's files. */
  calls: DiskCall[];
  /** The call at which it was killed, if it is one that changes files of the publisher's. */
  at: DiskCall | undefined;
}

/** Publishes until the publisher's thread makes a call of this name for the so-manieth time, and kills it right before. */
export async function publishKilled(
  { scenario, key, scratch }: Publishing,
  { name, place }: Pick<DiskCall, 'name' | 'place'>,
): Promise<Killed> {
  const trace = path.join(scratch, 'trace');
  const { child, thread, ended } = await start(scenario, key);
  const inject = `inject=${name}:signal=SIGKILL:when=${place}`;
  const tracing = ['-y', '-s', '0', '-o', trace, '-e', `trace=${CALLS}`, '-e', inject];
  const traced = await attach([...tracing, '-p', String(thread)]);
  child.send('go');
  const ending = await ended;
  await traced.ended;
  const text = await fs.readFile(trace, 'utf8');
  const calls = readTrace(text, rootsOf(scenario), thread).get(thread) ?? [];
  const last = calls.at(-1);
  const isAt = ending === 'SIGKILL' && last?.name === name && last.place === place;
  return { ending, calls, at: isAt ? last : undefined };
}
