import * as fs from 'node:fs/promises';
import * as path from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { VERDICTS } from '../src/model/verdicts.ts';
import { runProgram } from '../src/programs/run.ts';
import { lockstep, type Quickstart, quickstart } from './support/quickstart.ts';
import { sampled } from './support/tier.ts';

const MINUTES = 60_000;
const COMMANDS = [
  'init',
  'add',
  'run',
  'kernels',
  'plan',
  'status',
  'why',
  'build',
  'serve',
].concat(...['doctor', 'schema']);

const kernelSchema = z.strictObject({
  suite: z.literal('trixie'),
  source: z.string(),
  provides: z.array(z.string()),
  release: z.string(),
  abi: z.string(),
  flavour: z.string(),
  architecture: z.string(),
  version: z.string(),
  suites: z.array(z.string()).min(1),
  headers: z.array(z.string()).min(1).nullable(),
  tracks: z.array(z.string()),
});

const targetsSchema = z.object({
  targets: z.array(
    z.strictObject({
      module: z.string(),
      moduleVersion: z.string(),
      release: z.string(),
      architecture: z.string(),
      verdict: z.enum(VERDICTS),
      reason: z.string().min(1),
      suites: z.tuple([z.literal('trixie')]),
      from: z.string(),
      since: z.iso.datetime(),
    }),
  ),
});

/** A matcher for a text with a part in it, typed as what it stands for. */
function containing(part: string): unknown {
  return expect.stringContaining(part);
}

describe('usage', () => {
  test.each(sampled(COMMANDS, 4))('%s --help explains itself with an example', async (command) => {
    const { exitCode, stdout } = await lockstep([command, '--help']);
    expect(exitCode).toBe(0);
    expect(stdout).toMatch(new RegExp(`^ +lockstep ${command} `, 'm'));
    expect(stdout).toContain('--help');
  });

  const mistakes = [
    [['nonsense']],
    [['run', '--nonsense']],
    [['why']],
    [['run', '--wait', 'soon']],
    [['serve', '--port', '99999']],
  ];
  test.each(sampled(mistakes, 2))('%j ends with 2 and says what is wrong', async (args) => {
    const { exitCode, stderr } = await lockstep(args);
    expect(exitCode).toBe(2);
    expect(stderr).not.toBe('');
    expect(stderr).not.toMatch(/^ +at /m);
  });

  test('a reader that has seen enough is no failure', async () => {
    const main = path.join(import.meta.dirname, '../src/cli/main.ts');
    const script = '"$1" "$2" schema | head -c 10; echo "${PIPESTATUS[0]}"';
    const { stdout } = await runProgram('bash', ['-c', script, 'bash', process.execPath, main]);
    expect(stdout).toMatch(/0\n$/);
  });
});

describe('after the quickstart', () => {
  let published: Quickstart;

  async function json(...args: string[]): Promise<unknown> {
    const { stdout, stderr, exitCode } = await lockstep([
      ...args,
      '-c',
      published.config,
      '--json',
    ]);
    expect(exitCode, stderr).toBe(0);
    return JSON.parse(stdout);
  }

  beforeAll(async () => {
    published = await quickstart();
  }, 15 * MINUTES);

  test('kernels --json has every kernel that apt knows', async () => {
    const kernels = z.array(kernelSchema).parse(await json('kernels', '--offline'));
    const { stdout } = await runProgram('apt-cache', ['pkgnames', 'linux-image-'], {
      env: { APT_CONFIG: path.join(published.state, 'archives/trixie/amd64/apt.conf') },
    });
    const known = stdout
      .split('\n')
      .filter((name) => /^linux-image-\d/.test(name) && !/-(?:dbg|unsigned)$/.test(name));
    expect(kernels.map(({ release }) => `linux-image-${release}`).toSorted()).toEqual(
      known.toSorted(),
    );
    const newest = kernels.filter(({ tracks }) => tracks.length > 0);
    expect(newest.map(({ flavour }) => flavour)).toEqual(['amd64', 'cloud-amd64', 'rt-amd64']);
    for (const { release, abi, flavour } of kernels) {
      expect(release).toBe(`${abi}-${flavour}`);
    }
  });

  test('plan and status agree: every target has one verdict', async () => {
    const plan = targetsSchema.parse(await json('plan', '--offline'));
    const status = targetsSchema.parse(await json('status'));
    expect(plan).toEqual(status);
    expect(plan.targets).toHaveLength(9);
    const cells = new Set(plan.targets.map(({ module, release }) => `${module} ${release}`));
    expect(cells.size).toBe(9);
    const others = plan.targets.filter(({ verdict }) => verdict !== 'published');
    expect(others).toMatchObject([
      {
        module: 'v4l2loopback',
        verdict: 'excluded',
        reason: containing('CONFIG_VIDEO_DEV'),
      },
    ]);
    expect(others[0]?.release).toMatch(/-cloud-amd64$/);
  });

  test('why names reason, who must act, and the log', async () => {
    const release = published.release.replace(/-amd64$/, '-cloud-amd64');
    const args = ['why', 'v4l2loopback-dkms', release, '-c', published.config];
    const { stdout, exitCode } = await lockstep(args);
    expect(exitCode).toBe(0);
    expect(stdout).toContain('excluded');
    expect(stdout).toContain('the module says that it is not for this kernel');
    const log = /^ +log +(?<file>\S+)$/m.exec(stdout)?.groups?.['file'] ?? '';
    await expect(fs.stat(log)).resolves.toBeDefined();
  });

  test('why of what is not there ends with 2 and says what is', async () => {
    const module = await lockstep(['why', 'zfs', published.release, '-c', published.config]);
    expect(module).toMatchObject({ exitCode: 2, stderr: containing('v4l2loopback') });
    const kernel = await lockstep(['why', 'acpi-call', '1.2.3-amd64', '-c', published.config]);
    expect(kernel).toMatchObject({
      exitCode: 2,
      stderr: containing(published.release),
    });
  });

  test('a second run builds nothing, publishes nothing and says so', async () => {
    // The status site tells when it was looked at last.
    const files = (): ReturnType<typeof runProgram> =>
      runProgram('find', [
        ...[published.repository, '-type', 'f', '-not', '-path', '*/status/*'],
        ...['-not', '-name', 'index.html', '-printf', '%p %i %T@ %C@\\n'],
      ]);
    const before = await files();
    const { exitCode, stderr } = await lockstep(['run', '-c', published.config]);
    expect(exitCode).toBe(0);
    expect(stderr).toContain('9 targets, 0 to build');
    expect(stderr).toContain('nothing new: nothing built, nothing published');
    const after = await files();
    expect(after.stdout).toBe(before.stdout);
  });

  test(
    'build builds one target again and keeps its bytes',
    async () => {
      const result = z
        .object({
          outcome: z.string(),
          log: z.string(),
          attempts: z.number(),
          modules: z.array(z.object({ sha256: z.string() })),
        })
        .parse(await json('build', 'acpi-call', published.release, '--offline'));
      expect(result).toMatchObject({ outcome: 'built' });
      expect(result.attempts).toBeGreaterThan(1);
      expect(await fs.readFile(result.log, 'utf8')).toContain('LD [M]');
      const { exitCode, stderr } = await lockstep(['run', '-c', published.config]);
      expect({ exitCode, stderr }).toMatchObject({
        exitCode: 0,
        stderr: containing('nothing new'),
      });
    },
    2 * MINUTES,
  );

  test('build --shell ends in a shell in the root of that build, and keeps nothing', async () => {
    const args = ['build', '--shell', '--offline', '-c', published.config, 'acpi-call'];
    const input = 'id -u; pwd; ls *.ko; test ! -w /usr && echo sealed; exit\n';
    const { exitCode, stdout, stderr } = await lockstep([...args, published.release], { input });
    expect(stderr).toContain('the build went well; a shell in its root');
    expect(stdout.split('\n')).toEqual(expect.arrayContaining(['1000', 'acpi_call.ko', 'sealed']));
    expect(stdout).toMatch(/^\/var\/lib\/dkms\/acpi-call\/.*\/build$/m);
    expect(exitCode).toBe(0);
    await expect(fs.readdir(path.join(published.state, 'work'))).rejects.toThrow('ENOENT');
  });

  test('doctor finds nothing missing', async () => {
    const { stdout, exitCode } = await lockstep(['doctor', '-c', published.config]);
    expect(stdout).not.toContain('FAIL');
    expect(exitCode).toBe(0);
  });
});
