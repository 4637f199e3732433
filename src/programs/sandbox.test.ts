import { spawn } from 'node:child_process';
import { once } from 'node:events';
import * as fs from 'node:fs/promises';
import { createServer } from 'node:net';
import * as path from 'node:path';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { lockstepErrorOf } from '../core/testing/errors.ts';
import { useScratch } from '../core/testing/scratch.ts';
import { BUILD_USER, runSandbox, runsAsRoot, type SandboxRequest } from './sandbox.ts';
import { addPrograms, makeTinyRoot } from './testing/tiny-root.ts';

const at = useScratch('sandbox');
/** An ordinary user without an account; sandboxes of that user run in a child process. */
const USER = 42_424;

const answerSchema = z.object({
  end: z.enum(['exited', 'timeout', 'output-limit', 'memory-limit', 'interrupted']),
  status: z.number(),
});

/** Numbers of system calls. */
const CALLS = process.arch === 'arm64' ? { memfd: 279, mmap: 222 } : { memfd: 319, mmap: 9 };
const MEMORY_FILE = `$n = "f"; open(F, ">&=", syscall(${CALLS.memfd}, $n, 0)); print F "x" x 1e6 for 1..120; sleep 50`;
/** Read and write, shared, anonymous, filled at once. mmap(2). */
const SHARED_MEMORY = `syscall(${CALLS.mmap}, 0, 120e6, 3, 0x8021, -1, 0); fork; sleep 50`;

let counter = 0;

function requestFor(script: string, more: Partial<SandboxRequest> = {}): SandboxRequest {
  counter += 1;
  const folder = at(`box-${counter}`);
  return {
    folder,
    layers: [at('empty'), at('layer')],
    source: at('source'),
    buildPath: '/var/lib/dkms/test/1/build',
    env: { PATH: '/usr/bin:/bin', GREETING: 'hello' },
    command: ['sh', '-c', script],
    limits: { seconds: 30, outputBytes: 100_000, fileBytes: 1_000_000, processes: 300 },
    log: `${folder}.log`,
    ...more,
  };
}

interface Ran {
  end: string;
  status: number;
  log: string;
  out: (name: string) => Promise<string>;
  upper: (name: string) => Promise<string>;
}

type Run = (script: string, more?: Partial<SandboxRequest>) => Promise<Ran>;

async function ranOf(
  request: SandboxRequest,
  result: { end: string; status: number },
): Promise<Ran> {
  return {
    ...result,
    log: await fs.readFile(request.log, 'utf8'),
    out: (name) => fs.readFile(path.join(request.folder, 'out', name), 'utf8'),
    upper: (name) => fs.readFile(path.join(request.folder, 'upper', name), 'utf8'),
  };
}

async function runHere(script: string, more: Partial<SandboxRequest> = {}): Promise<Ran> {
  const request = requestFor(script, more);
  return ranOf(request, await runSandbox(request));
}

/** A child process that runs the sandbox; one more file is open in it, as whoever started it may have left it. */
function startChild(request: SandboxRequest, before: readonly string[]) {
  const command = [...before, at('user/node'), at('user/src/programs/testing/sandbox-child.ts')];
  const open = 'exec 200</etc/hostname; exec "$@"';
  const child = spawn('bash', ['-c', open, 'bash', ...command], {
    stdio: ['pipe', 'pipe', 'inherit'],
    cwd: '/',
  });
  child.stdin.end(JSON.stringify(request));
  return { child, output: child.stdout };
}

/** Starts a child process that runs the sandbox as an ordinary user. */
async function startAsUser(request: SandboxRequest) {
  await fs.mkdir(request.folder);
  await fs.writeFile(request.log, '');
  await fs.chown(request.folder, USER, USER);
  await fs.chown(request.log, USER, USER);
  return startChild(request, ['setpriv', `--reuid=${USER}`, `--regid=${USER}`, '--clear-groups']);
}

async function runAsUser(script: string, more: Partial<SandboxRequest> = {}): Promise<Ran> {
  const request = requestFor(script, { source: at('user-source'), ...more });
  const child = await startAsUser(request);
  return ranOf(request, answerSchema.parse(JSON.parse(await text(child.output))));
}

/** A time to sleep for, long and like no other, so that its process can be found. */
function makeMark(): string {
  counter += 1;
  return `86400.${process.pid}${counter}`;
}

function readLog(request: Pick<SandboxRequest, 'log'>): Promise<string> {
  return fs.readFile(request.log, 'utf8').catch(() => '');
}

/** The processes of this machine, whoever runs them, whose command line has a word. */
async function processesWith(word: string): Promise<string[]> {
  const found: string[] = [];
  for (const name of await fs.readdir('/proc')) {
    if (/^\d+$/.test(name)) {
      const line = await fs.readFile(`/proc/${name}/cmdline`, 'utf8').catch(() => '');
      if (line.includes(word)) {
        found.push(line.replaceAll('\0', ' '));
      }
    }
  }
  return found;
}

/** Waits until no process has the word: killed processes may need a moment to be gone. */
async function leftovers(word: string): Promise<string[]> {
  let found = await processesWith(word);
  for (let tries = 0; tries < 100 && found.length > 0; tries += 1) {
    await new Promise((resolve) => {
      setTimeout(resolve, 20);
    });
    found = await processesWith(word);
  }
  return found;
}

async function until(condition: () => Promise<boolean>): Promise<void> {
  while (!(await condition())) {
    await new Promise((resolve) => {
      setTimeout(resolve, 20);
    });
  }
}

beforeAll(async () => {
  await makeTinyRoot(at('layer'));
  // What nobody may write to is to be the sandbox's doing, not that of permissions.
  for (const name of ['', 'usr', 'usr/bin', 'usr/bin/busybox', 'var', 'var/lib']) {
    await fs.chmod(at('layer', name), 0o777);
  }
  await fs.mkdir(at('empty'), { mode: 0o777 });
  await addPrograms(at('perl'), ['/usr/bin/perl']);
  await fs.mkdir(at('source/inner'), { recursive: true });
  await fs.writeFile(at('source/inner/file'), 'from the source\n');
  if (runsAsRoot()) {
    // A module's source belongs to the user that builds, as Store.moduleSource leaves it.
    await fs.cp(at('source'), at('user-source'), { recursive: true });
    for (const name of ['', 'inner', 'inner/file']) {
      await fs.chown(at('source', name), BUILD_USER, BUILD_USER);
      await fs.chown(at('user-source', name), USER, USER);
    }
    await fs.mkdir(at('user/src/programs/testing'), { recursive: true });
    await fs.mkdir(at('user/src/core'));
    await fs.copyFile(process.execPath, at('user/node'));
    await fs.writeFile(at('user/package.json'), '{"type":"module"}');
    const base = path.dirname(import.meta.dirname);
    for (const name of [
      'core/errors.ts',
      'programs/memory-watch.ts',
      'programs/sandbox.ts',
      'programs/mount-and-run.sh',
      'programs/testing/sandbox-child.ts',
    ]) {
      await fs.copyFile(path.join(base, name), at('user/src', name));
    }
  }
});

afterAll(async () => {
  // overlayfs leaves folders that only root may enter.
  for (const name of await fs.readdir(at())) {
    await fs.chmod(at(name, 'work/work'), 0o700).catch(() => undefined);
  }
});

const runners: [string, Run][] = runsAsRoot()
  ? [
      ['root', runHere],
      ['an ordinary user', runAsUser],
    ]
  : [['an ordinary user', runHere]];

describe.each(runners)('a sandbox that %s starts', (_name, run) => {
  test('passes the exit status and the output on', async () => {
    const { log, ...result } = await run('echo out; echo err >&2; exit 7');
    expect(result).toMatchObject({ end: 'exited', status: 7 });
    expect(log.split('\n').toSorted()).toEqual(['', 'err', 'out']);
    expect(await run('true')).toMatchObject({ end: 'exited', status: 0, log: '' });
    expect(await run('kill -9 $$')).toMatchObject({ end: 'exited', status: 137 });
  });

  test('has an identity and an environment of its own', async () => {
    const { log } = await run(
      'id -u; id -g; hostname; pwd; env | sort; cat /proc/self/status; ls /proc/self/fd; cat',
    );
    expect(log.split('\n').slice(0, 4)).toEqual([
      ...['1000', '1000', 'lockstep', '/var/lib/dkms/test/1/build'],
    ]);
    const env = log.split('\n').slice(4, log.split('\n').indexOf('Name:\tcat'));
    expect(env.map((line) => line.split('=')[0]).filter((name) => name !== 'SHLVL')).toEqual([
      ...['GREETING', 'PATH', 'PWD'],
    ]);
    expect(log).toMatch(/^CapEff:\t0{16}$/m);
    expect(log).toMatch(/^CapPrm:\t0{16}$/m);
    expect(log).toMatch(/^NoNewPrivs:\t1$/m);
    // ls itself has the folder open as 3.
    expect(log.trim().split('\n').slice(-4)).toEqual(['0', '1', '2', '3']);
  });

  test('writes to the build folder, /out and temporary folders, and nowhere else', async () => {
    const { status, log, out, upper } = await run(
      [
        'cat inner/file; echo changed >inner/file; echo new >inner/new; echo kept >/out/kept',
        'for d in /tmp /var/tmp /run; do echo x >$d/file || exit 3; done',
        'for d in / /usr /usr/bin /var /var/lib /dev/mem /proc/sys/kernel /proc /etc; do',
        '  touch $d/file 2>/dev/null && echo "wrote $d"; done',
        'rm /usr/bin/busybox 2>/dev/null && echo removed',
        'mount -t tmpfs x /tmp 2>/dev/null && echo mounted',
        'mount -o remount,rw / 2>/dev/null && echo remounted',
        'chmod 0777 / 2>/dev/null && echo changed; exit 0',
      ].join('\n'),
    );
    expect({ status, log }).toEqual({ status: 0, log: 'from the source\n' });
    expect(await out('kept')).toBe('kept\n');
    expect(await upper('inner/file')).toBe('changed\n');
    expect(await upper('inner/new')).toBe('new\n');
    expect(await fs.readFile(at('source/inner/file'), 'utf8')).toBe('from the source\n');
    expect(await fs.readdir(at('source/inner'))).toEqual(['file']);
    expect((await fs.readdir(at('layer'))).toSorted()).toEqual([
      ...['bin', 'dev', 'out', 'proc', 'run', 'tmp', 'usr', 'var'],
    ]);
  });

  test('begins with an empty build folder when there is no source', async () => {
    const { log, upper } = await run('ls -A; echo 1 >file', { source: undefined });
    expect(log).toBe('');
    expect(await upper('file')).toBe('1\n');
  });

  test('sees the upper layer where two have the same file', async () => {
    const name = `upper-${counter}`;
    await fs.mkdir(at(name, 'usr/share'), { recursive: true });
    await fs.writeFile(at(name, 'usr/share/note'), 'upper');
    await fs.mkdir(at('layer/usr/share'), { recursive: true });
    await fs.writeFile(at('layer/usr/share/note'), 'lower');
    const { log } = await run('cat /usr/share/note', { layers: [at(name), at('layer')] });
    expect(log).toBe('upper');
  });

  test('takes layers and folders with any character in their names', async () => {
    const name = `a layer: with,commas\\ and "quotes" 'é ${counter}`;
    await fs.mkdir(at(name, 'usr/share'), { recursive: true });
    await fs.writeFile(at(name, 'usr/share/note'), 'found');
    const source = at(`${name} source`);
    await fs.cp(at('source'), source, { recursive: true });
    const { log } = await run('cat /usr/share/note inner/file', {
      layers: [at(name), at('layer')],
      source,
    });
    expect(log).toBe('foundfrom the source\n');
  });

  test('has no network: no interface but its own lo, and the machine is out of reach', async () => {
    const server = createServer((socket) => socket.end('the machine\n')).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const address = z.object({ port: z.number() }).parse(server.address());
    const { log } = await run(
      `tail -n +3 /proc/net/dev | grep -o '^.*:'; nc -w 2 127.0.0.1 ${address.port}; echo "status $?"`,
    );
    server.close();
    expect(log.trim()).toMatch(/^lo:\n/);
    expect(log.trim().split('\n')).toHaveLength(3);
    expect(log).not.toContain('the machine');
    expect(log).toContain('status 1');
  });

  test('sees its own processes only', async () => {
    const { log } = await run('ls /proc | grep -c "^[0-9]*$"; kill -0 1 && echo init; ls /proc');
    const [count, init] = log.split('\n');
    expect(Number(count)).toBeLessThanOrEqual(5);
    expect(init).toBe('init');
    // A process of this machine that has a number of its own in there would be listed.
    expect(log.split('\n')).not.toContain(String(process.pid));
  });

  test('that signals everything reaches neither itself, the machine, nor another sandbox', async () => {
    const mark = makeMark();
    const bystander = spawn(
      'setpriv',
      runsAsRoot()
        ? [`--reuid=${BUILD_USER}`, '--clear-groups', 'sh', '-c', `exec sleep ${mark}`]
        : ['sh', '-c', `exec sleep ${mark}`],
    );
    const other = run('echo begun; while ! [ -e /out/enough ]; do sleep 0.05; done; exit 5');
    const otherFolder = at(`box-${counter}`);
    await until(async () =>
      (await fs.readFile(`${otherFolder}.log`, 'utf8').catch(() => '')).includes('begun'),
    );
    const { status } = await run('kill -9 -1; kill -1; exit 4');
    expect(status).not.toBe(0);
    expect(await processesWith(mark)).toHaveLength(1);
    bystander.kill('SIGKILL');
    await fs.writeFile(path.join(otherFolder, 'out/enough'), '');
    expect(await other).toMatchObject({ end: 'exited', status: 5 });
    expect(await leftovers(mark)).toEqual([]);
  });

  test('takes a daemon that left its session with it when it ends', async () => {
    const mark = makeMark();
    const { status } = await run(
      `setsid sh -c 'trap "" HUP TERM; exec sleep ${mark}' & echo $! >/out/pid; exit 0`,
    );
    expect(status).toBe(0);
    expect(await leftovers(mark)).toEqual([]);
  });

  test('is killed whole after its time: a fork bomb and a daemon', async () => {
    const mark = makeMark();
    const { end, status, out } = await run(
      [
        `setsid sh -c 'trap "" HUP TERM INT; exec sleep ${mark}' &`,
        `bomb() { echo x >>/out/bombs; sleep ${mark} & bomb & bomb; }`,
        `bomb & exec sleep ${mark}`,
      ].join('\n'),
      {
        limits: { seconds: 1.5, outputBytes: 10_000_000, fileBytes: 1_000_000, processes: 60 },
      },
    );
    expect({ end, status }).toEqual({ end: 'timeout', status: 137 });
    expect((await out('bombs')).length).toBeGreaterThan(20);
    expect(await leftovers(mark)).toEqual([]);
  });

  test('cannot print more than its limit', async () => {
    const flood = `while :; do echo ${'y'.repeat(70)}; echo ${'z'.repeat(70)} >&2; done`;
    const { end, log } = await run(flood, {
      limits: { seconds: 30, outputBytes: 5000, fileBytes: 1_000_000, processes: 300 },
    });
    expect(end).toBe('output-limit');
    expect(log).toHaveLength(5000);
  });

  test('cannot write larger files or start more processes than its limits', async () => {
    const { log, out } = await run(
      [
        'dd if=/dev/zero of=/out/large bs=1000 count=2000 2>/dev/null; wc -c </out/large',
        'n=0; while [ $n -lt 60 ]; do sleep 5 & n=$((n + 1)); done 2>/dev/null; ls /proc | grep -c "^[0-9]*$"',
      ].join('\n'),
      { limits: { seconds: 30, outputBytes: 100_000, fileBytes: 1_000_000, processes: 20 } },
    );
    const [size, processes] = log.split('\n').filter((line) => /^\d+$/.test(line));
    expect(Number(size)).toBe(1_000_000);
    expect((await out('large')).length).toBe(1_000_000);
    expect(Number(processes ?? 20)).toBeLessThan(25);
  });

  test('may write into a second copy of the source where that lies, and changes neither the first nor the source', async () => {
    await fs.mkdir(at('source-layer/src'), { recursive: true });
    const layers = [at('source-layer'), at('layer')];
    const { out } = await run(
      'ls >/out/before; echo new >/src/new; ls >/out/build; ls /src >/out/source',
      { sourcePath: '/src', layers },
    );
    const before = await out('before');
    expect(before).not.toBe('');
    expect(await out('build')).toBe(before);
    expect((await out('source')).split('\n')).toContain('new');
    expect(await fs.readdir(at('source'))).not.toContain('new');
  });

  test('cannot take more memory than its limit, all its processes together', async () => {
    const mark = makeMark();
    const hog = `dd if=/dev/zero bs=60M count=1 2>/dev/null | { sleep ${mark}; cat >/dev/null; } &`;
    const limits = { seconds: 60, outputBytes: 100_000, fileBytes: 1_000_000, processes: 60 };
    const memoryBytes = 100_000_000;
    const enough = await run(`${hog} sleep 2; echo fine`, { limits: { ...limits, memoryBytes } });
    expect(enough).toMatchObject({ end: 'exited', log: 'fine\n' });
    const { end } = await run(`${hog}\n${hog}\nsleep 50`, { limits: { ...limits, memoryBytes } });
    expect(end).toBe('memory-limit');
    expect(await leftovers(mark)).toEqual([]);
  });

  test.each([
    [
      'in its temporary folders',
      'for d in /tmp /run /dev/shm; do head -c 50000000 /dev/zero >$d/f; done',
    ],
    ['in files without a name', `exec perl -e '${MEMORY_FILE}'`],
    ['that its processes share', `exec perl -e '${SHARED_MEMORY}'`],
  ])('cannot take more memory than its limit %s', async (_where, take) => {
    const layers = [at('perl'), at('layer')];
    const memoryBytes = 100_000_000;
    const limits = { seconds: 60, outputBytes: 100_000, fileBytes: 200_000_000, processes: 60 };
    const request = { layers, limits: { ...limits, memoryBytes } };
    const { end, log } = await run(`${take}; sleep 50`, request);
    expect({ end, log }).toEqual({ end: 'memory-limit', log: '' });
  });

  test('cannot get away from who looks for its memory, and fills no folder without a limit', async () => {
    const { log } = await run(
      [
        'unshare -U true && echo "a user namespace"; unshare -p true && echo "a process tree"',
        'touch /dev/file && echo "a file in /dev"; cat /proc/sys/kernel/shmall',
        "df -k /tmp /var/tmp /run /dev/shm | awk 'NR > 1 { print $2 }'",
      ].join('\n'),
    );
    expect(log.split('\n').filter((line) => !/^(unshare|touch):/.test(line))).toEqual([
      ...['262144', '1048576', '1048576', '1048576', '1048576', ''],
    ]);
  });

  test('that is full of processes does not hinder another', async () => {
    const limits = { seconds: 30, outputBytes: 100_000, fileBytes: 1_000_000, processes: 30 };
    const full = run(
      [
        '(while :; do sleep 20 & done) 2>/dev/null; (while :; do sleep 20 & done) 2>/dev/null',
        'echo full; while ! [ -e /out/enough ]; do :; done; exit 5',
      ].join('\n'),
      { limits },
    );
    const folder = at(`box-${counter}`);
    await until(async () => (await readLog({ log: `${folder}.log` })).includes('full'));
    const other = await run('sleep 0 & sleep 0 & sleep 0 & sleep 0 & wait; (exit 4); exit $?', {
      limits,
    });
    expect(other).toMatchObject({ end: 'exited', status: 4, log: '' });
    await fs.writeFile(path.join(folder, 'out/enough'), '');
    expect(await full).toMatchObject({ end: 'exited', status: 5 });
  });

  test('that cannot be set up is an error of its own, never a status of the command', async () => {
    const folder = `box-${counter + 1}`;
    const error = await run('true', { layers: [at('layer'), at('missing')] }).catch(
      (caught: unknown) => caught,
    );
    expect(error).toBeInstanceOf(Error);
    expect(await fs.readFile(at(`${folder}.log`), 'utf8')).toContain(at('missing'));
    const none = await run('true', { command: ['no-such-program'] }).catch(
      (caught: unknown) => caught,
    );
    expect(none).toBeInstanceOf(Error);
  });
});

describe('a sandbox', () => {
  test('that cannot be set up says why', async () => {
    const layers = [at('layer'), at('missing')];
    const error = await lockstepErrorOf(() => runHere('true', { layers }));
    expect(error.code).toBe('SANDBOX_FAILED');
    expect(error.message).toContain(at('missing'));
    expect(error.hint).toBe('lockstep doctor');
    const broken = await lockstepErrorOf(() => runHere('true', { layers: [at('a\nb')] }));
    expect(broken.code).toBe('SANDBOX_FAILED');
  });

  test('whose log cannot be written ends with an error', async () => {
    const flood =
      'while :; do echo yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy; done';
    const error = await lockstepErrorOf(() => runHere(flood, { log: '/dev/full' }));
    expect(error.code).toBe('SANDBOX_FAILED');
    expect(error.message).toContain('ENOSPC');
  });

  test('ends when it is interrupted', async () => {
    const mark = makeMark();
    const controller = new AbortController();
    const request = requestFor(`echo begun; setsid sleep ${mark} & exec sleep ${mark}`, {
      signal: controller.signal,
    });
    const running = runSandbox(request);
    await until(async () => (await readLog(request)).includes('begun'));
    controller.abort();
    expect(await running).toEqual({ end: 'interrupted', status: 137 });
    expect(await leftovers(mark)).toEqual([]);
    await expect(runSandbox(requestFor('true', { signal: controller.signal }))).rejects.toThrow(
      'aborted',
    );
  });

  test.runIf(runsAsRoot())('is killed whole also before bwrap has bound it to itself', async () => {
    const mark = makeMark();
    // bwrap lists a folder between beginning the command and binding it: strace makes that slow.
    const strace = ['strace', '-f', '-qq', '-o', '/dev/null', '-e', 'trace=getdents64'];
    const slow = [...strace, '-e', 'inject=getdents64:delay_enter=500000'];
    const request = requestFor(`while :; do echo ${mark}; done`, {
      source: undefined,
      limits: { seconds: 30, outputBytes: 10, fileBytes: 1_000_000, processes: 300 },
    });
    const { output } = startChild(request, slow);
    const answer: unknown = JSON.parse(await text(output));
    expect(answer).toEqual({ end: 'output-limit', status: 137 });
    expect(await leftovers(mark)).toEqual([]);
  });

  test.runIf(runsAsRoot())('dies with the program that started it', async () => {
    for (const start of [startAsUser, async (request: SandboxRequest) => startChild(request, [])]) {
      const mark = makeMark();
      const request = requestFor(`echo begun; setsid sleep ${mark} & sleep ${mark}`, {
        source: undefined,
      });
      const { child } = await start(request);
      await until(async () => (await readLog(request)).includes('begun'));
      await until(async () => (await processesWith(mark)).length > 0);
      child.kill('SIGKILL');
      expect(await leftovers(mark)).toEqual([]);
    }
  });
});
