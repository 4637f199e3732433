import * as fs from 'node:fs/promises';
import * as os from 'node:os';
import * as path from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type RunResult, runProgram } from '../../src/programs/run.ts';
import { sweep } from './cache.ts';

const MAKE_ROOT = path.join(import.meta.dirname, 'make-root.sh');
/** Stands in for mmdebstrap: says that it ran, takes its time, fails when a file `fail` lies in its folder. */
const FAKE = `#!/bin/sh
cd "$(dirname "$0")"
echo made >>log
mkdir -p tree/etc/apt/sources.list.d tree/dev
cat >tree/etc/apt/sources.list.d/0000main.sources
touch tree/dev/null
sleep 0.5
tar -C tree --owner=0 --group=0 -c .
[ ! -e fail ]
`;

let folder: string;

beforeEach(async () => {
  folder = await fs.mkdtemp(path.join(os.tmpdir(), 'lockstep-make-root-'));
  await fs.mkdir(path.join(folder, 'roots'));
  await fs.writeFile(path.join(folder, 'mmdebstrap'), FAKE, { mode: 0o755 });
});

afterEach(async () => {
  await fs.rm(folder, { recursive: true });
});

async function make(name: string): Promise<RunResult> {
  const roots = path.join(folder, 'roots');
  return await runProgram(
    MAKE_ROOT,
    [path.join(folder, 'lock'), roots, name, 'trixie', '/dev/null', ''],
    {
      env: { PATH: `${folder}:${process.env['PATH'] ?? ''}` },
      input: 'Types: deb\n',
      allowFailure: true,
    },
  );
}

const log = async () => await fs.readFile(path.join(folder, 'log'), 'utf8');
const roots = async () => await fs.readdir(path.join(folder, 'roots'));

test('two processes that want one root make it once', async () => {
  const results = await Promise.all([make('trixie-1'), make('trixie-1'), make('trixie-1')]);
  expect(results.map((result) => result.exitCode)).toEqual([0, 0, 0]);
  expect(await log()).toBe('made\n');
  expect(await roots()).toEqual(['trixie-1']);
  const tree = path.join(folder, 'roots/trixie-1');
  expect(await fs.readFile(path.join(tree, 'etc/apt/sources.list.d/debian.sources'), 'utf8')).toBe(
    'Types: deb\n',
  );
  expect(await fs.readdir(path.join(tree, 'dev'))).toEqual([]);
});

test('a root that fails is not there, and is made the next time', async () => {
  await fs.writeFile(path.join(folder, 'fail'), '');
  expect((await make('trixie-1')).exitCode).toBe(1);
  expect(await roots()).toEqual([]);
  await fs.rm(path.join(folder, 'fail'));
  expect((await make('trixie-1')).exitCode).toBe(0);
  expect(await roots()).toEqual(['trixie-1']);
});

test('leftovers and roots of the suite that nobody used for a week go', async () => {
  const long = new Date(Date.now() - 9 * 86_400_000);
  for (const name of ['trixie-0', 'sid-0', '.new-trixie-0']) {
    await fs.mkdir(path.join(folder, 'roots', name));
    await fs.utimes(path.join(folder, 'roots', name), long, long);
  }
  await fs.mkdir(path.join(folder, 'roots/trixie-2'));
  expect((await make('trixie-1')).exitCode).toBe(0);
  expect((await roots()).toSorted()).toEqual(['sid-0', 'trixie-1', 'trixie-2']);
});

test('what a killed process left in use is swept away, and nothing else', async () => {
  const { stdout } = await runProgram('sh', ['-c', 'echo $$']);
  const gone = `${stdout.trim()}-abc`;
  const mine = `${process.pid}-abc`;
  const running = path.join(folder, 'running');
  await fs.mkdir(path.join(running, gone, 'upper'), { recursive: true });
  await fs.mkdir(path.join(running, mine));
  await sweep(running, async (directory) => await fs.rm(directory, { recursive: true }));
  expect(await fs.readdir(running)).toEqual([mine]);
});
