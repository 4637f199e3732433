import * as fs from 'node:fs/promises';
import * as path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { exists } from '../src/core/files.ts';
import { sha256 } from '../src/core/hash.ts';
import { acquireLock } from '../src/core/lock.ts';
import { ensureSigningKey } from '../src/publisher/key.ts';
import { publish } from '../src/publisher/publish.ts';
import { makeDeb } from '../src/publisher/testing/debs.ts';
import { errorOf } from './support/program.ts';
import type { SuitesHome } from './support/suites-home.ts';
import { type SuitesStage, suitesStage } from './support/suites-stage.ts';
import type { TestKernel } from './support/test-kernels.ts';
import { slow } from './support/tier.ts';
import { fingerprint } from './support/traces.ts';

const MINUTES = 60_000;

let stage: SuitesStage;
let home: SuitesHome;
let state: string;
let repository: string;
let first: TestKernel;
let second: TestKernel;

const configure = (more: Record<string, unknown> = {}): Promise<void> =>
  home.configure({ archives: [stage.entry('stable')], modules: ['widget-dkms'], more });

/** Two kernels came, each with its build; the first one has left. */
beforeAll(async () => {
  stage = await suitesStage('upkeep');
  [first, second] = await stage.twoKernels();
  const widget = await stage.module({ name: 'widget', version: '1.0' });
  home = await stage.home('home');
  state = path.join(home.folder, 'state');
  repository = path.join(home.folder, 'repository');
  await configure();
  for (const kernel of [first, second]) {
    const packages = [...kernel.packages, await stage.meta(kernel), widget];
    await stage.archive.setSuite('stable', { packages });
    const { exitCode, stderr } = await home.run();
    if (exitCode !== 0) {
      throw new Error(stderr);
    }
  }
}, 10 * MINUTES);

afterAll(async () => {
  await stage[Symbol.asyncDispose]();
});

const gcSchema = z.strictObject({
  applied: z.boolean(),
  garbage: z.array(
    z.strictObject({
      kind: z.string(),
      what: z.string(),
      why: z.string().min(1),
      bytes: z.number().nonnegative(),
    }),
  ),
  bytes: z.number(),
  cache: z.strictObject({ bytes: z.number().positive(), limit: z.number() }),
});

async function gc(...args: string[]): Promise<z.output<typeof gcSchema>> {
  const end = await home.lockstep('gc', ...args);
  expect(end, end.stderr).toMatchObject({ exitCode: 0 });
  return gcSchema.parse(JSON.parse(end.stdout));
}

const verificationSchema = z.strictObject({
  suites: z.number(),
  packages: z.number(),
  defects: z.array(
    z.strictObject({ what: z.string(), problem: z.string(), isDamaged: z.boolean() }),
  ),
  apart: z.array(z.strictObject({ what: z.string(), why: z.string() })),
  unchecked: z.array(z.strictObject({ what: z.string(), why: z.string() })),
});

async function verify(
  status: number,
  args: readonly string[] = ['--installable'],
  env: Record<string, string> = {},
): Promise<z.output<typeof verificationSchema>> {
  const command = ['verify', '-c', path.join(home.folder, 'lockstep.yaml'), '--json', ...args];
  const end = await stage.box.run(command, { env });
  expect(end, end.stdout).toMatchObject({ exitCode: status });
  return verificationSchema.parse(JSON.parse(end.stdout));
}

describe('verify', () => {
  test('finds all installable but what is for a kernel that has left, which stands apart', async () => {
    const { defects, apart, unchecked } = await verify(0);
    expect({ defects, unchecked }).toEqual({ defects: [], unchecked: [] });
    expect(apart.map(({ what }) => what.replace(/ [^ ]+$/, ''))).toEqual([
      `stable amd64: widget-modules-${first.release}`,
    ]);
    expect(apart[0]?.why).toMatch(
      `its kernel ${first.release} has left stable on ${new Date().getUTCFullYear()}`,
    );
  });

  test('finds a package that can’t be installed, and an edge that leads to no kernel', async () => {
    const key = await ensureSigningKey(state, 'Test Modules');
    const names = await fs.readdir(path.join(repository, 'pool'), { recursive: true });
    const debs = names
      .filter((name) => name.endsWith('.deb') && !name.includes('widget-modules-cloud-amd64'))
      .map((name) => path.join(repository, 'pool', name));
    const tracking = (await home.published('stable')).get('widget-modules-cloud-amd64');
    const depends = tracking?.get('Depends') ?? '';
    const wrong = depends.replace(/linux-latest-modules-[^,]+/, 'linux-latest-modules-9.9-x-amd64');
    expect(wrong).not.toBe(depends);
    const own = path.join(home.folder, 'own');
    await fs.mkdir(own);
    const made = [
      makeDeb(own, { name: 'needy', version: '1', extra: 'Depends: nobody-has-this (>= 2)\n' }),
      makeDeb(own, {
        name: 'widget-modules-cloud-amd64',
        version: '9',
        extra: `Depends: ${wrong}\n`,
      }),
    ];
    const suite = { suite: 'stable', codename: 'stable', component: 'main' };
    await publish(
      {
        ...{ directory: repository, stateDirectory: path.join(home.folder, 'other'), key },
        ...{ origin: 'Test Modules', url: 'http://localhost/', date: new Date() },
      },
      [{ ...suite, architectures: ['amd64'], debs: [...debs, ...made] }],
    );
    const { defects } = await verify(1);
    const lines = defects.map(({ what, problem }) => `${what} ${problem}`);
    const edge =
      'stable amd64: widget-modules-cloud-amd64 9 needs linux-latest-modules-9.9-x-amd64';
    expect(lines).toContain(`${edge}, and no suite ever had such a kernel`);
    expect(lines).toContain(
      "stable amd64: needy 1 can't be installed: needy needs nobody-has-this (>= 2)",
    );
    // The drop-in needs the tracking package.
    const named = lines.map((line) => line.split(' ')[2] ?? '');
    expect(['needy', 'widget-modules-cloud-amd64', 'widget-modules-prebuilt']).toEqual(
      expect.arrayContaining(named),
    );
    expect(await home.lockstep('repair')).toMatchObject({ exitCode: 0 });
    expect((await verify(0)).defects).toEqual([]);
  });

  test('says what it can’t check without dose-debcheck, and is told to insist', async () => {
    const bin = path.join(home.folder, 'bin');
    await fs.mkdir(bin);
    for (const name of await fs.readdir('/usr/bin')) {
      if (name !== 'dose-debcheck') {
        await fs.symlink(path.join('/usr/bin', name), path.join(bin, name));
      }
    }
    const env = { PATH: `${bin}:/usr/sbin` };
    const { apart, unchecked } = await verify(0, [], env);
    expect(apart).toEqual([]);
    expect(unchecked.map(({ what }) => what)).toEqual(['all packages']);
    expect(unchecked[0]?.why).toContain('apt-get install dose-distcheck');
    const config = path.join(home.folder, 'lockstep.yaml');
    const end = await stage.box.run(['verify', '-c', config, '--json', '--installable'], { env });
    expect(errorOf(end)).toMatchObject({ code: 'ENVIRONMENT' });
  });
});

const pushSchema = z.array(
  z.strictObject({
    destination: z.string(),
    changed: z.number().nullable(),
    error: z.strictObject({ code: z.string(), message: z.string(), hint: z.string() }).nullable(),
  }),
);

describe('destinations', () => {
  const place = (): string => path.join(home.folder, 'mirror');
  const configureWith = (...destinations: Record<string, unknown>[]): Promise<void> =>
    home.configure({
      archives: [stage.entry('stable')],
      modules: ['widget-dkms'],
      repository: { destinations },
    });

  test('get what a run leaves, status site and all; one that can’t be reached is told and keeps nothing back', async () => {
    const closed = path.join(home.folder, 'ssh_config');
    await fs.writeFile(closed, 'Host nowhere\n  HostName 127.0.0.1\n  Port 9\n');
    const nowhere = { rsync: 'nowhere:/srv/repository', sshConfig: './ssh_config' };
    await configureWith(nowhere, { rsync: place() });
    const run = await stage.box.run(['run', '-c', path.join(home.folder, 'lockstep.yaml')]);
    expect(run).toMatchObject({ exitCode: 1 });
    expect(run.stderr).toMatch(
      /^warning: DESTINATION_FAILED: nowhere:\/srv\/repository: rsync ended with status \d+: .*Connection refused \(this has to work without a question: ssh -o BatchMode=yes nowhere true\)$/m,
    );
    expect(await contentOf(place())).toEqual(await contentOf(repository));
    expect((await fs.readdir(place())).toSorted()).toContain('status');

    const push = await home.lockstep('push');
    expect(push, push.stderr).toMatchObject({ exitCode: 1 });
    const [failed, good] = pushSchema.parse(JSON.parse(push.stdout));
    expect(good).toEqual({ destination: place(), changed: 0, error: null });
    expect(failed).toMatchObject({ changed: null, error: { code: 'DESTINATION_FAILED' } });
    await configure();
    expect(errorOf(await home.lockstep('push')).code).toBe('CONFIG_INVALID');
  });

  async function contentOf(folder: string): Promise<string[]> {
    return [...(await fingerprint(folder))]
      .map(([name, value]) => `${name} ${value.replace(/ [\d.]+$/, '')}`)
      .filter((line) => !line.includes('.generations.json'))
      .toSorted();
  }
});

describe('gc', () => {
  const linesOf = ({ garbage }: z.output<typeof gcSchema>): string[] =>
    garbage.map(({ kind, what }) => `${kind} ${path.relative(home.folder, what)}`).toSorted();

  test('finds nothing where everything is needed', async () => {
    expect(await gc()).toMatchObject({ applied: false, garbage: [], bytes: 0 });
  });

  test(
    'shows what nothing needs, each with its reason; removes that, and nothing else',
    async () => {
      const old = `widget-modules-${first.release}`;
      const stray = 'pool/main/stray_1_amd64.deb';
      await fs.writeFile(path.join(repository, stray), 'x'.repeat(5000));
      await fs.mkdir(path.join(state, 'packages/stray'));
      await fs.writeFile(path.join(state, 'packages/stray/stray.deb'), 'x'.repeat(5000));
      const root = `ledger/roots/${sha256('a root of former builds')}.json`;
      await fs.writeFile(path.join(state, root), '[]');
      await fs.mkdir(path.join(state, 'archives/former/amd64'), { recursive: true });
      await fs.writeFile(path.join(state, 'archives/former/amd64/list'), 'x'.repeat(5000));
      for (let number = 0; number < 40; number += 1) {
        await fs.writeFile(path.join(state, `log/2000-01-01T00-00-${number}-run-1.jsonl`), 'x');
      }
      await configure({ retention: { graceDays: 0 }, cache: { size: '1K' } });
      const before = await fingerprint(repository);
      const shown = await gc();
      expect(await fingerprint(repository)).toEqual(before);
      const kinds = Object.groupBy(shown.garbage, ({ kind }) => kind);
      const [going, ...others] = kinds['package'] ?? [];
      expect(others).toEqual([]);
      expect(going?.what).toContain(`stable: ${old} `);
      expect(going?.why).toMatch(/^its kernel has left Debian .*; its file goes two/);
      // The build is needed as long as the package is published: it goes with it.
      expect(linesOf(shown).filter((line) => !/^(?:cache|log|package) /.test(line))).toEqual([
        'archive state/archives/former',
        'made state/packages/stray',
        `repository repository/${stray}`,
        `root state/${root}`,
      ]);
      expect(kinds['repository']?.[0]?.bytes).toBeGreaterThanOrEqual(5000);
      expect(kinds['log']?.length).toBeGreaterThan(10);
      expect(kinds['cache']?.length).toBeGreaterThan(2);
      expect(shown.bytes).toBe(shown.garbage.reduce((sum, { bytes }) => sum + bytes, 0));

      const lock = await acquireLock(state, 'test', 0);
      try {
        // It shows beside a run, and waits its turn to remove.
        expect(linesOf(await gc())).toEqual(linesOf(shown));
        const refused = await home.lockstep('gc', '--apply');
        expect(errorOf(refused).code).toBe('LOCKED');
      } finally {
        await lock.release();
      }

      expect(await gc('--apply')).toMatchObject({ applied: true });
      for (const { kind, what } of shown.garbage.filter(({ kind: of }) => of !== 'package')) {
        expect([kind, what, await exists(what)]).toEqual([kind, what, false]);
      }
      const names = [...(await home.published('stable')).keys()];
      expect(names).toContain(`widget-modules-${second.release}`);
      expect(names).toContain('widget-modules-cloud-amd64');
      expect(names).not.toContain(old);
      const records = await fs.readdir(path.join(state, 'ledger/builds'), { recursive: true });
      expect(records.filter((name) => name.endsWith('record.json')).length).toBe(1);
      // Who reads a state of before still finds its packages.
      const debs = await fs.readdir(path.join(repository, 'pool'), { recursive: true });
      expect(
        debs.filter((name) => name.endsWith('.deb') && name.includes(first.release)).length,
      ).toBe(1);
      expect(await home.complaints('stable')).toEqual([]);

      await configure({ retention: { graceDays: 0 } });
      expect(await gc()).toMatchObject({ garbage: [] });
      expect((await verify(0, ['--no-installable'])).defects).toEqual([]);
    },
    10 * MINUTES,
  );

  test.runIf(slow)('leaves a run nothing to build', async () => {
    expect(await home.run()).toMatchObject({ exitCode: 0, built: 0 });
  });
});
