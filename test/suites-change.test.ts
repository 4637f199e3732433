import * as fs from 'node:fs/promises';
import * as path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { exists } from '../src/core/files.ts';
import { publishedIndex } from './support/published-index.ts';
import { errorOf, resultOf } from './support/program.ts';
import { lockstep } from './support/quickstart.ts';
import type { OwnPackage } from './support/small-archive.ts';
import type { Change, SuitesHome } from './support/suites-home.ts';
import { type SuitesStage, suitesStage } from './support/suites-stage.ts';
import type { TestKernel } from './support/test-kernels.ts';
import { sampled, slow } from './support/tier.ts';

const MINUTES = 60_000;

let stage: SuitesStage;
/** Two kernels of one flavour, the second newer than the first. */
let first: TestKernel;
let second: TestKernel;
let widget: OwnPackage;

beforeAll(async () => {
  stage = await suitesStage('suites-change');
  [first, second] = await stage.twoKernels();
  widget = await stage.module({ name: 'widget', version: '1.0' });
});

afterAll(async () => {
  await stage[Symbol.asyncDispose]();
});

describe('a configuration that can’t be', () => {
  const one = { suites: ['stable'] };
  const cases: [string, string, RegExp][] = [
    [
      'archives[].publish',
      '  - { suites: [stable], publish: "../up" }',
      /:2:34: archives\[0\].publish: is not a suite name$/,
    ],
    ['archives[].base', '  - { suites: [stable], base: nowhere }', /:2:31: .*no archive nowhere/],
    ['archives[].ahead', '  - { suites: [stable], ahead: [stable] }', /:2:33: .*can’t name itself/],
  ];
  test.each(sampled(cases, 2))('%s', async (_, entry, message) => {
    const end = await runText(
      `archives:\n${entry}\nrepository: { origin: A, directory: repository }\nmodules: [{ package: a-dkms }]\n`,
    );
    expect(end).toMatch(message);
  });

  const rest: [string, Record<string, unknown>, RegExp][] = [
    ['modules[].from', { modules: [{ package: 'a-dkms', from: ['nowhere'] }] }, /nowhere/],
    ['retention.graceDays', { retention: { graceDays: -1 } }, /retention\.graceDays/],
    ['retention', { retention: { days: 3 } }, /unknown key retention\.days/],
    ['toolchain', { toolchain: 'new' }, /toolchain/],
    ['kernels.architectures', { kernels: { architectures: 'any' } }, /`all` or a list/],
    ['kernels.abis', { kernels: { abis: 0 } }, /kernels\.abis/],
  ];
  test.each(sampled(rest, 2))('%s', async (_, change, message) => {
    const whole = {
      repository: { origin: 'A', directory: 'repository' },
      archives: [one],
      modules: [{ package: 'a-dkms' }],
      ...change,
    };
    expect(await runText(`${JSON.stringify(whole, undefined, 2)}\n`)).toMatch(message);
  });

  /** @returns the one error's message, which begins with `file:line:column: ` */
  async function runText(text: string): Promise<string> {
    const file = path.join(stage.box.path, 'wrong.yaml');
    await fs.writeFile(file, text);
    const end = await stage.box.run(['run', '-c', file, '--json']);
    expect(end, end.stderr).toMatchObject({ exitCode: 2 });
    const { code, message } = errorOf(end);
    expect(code).toBe('CONFIG_INVALID');
    expect(message).toMatch(/^\S+\/wrong\.yaml:\d+:\d+: [^\n]+$/);
    expect(end.stderr.match(/^lockstep: /gm)).toHaveLength(1);
    return message;
  }
});

describe('what came, went and moved', () => {
  let home: SuitesHome;

  const shortOf = ({ type, suite, release, track, to }: Change): string =>
    [type, suite, release ?? track, ...(track === undefined ? [] : [to ?? 'nothing'])]
      .filter((part) => part !== undefined)
      .join(' ');

  beforeAll(async () => {
    home = await stage.home('history');
    await home.configure({ archives: [stage.entry('stable')], modules: ['widget-dkms'] });
    const steps: OwnPackage[][] = [
      [...first.packages, await stage.meta(first)],
      [...first.packages, ...second.packages, await stage.meta(second)],
      [first.image, ...second.packages, await stage.meta(second)],
      [...second.packages, await stage.meta(second)],
    ];
    for (const packages of steps) {
      await stage.archive.setSuite('stable', { packages: [...packages, widget] });
      await home.plan('plan');
      // Nothing is different: this is no run of its own in the history.
      await home.plan('plan');
    }
  });

  test('is listed in order, since a run, a date or an age', async () => {
    const all = await home.since('0');
    expect(all.map((change) => `${change.run} ${shortOf(change)}`)).toEqual([
      `1 appeared stable ${first.release}`,
      `1 track-moved stable cloud-amd64 ${first.release}`,
      `2 appeared stable ${second.release}`,
      `2 track-moved stable cloud-amd64 ${second.release}`,
      `3 headers-gone ${first.release}`,
      `4 left stable ${first.release}`,
    ]);
    expect(await home.since('2')).toEqual(all.filter(({ run }) => run > 2));
    expect(await home.since('2026-01-01')).toEqual(all);
    expect(await home.since('1h')).toEqual(all);
    expect(await home.since('2099-01-01')).toEqual([]);
    expect(await home.since(all.find(({ run }) => run === 2)?.at ?? '')).toEqual(
      all.filter(({ run }) => run > 2),
    );
  });

  test.each(sampled(['2026-13-45', 'yesterday', '-1', '3x'], 1))('%j is refused', async (when) => {
    const end = await home.lockstep('kernels', '--offline', `--since=${when}`);
    expect(end, end.stderr).toMatchObject({ exitCode: 2 });
    expect(errorOf(end)).toMatchObject({ code: 'USAGE' });
  });
});

describe.runIf(slow)('headers that vanish', () => {
  test('leave what was built, and say since when the rest can’t be', async () => {
    const home = await stage.home('headers');
    await home.configure({
      archives: [stage.entry('stable')],
      kernels: { flavours: 'all', abis: 'all' },
      modules: ['widget-dkms'],
    });
    await stage.archive.setSuite('stable', {
      packages: [...first.packages, await stage.meta(first), widget],
    });
    expect(await home.run()).toMatchObject({ exitCode: 0, built: 1 });
    await stage.archive.setSuite('stable', {
      packages: [...first.packages, ...second.packages, await stage.meta(second), widget],
    });
    const plan = await home.plan('plan');
    expect(plan.targets.find(({ release }) => release === second.release)).toMatchObject({
      verdict: 'queued',
      cause: 'new kernel',
    });
    await stage.archive.setSuite('stable', {
      packages: [first.image, second.image, await stage.meta(second), widget],
    });
    const end = await home.run();
    expect(end, end.stderr).toMatchObject({ exitCode: 0, built: 0 });
    const [ofSecond, ofFirst] = end.targets;
    expect(ofSecond).toMatchObject({ release: second.release, verdict: 'headers-gone' });
    expect(ofSecond?.reason).toContain(`since ${ofSecond?.since.slice(0, 10)}`);
    expect(ofFirst).toMatchObject({ release: first.release, verdict: 'published' });
    expect((await home.published('stable')).has(`widget-modules-${first.release}`)).toBe(true);
    expect(await home.complaints('stable')).toEqual([]);
  });
});

describe.runIf(slow)('a new toolchain', () => {
  test('is no reason to build what is good, unless the configuration says so', async () => {
    const home = await stage.home('toolchain');
    const picky = await stage.module({ name: 'picky', version: '1.0', failsOn: '6.12.201' });
    const configure = (toolchain: string): Promise<void> =>
      home.configure({
        archives: [stage.entry('stable')],
        modules: ['widget-dkms', 'picky-dkms'],
        more: { toolchain },
      });
    const packages = [...first.packages, await stage.meta(first), widget, picky];
    await configure('keep');
    await stage.archive.setSuite('stable', { packages });
    expect(await home.run()).toMatchObject({ exitCode: 1, built: 2 });
    const before = await home.published('stable');

    const make = await stage.archive.newer('make', '+newer2');
    await stage.archive.setSuite('stable', { packages: [...packages, make] });
    const planned = await home.plan('plan');
    expect(planned.targets).toMatchObject([
      { module: 'picky', verdict: 'queued', cause: 'new toolchain' },
      { module: 'widget', verdict: 'published' },
    ]);
    const kept = await home.run();
    expect(kept, kept.stderr).toMatchObject({ exitCode: 1, built: 1 });
    expect(kept.targets).toMatchObject([{ verdict: 'failed' }, { verdict: 'published' }]);
    expect(await home.published('stable')).toEqual(before);

    await configure('rebuild');
    const again = await home.plan('plan');
    expect(again.targets).toMatchObject([
      { module: 'picky', verdict: 'failed' },
      { module: 'widget', verdict: 'queued', cause: 'new toolchain' },
    ]);
    const rebuilt = await home.run();
    expect(rebuilt, rebuilt.stderr).toMatchObject({ exitCode: 1, built: 1 });
    // The tool has another version and is the same: so are the bytes, and nothing has to be fetched again.
    expect(await home.published('stable')).toEqual(before);
  });
});

describe.runIf(slow)('suites that are used together', () => {
  test('may be of several archives with keys of their own', async () => {
    const vendor = await stage.archiveAt({ at: 'vendor', hasTools: false });
    const special = await stage.kernel({
      release: '6.12.190+vendor-special-amd64',
      flavour: 'special-amd64',
      version: '6.12.190-1',
    });
    const gadget = await stage.module({ name: 'gadget', version: '3.0' });
    await stage.archive.setSuite('stable', {
      packages: [...first.packages, await stage.meta(first), widget],
    });
    await vendor.setSuite('main', {
      packages: [...special.packages, await stage.meta(special), gadget],
    });
    const home = await stage.home('vendor');
    await home.configure({
      archives: [
        stage.entry('stable'),
        { suites: ['main'], mirror: vendor.url, keyring: vendor.keyring, publish: 'stable' },
      ],
      kernels: { flavours: 'all' },
      modules: ['widget-dkms', 'gadget-dkms'],
    });
    const end = await home.run();
    expect(end, end.stderr).toMatchObject({ exitCode: 0, built: 4 });
    const names = [...(await home.published('stable')).keys()];
    for (const module of ['widget', 'gadget']) {
      for (const { release, flavour } of [first, special]) {
        expect(names).toContain(`${module}-modules-${release}`);
        expect(names).toContain(`${module}-modules-${flavour}`);
      }
    }
    expect(await exists(path.join(home.folder, 'repository/dists/main'))).toBe(false);
    expect(await home.complaints('stable')).toEqual([]);
  });

  test('backports have the modules of their release, and are as cautious as Debian’s', async () => {
    await stage.archive.setSuite('stable', {
      packages: [...first.packages, await stage.meta(first), widget],
    });
    await stage.archive.setSuite('backports', {
      packages: [...second.packages, await stage.meta(second)],
      notAutomatic: true,
      butAutomaticUpgrades: true,
    });
    const home = await stage.home('backports');
    await home.configure({
      archives: [stage.entry('stable'), stage.entry('backports', { base: 'stable' })],
      modules: ['widget-dkms'],
    });
    const end = await home.run();
    expect(end, end.stderr).toMatchObject({ exitCode: 0, built: 2, absent: [] });
    const backports = await home.published('backports');
    expect(backports.has(`widget-modules-${second.release}`)).toBe(true);
    expect(backports.has(`widget-modules-${first.release}`)).toBe(false);
    const release = await fs.readFile(
      path.join(home.folder, 'repository/dists/backports/InRelease'),
      'utf8',
    );
    expect(release).toMatch(/^NotAutomatic: yes$/m);
    expect(release).toMatch(/^ButAutomaticUpgrades: yes$/m);
    expect(await home.complaints('stable', 'backports')).toEqual([]);
  });
});

describe.runIf(slow)('the example of a module that has moved into the kernel', () => {
  test(
    'publishes tracking packages alone',
    async () => {
      const example = path.join(import.meta.dirname, '../examples/wireguard.yaml');
      const folder = path.join(stage.box.path, 'example');
      await fs.mkdir(folder);
      const file = path.join(folder, 'lockstep.yaml');
      const text = await fs.readFile(example, 'utf8');
      await fs.writeFile(file, text.replaceAll('../out/wireguard', '.'));
      const end = await lockstep(['run', '-c', file, '--json']);
      expect(end, end.stderr).toMatchObject({ exitCode: 0 });
      const { targets } = resultOf({ ...end, exitCode: 0 });
      expect(targets.length).toBeGreaterThan(2);
      expect(new Set(targets.map(({ verdict }) => verdict))).toEqual(new Set(['in-tree']));
      const repository = path.join(folder, 'repository');
      const index = await publishedIndex(repository, 'bullseye', 'main/binary-amd64/Packages');
      expect(index).toMatch(
        /^Package: wireguard-modules-amd64\n(?:.+\n)*Depends: linux-latest-modules-[^,\n]+\n/m,
      );
      expect(index).not.toMatch(/^Package: wireguard-modules-\d+\.\d+\.\d/m);
    },
    15 * MINUTES,
  );
});
