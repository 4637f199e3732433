import * as fs from 'node:fs/promises';
import * as path from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { runProgram } from '../src/programs/run.ts';
import {
  errorOf,
  type ProgramEnd,
  programCommand,
  resultOf,
  type Scratch,
  scratch,
} from './support/program.ts';
import { linkCache } from './support/build-roots.ts';
import { type SmallArchive, smallArchive } from './support/small-archive.ts';
import {
  type Behaviour,
  type SteerableMirror,
  steerableMirror,
} from './support/steerable-mirror.ts';
import { type TestConfig, writeConfig } from './support/test-config.ts';
import { sampled, slow } from './support/tier.ts';
import { fingerprint, leftoversOf } from './support/traces.ts';

let mirror: SteerableMirror;
let box: Scratch;
let archive: SmallArchive;
/** A folder in which one module is published: `lockstep.yaml`, `state` and `repository`. */
let home: string;
let published: Map<string, string>;

beforeAll(async () => {
  mirror = await steerableMirror();
  box = await scratch('bad-input');
  archive = await smallArchive(mirror, box.path);
  home = path.join(box.path, 'home');
  const end = await box.run(['run', '-c', await config(), '--json']);
  published = await packagesOf(path.join(home, 'repository'));
  if (end.exitCode !== 0 || published.size < 10) {
    throw new Error(`nothing is published to begin with:\n${end.stderr}`);
  }
}, 180_000);

afterAll(async () => {
  await mirror[Symbol.asyncDispose]();
  await box[Symbol.asyncDispose]();
});

afterEach(() => {
  mirror.calm();
});

function config(change: TestConfig = {}, folder = home): Promise<string> {
  return writeConfig(folder, {
    ...change,
    archive: { mirror: mirror.url, keyring: archive.keyring, ...change.archive },
  });
}

/** apt with a time-out that a test can wait for, set where a machine's administrator would set it. */
async function impatientApt(): Promise<Record<string, string>> {
  const file = path.join(box.path, 'apt.conf');
  await fs.writeFile(file, 'Acquire::http::Timeout "2";\nAcquire::Retries "0";\n');
  return { APT_CONFIG: file };
}

interface Refusal {
  exitCode: number;
  code: string;
  message?: RegExp;
}

/**
 * Sees to it that there is one clear error on standard error and as JSON, no stack trace, nothing left behind, and
 * nothing published touched.
 *
 * @returns the error's code
 */
async function refusalOf(end: ProgramEnd, refusal: Refusal): Promise<string> {
  expect(end, end.stderr).toMatchObject({ exitCode: refusal.exitCode });
  const error = errorOf(end);
  expect(error.code).toBe(refusal.code);
  expect(error.message).toMatch(refusal.message ?? /./);
  expect(error.hint).not.toBe('');
  const lines = end.stderr.split('\n');
  const own = lines.filter((line) => line.startsWith('lockstep: '));
  expect(own).toEqual([`lockstep: ${error.code}: ${error.message.split('\n')[0]}`]);
  expect(lines).toContain(`  hint: ${error.hint}`);
  expect(end.stderr).not.toMatch(/^\s+at .*:\d+|node:internal|BUG/m);
  expect(await leftoversOf(box.tmp)).toEqual([]);
  expect(await fs.readdir(box.tmp)).toEqual([]);
  expect(await packagesOf(path.join(home, 'repository'))).toEqual(published);
  return error.code;
}

/** The published packages and indices: pages tell of every run. */
async function packagesOf(repository: string): Promise<Map<string, string>> {
  const all = await fingerprint(repository);
  return new Map([...all].filter(([name]) => !/^(?:index\.html$|status(?:\/|$))/.test(name)));
}

/** The next run with the configuration as it was works as if nothing had been. */
async function expectHealed(): Promise<void> {
  mirror.calm();
  const end = await box.run(['run', '-c', await config(), '--json']);
  expect(end, end.stderr).toMatchObject({ exitCode: 0 });
  expect(resultOf(end).targets.map((target) => target.verdict)).toEqual(['published']);
  expect(await packagesOf(path.join(home, 'repository'))).toEqual(published);
}

/** Forgets the indices, so that the next run reads them all again. */
async function forgetIndices(): Promise<void> {
  await fs.rm(path.join(home, 'state/archives'), { recursive: true });
}

describe('a configuration that can’t be', () => {
  test('is missing', async () => {
    const file = path.join(home, 'nowhere.yaml');
    const end = await box.run(['run', '-c', file, '--json']);
    expect(
      await refusalOf(end, { exitCode: 2, code: 'CONFIG_MISSING', message: /nowhere\.yaml/ }),
    ).toBe('CONFIG_MISSING');
  });

  const broken: [string, string | Buffer, RegExp][] = [
    ['is no YAML', 'repository: {\n  origin: [\n', /:3:1: /],
    ['has a key twice', 'state: a\nstate: b\n', /:2:1: /],
    ['is empty', '', /:1:1: .*repository/],
    ['is a list', '- a\n', /:1:1: /],
    ['has bytes that are no text', Buffer.from([0xff, 0xfe, 0x00, 0x80]), /:1:1: /],
    ['expands without end', bomb(), /./],
  ];
  test.each(sampled(broken, 3))('%s', async (_, content, message) => {
    const file = path.join(box.path, 'broken.yaml');
    await fs.writeFile(file, content);
    const end = await box.run(['run', '-c', file, '--json']);
    expect(await refusalOf(end, { exitCode: 2, code: 'CONFIG_INVALID', message })).toBe(
      'CONFIG_INVALID',
    );
  });

  test('has an unknown key, and says where it stands', async () => {
    const file = path.join(box.path, 'unknown-key.yaml');
    const lines = (await fs.readFile(await config(), 'utf8')).split('\n');
    lines.splice(1, 0, '  "colour": "red",');
    await fs.writeFile(file, lines.join('\n'));
    const end = await box.run(['run', '-c', file, '--json']);
    const message = /unknown-key\.yaml:2:3: unknown key colour$/;
    expect(await refusalOf(end, { exitCode: 2, code: 'CONFIG_INVALID', message })).toBe(
      'CONFIG_INVALID',
    );
  });

  const wrong: [string, TestConfig, Refusal][] = [
    [
      'a suite that the mirror has not',
      { archive: { suites: ['trixie', 'trixy'] } },
      { exitCode: 2, code: 'SUITE_UNKNOWN', message: /trixy/ },
    ],
    [
      'a component that the suite has not',
      { archive: { components: ['main', 'mane'] } },
      { exitCode: 2, code: 'SUITE_UNKNOWN', message: /mane/ },
    ],
    [
      'packages that the suites have not',
      { modules: ['acpi-call-dkms', 'no-such-dkms', 'nor-this-dkms'] },
      { exitCode: 2, code: 'PACKAGE_UNKNOWN', message: /no-such-dkms, nor-this-dkms/ },
    ],
    [
      'a flavour that no kernel has',
      { kernels: { flavours: ['cloudy-amd64'] } },
      { exitCode: 2, code: 'FLAVOUR_UNKNOWN', message: /cloudy-amd64/ },
    ],
    [
      'an architecture that can’t be built here',
      { kernels: { flavours: 'all', architectures: ['s390x'] } },
      { exitCode: 2, code: 'USAGE', message: /s390x/ },
    ],
    [
      'a keyring that is not there',
      { archive: { keyring: 'nowhere.gpg' } },
      { exitCode: 3, code: 'ENVIRONMENT', message: /nowhere\.gpg/ },
    ],
    [
      'a keyring with other keys',
      { archive: { keyring: '/usr/share/keyrings/debian-archive-keyring.gpg' } },
      { exitCode: 3, code: 'ARCHIVE_UNSIGNED' },
    ],
    [
      'a mirror where nobody listens',
      { archive: { mirror: 'http://127.0.0.1:1/debian' } },
      { exitCode: 3, code: 'ARCHIVE_UNREACHABLE' },
    ],
  ];
  test.each(sampled(wrong, 4))('names %s', async (_, change, refusal) => {
    const end = await box.run(['run', '-c', await config(change), '--json'], {
      env: await impatientApt(),
    });
    expect(await refusalOf(end, refusal)).toBe(refusal.code);
  });
});

function bomb(): string {
  const lines = ['a0: &a0 [x, x, x, x, x, x, x, x, x, x]'];
  for (let i = 1; i < 10; i += 1) {
    lines.push(`a${i}: &a${i} [${Array.from({ length: 10 }, () => `*a${i - 1}`).join(', ')}]`);
  }
  return `${lines.join('\n')}\n`;
}

describe('a mirror in trouble', () => {
  const inRelease = /\/InRelease$/;
  const packages = /\/Packages\.gz$/;
  const moduleDeb = /\/openvpn-dco-dkms_/;
  const both: TestConfig = { modules: ['acpi-call-dkms', 'openvpn-dco-dkms'] };
  /** The second tier has every trouble with every file, the first one a trouble of each kind. */
  const cases: [string, RegExp, Behaviour, TestConfig, string][] = [
    ['status 500', inRelease, { kind: 'status', status: 500 }, {}, 'ARCHIVE_UNREACHABLE'],
    ['a reset connection', inRelease, { kind: 'reset' }, {}, 'ARCHIVE_UNREACHABLE'],
    ['an altered InRelease', inRelease, { kind: 'flipped' }, {}, 'ARCHIVE_UNSIGNED'],
    ['a broken-off index', packages, { kind: 'truncated' }, {}, 'ARCHIVE_UNREACHABLE'],
    ['an altered index', packages, { kind: 'flipped' }, {}, 'ARCHIVE_ALTERED'],
    ['half a package', moduleDeb, { kind: 'short' }, both, 'ARCHIVE_ALTERED'],
    ['an altered package', moduleDeb, { kind: 'flipped' }, both, 'ARCHIVE_ALTERED'],
    ['a package that hangs', moduleDeb, { kind: 'hang' }, both, 'ARCHIVE_UNREACHABLE'],
    ['a package without end', moduleDeb, { kind: 'endless', bytes: 1e9 }, both, 'ARCHIVE_ALTERED'],
  ];
  const more: typeof cases = [
    ['half an InRelease', inRelease, { kind: 'short' }, {}, 'ARCHIVE_UNSIGNED'],
    ['silence', inRelease, { kind: 'hang' }, {}, 'ARCHIVE_UNREACHABLE'],
    ['no index', packages, { kind: 'status', status: 404 }, {}, 'ARCHIVE_UNREACHABLE'],
    ['no InRelease', inRelease, { kind: 'status', status: 404 }, {}, 'SUITE_UNKNOWN'],
    ['a broken-off InRelease', inRelease, { kind: 'truncated' }, {}, 'ARCHIVE_UNREACHABLE'],
    ['half an index', packages, { kind: 'short' }, {}, 'ARCHIVE_ALTERED'],
    ['an index without end', packages, { kind: 'endless', bytes: 1e9 }, {}, 'ARCHIVE_ALTERED'],
    ['no package', moduleDeb, { kind: 'status', status: 404 }, both, 'ARCHIVE_UNREACHABLE'],
    ['a broken-off package', moduleDeb, { kind: 'truncated' }, both, 'ARCHIVE_UNREACHABLE'],
  ];
  test.each(slow ? [...cases, ...more] : cases)(
    '%s',
    async (_, pattern, behaviour, change, code) => {
      await forgetIndices();
      const file = await config(change);
      mirror.steer(pattern, behaviour);
      const options = { env: await impatientApt() };
      const end = await box.run(['run', '-c', file, '--json'], options);
      const exitCode = code === 'SUITE_UNKNOWN' ? 2 : 3;
      expect(await refusalOf(end, { exitCode, code })).toBe(code);
      expect(await partials()).toEqual([]);
      // What the kernel buffers on the way is not on the disk.
      expect(mirror.flooded()).toBeLessThan(100e6);
      await expectHealed();
    },
  );

  /** Files of which not all came, and which nobody could use later. */
  async function partials(): Promise<string[]> {
    const names = await fs.readdir(path.join(home, 'state/cache/debs'));
    return names.filter((name) => !/^[0-9a-f]{64}\.deb$/.test(name));
  }

  test('a package of another version under its name', async () => {
    const other = await mirror.original(await poolPath('acpi-call-dkms'));
    mirror.steer(moduleDeb, { kind: 'swapped', body: other });
    const end = await box.run(['run', '-c', await config(both), '--json'], {
      env: await impatientApt(),
    });
    expect(await refusalOf(end, { exitCode: 3, code: 'ARCHIVE_ALTERED' })).toBe('ARCHIVE_ALTERED');
    await expectHealed();
  });

  test('an older state of the archive is not gone back to', async () => {
    await archive.sign({ date: new Date(Date.now() - 1_800_000) });
    await expectHealed();
    const list = await inReleaseDate();
    await archive.sign({ date: new Date(Date.now() - 864_000_000) });
    await expectHealed();
    expect(await inReleaseDate()).toBe(list);
    await archive.sign();
  });

  test('a mirror of a few bytes a second: Ctrl-C ends it', async () => {
    await forgetIndices();
    mirror.steer(inRelease, { kind: 'trickle', bytesPerSecond: 10 });
    const running = box.start(['run', '-c', await config(), '--json']);
    const seen = mirror.requests.length;
    await until(() => mirror.requests.length > seen);
    running.kill('SIGINT', 'group');
    const end = await running.end;
    expect(end, end.stderr).toMatchObject({ exitCode: 130 });
    expect(end.stderr).toContain('lockstep: INTERRUPTED: ');
    expect(end.stderr).not.toMatch(/^\s+at /m);
    expect(await leftoversOf(box.tmp)).toEqual([]);
    await expectHealed();
  });

  test('a Release file past its Valid-Until, unless the configuration takes it', async () => {
    const hour = 3_600_000;
    const now = Date.now();
    const dates = { date: new Date(now - 48 * hour), validUntil: new Date(now - hour) };
    await forgetIndices();
    await archive.sign(dates);
    const refused = await box.run(['run', '-c', await config(), '--json']);
    expect(await refusalOf(refused, { exitCode: 3, code: 'ARCHIVE_EXPIRED' })).toBe(
      'ARCHIVE_EXPIRED',
    );
    const taken = await box.run([
      'run',
      '-c',
      await config({ archive: { checkValidUntil: false } }),
      '--json',
    ]);
    expect(taken, taken.stderr).toMatchObject({ exitCode: 0 });
    const warnings = taken.stderr.split('\n').filter((line) => line.startsWith('warning: '));
    expect(warnings).toEqual([expect.stringMatching(/ARCHIVE_EXPIRED: .*checkValidUntil: false/)]);
    await archive.sign({ date: new Date(now + 48 * hour) });
    await forgetIndices();
    const early = await box.run(['run', '-c', await config(), '--json']);
    expect(
      await refusalOf(early, { exitCode: 3, code: 'ARCHIVE_EXPIRED', message: /not valid yet/ }),
    ).toBe('ARCHIVE_EXPIRED');
    await archive.sign();
    await expectHealed();
  });
});

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) {
    await new Promise((resolve) => {
      setTimeout(resolve, 20);
    });
  }
}

async function inReleaseDate(): Promise<string | undefined> {
  const lists = path.join(home, 'state/archives/trixie/amd64/var/lib/apt/lists');
  const names = await fs.readdir(lists);
  const file = names.find((name) => name.endsWith('_InRelease')) ?? '';
  return /^Date: .*$/m.exec(await fs.readFile(path.join(lists, file), 'utf8'))?.[0];
}

async function poolPath(name: string): Promise<string> {
  await expectHealed();
  const asked = mirror.requests.find((request) => request.includes(`/${name}_`));
  expect(asked).toBeDefined();
  return (asked ?? '').replace('/debian/', '');
}

describe('two runs at once', () => {
  test('the second says who is at work; with --wait it waits and finds nothing to do', async () => {
    mirror.steer(/\/InRelease$/, { kind: 'trickle', bytesPerSecond: 200 });
    const seen = mirror.requests.length;
    const file = await config();
    const first = box.start(['run', '-c', file, '--json']);
    await until(() => mirror.requests.length > seen);
    const second = await box.run(['run', '-c', file, '--json']);
    expect(second, second.stderr).toMatchObject({ exitCode: 3 });
    const { code, message, hint } = errorOf(second);
    expect(code).toBe('LOCKED');
    expect(message).toContain(`process ${first.child.pid} (lockstep run)`);
    expect(hint).toContain('--wait');
    const third = box.start(['run', '-c', file, '--json', '--wait', '100']);
    const status = await box.run(['status', '-c', file, '--json']);
    expect(status, status.stderr).toMatchObject({ exitCode: 0 });
    expect(await first.end).toMatchObject({ exitCode: 0 });
    mirror.calm();
    const waited = await third.end;
    expect(waited, waited.stderr).toMatchObject({ exitCode: 0 });
    expect(resultOf(waited)).toMatchObject({ built: 0, targets: [{ verdict: 'published' }] });
    expect(await packagesOf(path.join(home, 'repository'))).toEqual(published);
  });
});

const root = process.getuid?.() === 0;

describe('folders', () => {
  test.runIf(slow)(
    'names with spaces, colons, commas, quotes and other letters just work',
    async () => {
      const odd = path.join(box.path, `Größe a:b, c='d' 100% [x] {y} #1 $HOME @+~ 日本`);
      await fs.mkdir(odd);
      const keyring = path.join(odd, 'key, ring.asc');
      await fs.copyFile(archive.keyring, keyring);
      await linkCache(path.join(home, 'state'), path.join(odd, 'state'), ['debs']);
      const file = await config({ archive: { keyring } }, odd);
      const end = await box.run(['run', '-c', file, '--json']);
      expect(end, end.stderr).toMatchObject({ exitCode: 0 });
      expect(resultOf(end).targets.map((target) => target.verdict)).toEqual(['published']);
      const debs = (
        await fs.readdir(path.join(odd, 'repository/pool'), { recursive: true })
      ).filter((name) => name.endsWith('.deb'));
      expect(debs.length).toBe(5);
      // Each folder has a key of its own.
      for (const deb of debs.filter((name) => !name.includes('-archive-keyring_'))) {
        const [ours, before] = await Promise.all(
          [odd, home].map((folder) => fs.readFile(path.join(folder, 'repository/pool', deb))),
        );
        expect(before !== undefined && ours?.equals(before)).toBe(true);
      }
      expect(await fs.readdir(box.tmp)).toEqual([]);
    },
  );

  test.runIf(root)('a state folder that can’t be written to', async () => {
    const options = { prefix: namespace('mount --bind -o ro "$0/state" "$0/state"') };
    const end = await box.run(['run', '-c', await config(), '--json'], options);
    expect(await refusalOf(end, { exitCode: 3, code: 'ENVIRONMENT', message: /state/ })).toBe(
      'ENVIRONMENT',
    );
    await expectHealed();
  });

  test('a state folder that is a file', async () => {
    await fs.writeFile(path.join(home, 'no-folder'), '');
    const end = await box.run(['run', '-c', await config({ state: 'no-folder' }), '--json']);
    expect(await refusalOf(end, { exitCode: 3, code: 'ENVIRONMENT', message: /no-folder/ })).toBe(
      'ENVIRONMENT',
    );
  });
});

/** Words that run a command in a mount namespace of its own after some mounts; `$0` is the home folder. */
function namespace(script: string): string[] {
  return ['unshare', '--mount', '--', 'sh', '-ec', `${script}\nexec "$@"`, home];
}

describe.runIf(root)('a full disk', () => {
  beforeAll(async () => {
    await runProgram('cp', ['-al', path.join(home, 'state'), path.join(home, 'seed')]);
  });

  /** What a stage leaves of the state before it, and how many KiB are free then. */
  const stages: [string, string[], number][] = [['building', ['archives', 'cache'], 300]];
  const more: typeof stages = [
    ['reading the archive', ['cache'], 100],
    ['fetching packages', ['archives', 'cache/headers'], 20_000],
    ['unpacking packages', ['archives', 'cache/debs'], 100_000],
  ];
  test.each(slow ? [...stages, ...more] : stages)('while %s', async (_, kept, kilobytes) => {
    const file = await config();
    const after = path.join(box.path, 'after.json');
    const again = programCommand(['run', '-c', file, '--json'])
      .map((word) => `'${word}'`)
      .join(' ');
    // The ledger's builds are forgotten, so that there is something to do; the key stays.
    const script = `
      mount -t tmpfs -o size=2g,mode=755 tmpfs "$0/state"
      cp -a "$0/seed/keys" "$0/seed/packages" "$0/state"
      mkdir -p "$0/state/ledger" "$0/state/cache"
      cp -a "$0/seed/ledger/publications.json" "$0/state/ledger"
      for name in ${kept.join(' ')}; do cp -a "$0/seed/$name" "$0/state/$(dirname "$name")"; done
      free=$(df --output=avail -k "$0/state" | tail -n 1)
      fallocate -l $((free - ${kilobytes}))k "$0/state/filler"
      "$@" && status=0 || status=$?
      rm "$0/state/filler"
      ${again} >'${after}' 2>'${after}.err' || echo "ended with $?" >>'${after}'
      exit "$status"`;
    const full = await box.run(['run', '-c', file, '--json'], {
      prefix: ['unshare', '--mount', '--', 'sh', '-ec', script, home],
    });
    expect(await refusalOf(full, { exitCode: 3, code: 'DISK_FULL' })).toBe('DISK_FULL');
    const stdout = await fs.readFile(after, 'utf8');
    const stderr = await fs.readFile(`${after}.err`, 'utf8');
    const end = resultOf({ exitCode: 0, stdout, stderr });
    expect(end, stderr).toMatchObject({ built: 1, targets: [{ verdict: 'published' }] });
    expect(await packagesOf(path.join(home, 'repository'))).toEqual(published);
  });

  test('while publishing', async () => {
    const small = path.join(home, 'small');
    await fs.mkdir(small);
    const script = `mount -t tmpfs -o size=16k,mode=755 tmpfs "$0/small"`;
    const file = await config({ repository: { directory: 'small/repository' } });
    const end = await box.run(['run', '-c', file, '--json'], {
      prefix: namespace(script),
    });
    expect(await refusalOf(end, { exitCode: 3, code: 'DISK_FULL' })).toBe('DISK_FULL');
    await expectHealed();
  });
});
