import { type ChildProcess, fork, spawn } from 'node:child_process';
import { once } from 'node:events';
import * as fs from 'node:fs/promises';
import * as path from 'node:path';
import { createInterface } from 'node:readline';
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
  /** Where the count begins. */
  gate: Gate;
  thread: Thread;
}

/** libuv's one worker does what Node.js's file system does, the main thread what SQLite does. */
type Thread = 'worker' | 'main';

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
    .replace(/\.tmp-xz-\w+/, '.tmp-xz')
    .replace(/\b[0-9a-f]{64}\b/g, 'HASH')
    .replace(/\bextra-\d+/g, 'extra-N')
    .replace(/_\d+_/g, '_N_');
}

/**
 * The calls of a trace (`strace -y`) that change files below some folders, in their order.
 *
 * @param threads numbers of the threads; the number of one that is traced alone is not in the trace
 * @throws Error when another thread changes any
 */
function readTrace(
  text: string,
  roots: readonly string[],
  threads: { numbers: ReadonlyMap<number, Thread>; alone: Thread | undefined },
  gate: Gate,
): DiskCall[] {
  const places = new Map<string, number>();
  const found: DiskCall[] = [];
  const seen = new Map<string, number>();
  for (const line of text.split('\n')) {
    const groups = LINE.exec(line)?.groups;
    if (groups === undefined) {
      continue;
    }
    const { name = '', args = '' } = groups;
    const number = groups['thread'];
    const place = (places.get(`${number} ${name}`) ?? 0) + 1;
    places.set(`${number} ${name}`, place);
    const subject = subjectOf(args, roots);
    if (subject === undefined || !isChange(name, args)) {
      continue;
    }
    const thread = number === undefined ? threads.alone : threads.numbers.get(Number(number));
    if (thread === undefined) {
      throw new Error(`changed by another thread: ${line}`);
    }
    const what = `${name} ${subject}`;
    const turn = (seen.get(what) ?? 0) + 1;
    seen.set(what, turn);
    found.push({ what: `${what} #${turn}`, name, place, gate, thread });
  }
  return found;
}

const questionSchema = z.object({
  id: z.number(),
  what: z.enum(['sign', 'verify']),
  text: z.string(),
});

/** Where a publisher stops: before it begins, and before it changes the repository. */
export type Gate = 'begins' | 'changes';

interface Started {
  child: ChildProcess;
  threads: Record<Thread, number>;
  /** Comes back when the publisher is at the gate, or has ended. */
  until: (gate: Gate) => Promise<void>;
  /** Lets it go on from a gate. */
  pass: () => Promise<void>;
  /** The signal that killed it, or its status. */
  ended: Promise<string>;
}

const CHILD = path.join(import.meta.dirname, 'publisher-child.ts');

async function start({ scenario, key, scratch }: Publishing): Promise<Started> {
  const file = path.join(scratch, 'pass');
  await fs.rm(file, { force: true });
  const child = fork(CHILD, [JSON.stringify({ ...scenario, pass: file })], {
    env: { ...process.env, UV_THREADPOOL_SIZE: '1' },
    execArgv: [],
    stdio: ['ignore', 'pipe', 'inherit', 'ipc'],
  });
  const ended = once(child, 'close').then(() => child.signalCode ?? String(child.exitCode));
  child.on('message', (message) => {
    const { id, what, text } = questionSchema.parse(message);
    void key[what](text).then((value) => child.connected && child.send({ id, value }));
  });
  const { stdout } = child;
  if (stdout === null) {
    throw new Error('no pipe');
  }
  const lines = createInterface({ input: stdout })[Symbol.asyncIterator]();
  let line = '';
  const until = async (gate: Gate): Promise<void> => {
    while (!line.startsWith(gate)) {
      const next = await lines.next();
      if (next.done === true) {
        return;
      }
      line = next.value;
    }
  };
  await until('begins');
  const pass = (): Promise<void> => fs.writeFile(file, '');
  const threads = { main: child.pid ?? 0, worker: Number(line.split(' ')[1]) };
  return { child, threads, until, pass, ended };
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

function check(ending: string): void {
  if (ending !== '0') {
    throw new Error(`the publisher ended with ${ending}`);
  }
}

/** Publishes to the end. */
export async function publishWhole(publishing: Publishing): Promise<void> {
  const { until, pass, ended } = await start(publishing);
  await pass();
  await until('changes');
  await pass();
  check(await ended);
}

/**
 * Goes through the gates and attaches strace at one of them.
 *
 * @param alone the one thread that is traced; all unless given
 * @returns how the publisher ended, and the calls by which it changed the repository or the state folder
 */
async function publishUnder(
  publishing: Publishing,
  gate: Gate,
  alone: Thread | undefined,
  more: readonly string[] = [],
): Promise<{ ending: string; calls: DiskCall[] }> {
  const { scenario, scratch } = publishing;
  const trace = path.join(scratch, 'trace');
  const { child, threads, until, pass, ended } = await start(publishing);
  if (gate === 'changes') {
    await pass();
    await until('changes');
  }
  // Programs that it starts change nothing but their own pipes.
  const traced =
    alone === undefined
      ? await fs.readdir(`/proc/${child.pid ?? 0}/task`)
      : [String(threads[alone])];
  const common = ['-y', '-s', '0', '-o', trace, '-e', `trace=${CALLS}`, ...more];
  const tracer = await attach([...common, ...traced.flatMap((id) => ['-p', id])], traced.length);
  await pass();
  if (gate === 'begins') {
    await until('changes');
    await pass();
  }
  const ending = await ended;
  await tracer.ended;
  const roots = [scenario.directory, scenario.stateDirectory];
  const numbers = new Map<number, Thread>([
    [threads.main, 'main'],
    [threads.worker, 'worker'],
  ]);
  const text = await fs.readFile(trace, 'utf8');
  return { ending, calls: readTrace(text, roots, { numbers, alone }, gate) };
}

/**
 * Publishes to the end and notes each call from a gate on that changes the repository or the state folder.
 *
 * @throws Error when a thread that can't be killed at a call changes anything
 */
export async function publishTraced(publishing: Publishing, gate: Gate): Promise<DiskCall[]> {
  const { ending, calls } = await publishUnder(publishing, gate, undefined);
  check(ending);
  return calls;
}

/** How a publisher that was to be killed ended. */
export interface Killed {
  /** The signal, or its status. */
  ending: string;
  /** The thread's calls; at the last one it was killed, unless that is none of the publisher's files. */
  calls: DiskCall[];
  /** The call at which it was killed, if it is one that changes files of the publisher's. */
  at: DiskCall | undefined;
}

/** Publishes until a thread makes a call of this name for the so-manieth time, and kills the publisher right before. */
export async function publishKilled(
  publishing: Publishing,
  { name, place, gate, thread }: Omit<DiskCall, 'what'>,
): Promise<Killed> {
  const inject = ['-e', `inject=${name}:signal=SIGKILL:when=${place}`];
  const { ending, calls } = await publishUnder(publishing, gate, thread, inject);
  const last = calls.at(-1);
  const isAt = ending === 'SIGKILL' && last?.name === name && last.place === place;
  return { ending, calls, at: isAt ? last : undefined };
}
