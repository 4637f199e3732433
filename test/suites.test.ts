import * as fs from 'node:fs/promises';
import * as path from 'node:path';
import { GUARD_DEPENDENCY } from '../src/packager/wanted-file.ts';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { exists } from '../src/core/files.ts';
import { type ClientRoot, clientRoot } from './support/client-root.ts';
import { errorOf } from './support/program.ts';
import { serve } from './support/quickstart.ts';
import type { OwnPackage } from './support/small-archive.ts';
import type { SuitesHome } from './support/suites-home.ts';
import { type SuitesStage, suitesStage } from './support/suites-stage.ts';
import type { TestKernel } from './support/test-kernels.ts';
import { slow } from './support/tier.ts';

let stage: SuitesStage;
/** Three kernels of one flavour, each newer than the one before. */
let first: TestKernel;
let second: TestKernel;
let third: TestKernel;

beforeAll(async () => {
  stage = await suitesStage('suites');
  [[first, second], third] = await Promise.all([
    stage.twoKernels(),
    stage.kernel({ release: '6.12.203+deb13-cloud-amd64', version: '6.12.203-1' }),
  ]);
});

afterAll(async () => {
  await stage[Symbol.asyncDispose]();
});

afterEach(() => {
  stage.mirror.calm();
});

/** Kernels and what their flavour's metapackage points to: the last of them. */
async function kernels(...list: TestKernel[]): Promise<OwnPackage[]> {
  const last = list.at(-1);
  return [
    ...list.flatMap(({ packages }) => packages),
    ...(last === undefined ? [] : [await stage.meta(last)]),
  ];
}

describe('a kernel that migrates from one suite to the next', () => {
  let home: SuitesHome;
  let widget: OwnPackage;
  let gadgets: OwnPackage[];
  let make: OwnPackage;

  beforeAll(async () => {
    home = await stage.home('migration');
    widget = await stage.module({ name: 'widget', version: '1.0' });
    gadgets = [
      await stage.module({ name: 'gadget', version: '1.0' }),
      await stage.module({ name: 'gadget', version: '2.0' }),
    ];
    make = await stage.archive.newer('make', '+newer1');
    await home.configure({
      archives: [stage.entry('stable', { ahead: ['next'] }), stage.entry('next')],
      modules: ['widget-dkms', 'gadget-dkms'],
    });
    await stage.archive.setSuite('stable', {
      packages: [...(await kernels(first)), widget, ...gadgets.slice(0, 1)],
    });
    await stage.archive.setSuite('next', {
      packages: [...(await kernels(second)), widget, ...gadgets.slice(1), make],
    });
  });

  test('is built ahead, with the versions of the suite that expects it', async () => {
    const end = await home.run();
    expect(end, end.stderr).toMatchObject({ exitCode: 0, built: 5, indices: [] });
    const shown = await home.plan('status');
    expect(shown.targets).toEqual(end.targets);
    const cells = shown.targets.map((target) => [
      `${target.module} ${target.moduleVersion} ${target.release}`,
      target.verdict,
      target.suites.join(),
      target.ahead?.join() ?? '',
    ]);
    expect(cells).toEqual(
      expect.arrayContaining([
        [`widget 1.0 ${first.release}`, 'published', 'stable', ''],
        [`widget 1.0 ${second.release}`, 'published', 'next', 'stable'],
        [`gadget 1.0 ${first.release}`, 'published', 'stable', ''],
        [`gadget 1.0 ${second.release}`, 'built', '', 'stable'],
        [`gadget 2.0 ${second.release}`, 'published', 'next', ''],
      ]),
    );
    expect(cells).toHaveLength(5);
    const ahead = shown.targets.find(({ verdict }) => verdict === 'built');
    expect(ahead?.reason).toContain('ready for stable before the kernel is there');
    const stable = await home.published('stable');
    expect([...stable.keys()].filter((name) => name.includes(second.release))).toEqual([]);
    expect(stable.get('widget-modules-cloud-amd64')?.get('Depends')).toContain(
      `linux-latest-modules-${first.release}`,
    );
  });

  test('is published in the run in which it arrives, without a build, with the same bytes', async () => {
    await stage.archive.setSuite('stable', {
      packages: [...(await kernels(first, second)), widget, ...gadgets.slice(0, 1)],
    });
    const end = await home.run();
    expect(end, end.stderr).toMatchObject({ exitCode: 0, built: 0 });
    const [stable, next] = [await home.published('stable'), await home.published('next')];
    const name = `widget-modules-${second.release}`;
    expect(stable.get(name)?.get('SHA256')).toMatch(/^[0-9a-f]{64}$/);
    expect(stable.get(name)).toEqual(next.get(name));
    expect(stable.get(`gadget-modules-${second.release}`)?.get('Version')).toMatch(/^1\.0-0\+/);
    expect(next.get(`gadget-modules-${second.release}`)?.get('Version')).toMatch(/^2\.0-0\+/);
    expect(stable.get('widget-modules-cloud-amd64')?.get('Depends')).toMatch(
      new RegExp(`${name.replaceAll('+', '\\+')}\\b.*linux-latest-modules-`),
    );
    expect(stable.has(`widget-modules-${first.release}`)).toBe(true);
    expect(await home.complaints('stable', 'next')).toEqual([]);
    const again = await home.run();
    expect(again, again.stderr).toMatchObject({ exitCode: 0, built: 0 });
  });
});

describe.runIf(slow)('versions in order of preference', () => {
  test('the first that builds is used for each kernel, and it says why', async () => {
    const home = await stage.home('preference');
    const own = await stage.module({ name: 'picky', version: '1.0', failsOn: '6.12.203' });
    const newer = await stage.module({ name: 'picky', version: '2.0' });
    const unwanted = await stage.kernel({
      release: '6.12.209+deb13-cloud-amd64',
      version: '6.12.209-1',
    });
    await stage.archive.setSuite('stable', { packages: [...(await kernels(first, third)), own] });
    await stage.archive.setSuite('next', { packages: [...(await kernels(unwanted)), newer] });
    await home.configure({
      archives: [stage.entry('stable'), stage.entry('next', { publish: false })],
      kernels: { flavours: 'all', abis: 'all' },
      modules: [{ package: 'picky-dkms', from: ['own', 'next'] }],
    });
    const end = await home.run();
    expect(end, end.stderr).toMatchObject({ exitCode: 0, built: 3 });
    for (const shown of [await home.plan('status'), await home.plan('plan', '--offline')]) {
      expect(shown.exitCode).toBe(0);
      expect(shown.targets).toHaveLength(2);
      const [ofThird, ofFirst] = shown.targets;
      expect(ofFirst).toMatchObject({
        release: first.release,
        moduleVersion: '1.0',
        verdict: 'published',
        from: 'stable',
      });
      expect(ofFirst).not.toHaveProperty('passedOver');
      expect(ofThird).toMatchObject({
        release: third.release,
        moduleVersion: '2.0',
        verdict: 'published',
        from: 'next',
        passedOver: [{ version: '1.0', from: 'stable', verdict: 'failed' }],
      });
      expect(ofThird?.passedOver?.[0]?.reason).toContain('this kernel is too new');
      expect(ofThird?.reason).toContain("next's 2.0 is used since stable's 1.0 is failed");
    }
    const published = await home.published('stable');
    expect(published.get(`picky-modules-${first.release}`)?.get('Version')).toMatch(/^1\.0-0\+/);
    expect(published.get(`picky-modules-${third.release}`)?.get('Version')).toMatch(/^2\.0-0\+/);
    expect(await exists(path.join(home.folder, 'repository/dists/next'))).toBe(false);
    expect((await home.run()).built).toBe(0);
  });
});

describe.runIf(slow)('a module that moves into the kernel', () => {
  const INSTALL = ['apt-get', 'install', '-y', '--no-install-recommends'];

  async function machine(sources: string): Promise<ClientRoot> {
    const root = await clientRoot('trixie');
    await root.writeFile(
      '/etc/apt/keyrings/test.asc',
      await fs.readFile(stage.archive.keyring, 'utf8'),
    );
    await root.writeFile(
      '/etc/apt/sources.list.d/debian.sources',
      `Types: deb\nURIs: ${stage.archive.url}\nSuites: old\nComponents: main\nSigned-By: /etc/apt/keyrings/test.asc\n`,
    );
    await root.writeFile('/etc/apt/sources.list.d/modules.sources', sources);
    await root.must(['apt-get', 'update']);
    await root.must([
      ...INSTALL,
      ...['linux-image-cloud-amd64', 'wireguard-modules-cloud-amd64', 'kmod'],
    ]);
    return root;
  }

  test('takes the machine along to the kernel that has it', async () => {
    const home = await stage.home('wireguard');
    const [without, having] = await Promise.all([
      stage.kernel({
        release: '4.19.0-27-cloud-amd64',
        version: '4.19.316-1',
        without: ['CONFIG_WIREGUARD=m'],
      }),
      stage.kernel({ release: '5.10.0-46-cloud-amd64', version: '5.10.251-1' }),
    ]);
    const wireguard = await stage.module({
      name: 'wireguard',
      version: '1.0.20210219',
      conf: 'BUILD_EXCLUSIVE_KERNEL="^4\\."',
    });
    await stage.archive.setSuite('old', { packages: [...(await kernels(without)), wireguard] });
    await home.configure({ archives: [stage.entry('old')], modules: ['wireguard-dkms'] });
    const before = await home.run();
    expect(before, before.stderr).toMatchObject({
      exitCode: 0,
      built: 1,
      targets: [{ verdict: 'published' }],
    });
    const tracking = async (): Promise<string[]> =>
      (await home.published('old'))
        .get('wireguard-modules-cloud-amd64')
        ?.get('Depends')
        ?.split(', ') ?? [];
    expect(await tracking()).toEqual([
      expect.stringContaining(`wireguard-modules-${without.release}`),
      `linux-latest-modules-${without.release}`,
      GUARD_DEPENDENCY,
    ]);

    await using served = await serve(path.join(home.folder, 'repository'));
    const sources = await served.sources('old');
    await using cautious = await machine(sources);
    await using bold = await machine(sources);
    for (const root of [cautious, bold]) {
      expect(await root.must(['modinfo', '-k', without.release, '-n', 'wireguard'])).toContain(
        `/${without.release}/updates/`,
      );
    }

    await stage.archive.setSuite('old', {
      packages: [
        ...without.packages,
        ...having.packages,
        await stage.meta(having, ['wireguard-modules (= 1.0.0)', 'virtualbox-guest-modules']),
        wireguard,
      ],
    });
    // The kernel is there and its modules are not known yet: the edge holds it back.
    await bold.must(['apt-get', 'update']);
    await bold.must(['apt-get', '-y', '--with-new-pkgs', 'upgrade']);
    expect((await bold.run(['dpkg', '-s', `linux-image-${having.release}`])).exitCode).toBe(1);

    const after = await home.run();
    expect(after, after.stderr).toMatchObject({ exitCode: 0 });
    expect(after.targets).toMatchObject([{ release: having.release, verdict: 'in-tree' }]);
    expect(after.targets[0]?.reason).toContain('the kernel brings it');
    expect(await tracking()).toEqual([`linux-latest-modules-${having.release}`, GUARD_DEPENDENCY]);
    expect((await home.published('old')).has(`wireguard-modules-${without.release}`)).toBe(true);

    const upgrades: [ClientRoot, string[]][] = [
      [cautious, ['apt', '-y', 'upgrade']],
      [bold, ['apt-get', '-y', 'full-upgrade']],
    ];
    for (const [root, upgrade] of upgrades) {
      const update = await root.run(['apt-get', 'update']);
      expect(update, update.stdout).toMatchObject({ exitCode: 0, stderr: '' });
      const { exitCode, stdout, stderr } = await root.run(upgrade);
      expect(exitCode, stdout + stderr).toBe(0);
      expect(stderr).not.toMatch(/^(?:E|W):/m);
      expect(stdout).not.toContain('have been kept back');
      const versions = await root.must([
        ...['dpkg-query', '-W', '-f', '${Package} ${Version} ${Status}\n'],
        ...['linux-image-cloud-amd64', `linux-image-${having.release}`],
        'wireguard-modules-cloud-amd64',
      ]);
      expect(versions).toContain('linux-image-cloud-amd64 5.10.251-1 install ok installed');
      expect(versions).toContain(`linux-image-${having.release} 5.10.251-1 install ok installed`);
      expect(versions).toMatch(
        /wireguard-modules-cloud-amd64 1\.0\.20210219-0\+5\.10\.251\S* install ok installed/,
      );
    }
  });
});

describe('an index that can’t be read', () => {
  const NEXT = /\/dists\/next\/main\/binary-amd64\/Packages/;
  let widget: OwnPackage;
  let arm: TestKernel;

  beforeAll(async () => {
    widget = await stage.module({ name: 'widget', version: '1.0' });
    arm = await stage.kernel({
      release: '6.12.201+deb13-cloud-arm64',
      version: '6.12.201-1',
      architecture: 'arm64',
    });
  });

  async function setNext(...list: TestKernel[]): Promise<void> {
    await stage.archive.setSuite('next', {
      packages: [...(await kernels(...list)), ...(await kernels(arm)), widget],
      architectures: ['amd64', 'arm64'],
    });
  }

  async function prepared(name: string): Promise<SuitesHome> {
    await stage.archive.setSuite('stable', { packages: [...(await kernels(first)), widget] });
    await setNext(second);
    const home = await stage.home(name);
    await home.configure({
      archives: [stage.entry('stable'), stage.entry('next')],
      kernels: { architectures: 'all', flavours: 'all' },
      modules: ['widget-dkms'],
      more: { retention: { graceDays: 0 } },
    });
    return home;
  }

  test('costs only itself, and leaves no trace once it can be read again', async () => {
    const home = await prepared('bad-index');
    const good = await home.run();
    expect(good, good.stderr).toMatchObject({ exitCode: 0, built: 2, indices: [] });
    expect(good.targets.map(({ release, verdict }) => `${release} ${verdict}`).toSorted()).toEqual([
      `${first.release} published`,
      `${arm.release} headers-gone`,
      `${second.release} published`,
    ]);
    const before = await home.published('next');

    const newer = await stage.kernel({
      release: '6.12.204+deb13-cloud-amd64',
      version: '6.12.204-1',
    });
    await stage.archive.setSuite('stable', {
      packages: [...(await kernels(first, newer)), widget],
    });
    // The kernel has left the suite, as far as anybody could read it.
    await setNext(third);
    stage.mirror.steer(NEXT, { kind: 'flipped' });
    const bad = await home.run();
    expect(bad, bad.stderr).toMatchObject({ exitCode: 1, built: 1 });
    expect(bad.stderr).toMatch(/^warning: ARCHIVE_ALTERED: .*next/m);
    expect(await home.published('stable')).toSatisfy((packages: Map<string, unknown>) =>
      packages.has(`widget-modules-${newer.release}`),
    );
    expect(await home.published('next')).toEqual(before);
    const plan = await home.plan('plan');
    expect(plan.exitCode).toBe(1);
    const status = await home.plan('status');
    for (const shown of [bad, plan, status]) {
      expect(shown.indices).toMatchObject([
        {
          suite: 'next',
          component: 'main',
          architecture: 'amd64',
          state: 'stale',
          code: 'ARCHIVE_ALTERED',
        },
      ]);
      expect(shown.indices[0]?.lastGood).not.toBeNull();
      const unseen = shown.targets.find(({ release }) => release === second.release);
      expect(unseen).toMatchObject({ verdict: 'published', suites: ['next'] });
      expect(unseen?.unseenSince).toBe(shown.indices[0]?.lastGood);
      expect(unseen?.reason).toContain('not seen since');
      for (const seen of shown.targets.filter((target) => target !== unseen)) {
        expect(seen).not.toHaveProperty('unseenSince');
      }
      expect(shown.kept.filter(({ verdict }) => verdict === 'retired')).toEqual([]);
    }
    expect(await home.complaints('stable', 'next')).toEqual([]);

    stage.mirror.calm();
    await setNext(second, third);
    const healed = await home.run();
    expect(healed, healed.stderr).toMatchObject({ exitCode: 0, built: 1, indices: [] });
    expect(JSON.stringify(healed.targets)).not.toMatch(/unseenSince|not seen/);
    const after = await home.published('next');
    expect([...after.keys()]).toEqual(
      expect.arrayContaining([...before.keys(), `widget-modules-${third.release}`]),
    );
  });

  test.runIf(slow)('and could never be read costs only itself, too', async () => {
    const home = await prepared('never-good');
    stage.mirror.steer(NEXT, { kind: 'flipped' });
    const end = await home.run();
    expect(end, end.stderr).toMatchObject({ exitCode: 1, built: 1 });
    expect(end.indices).toMatchObject([
      { suite: 'next', architecture: 'amd64', state: 'missing', lastGood: null },
    ]);
    const published = await home.published('stable');
    expect(published.has(`widget-modules-${first.release}`)).toBe(true);
    expect(await home.complaints('stable')).toEqual([]);
  });

  test('and none other can be read either ends with its error', async () => {
    const home = await prepared('all-bad');
    stage.mirror.steer(/\/Packages/, { kind: 'flipped' });
    const end = await home.lockstep('run');
    expect(end, end.stderr).toMatchObject({ exitCode: 3 });
    expect(errorOf(end).code).toBe('ARCHIVE_ALTERED');
    expect(end.stderr.match(/^lockstep: /gm)).toHaveLength(1);
    expect(await exists(path.join(home.folder, 'repository'))).toBe(false);
  });
});

describe('kernels that leave', () => {
  let home: SuitesHome;
  let widget: OwnPackage;
  let edge: TestKernel;
  let keen: TestKernel;
  let arm: TestKernel;

  beforeAll(async () => {
    home = await stage.home('retirement');
    widget = await stage.module({ name: 'widget', version: '1.0' });
    [edge, keen, arm] = await Promise.all([
      stage.kernel({
        release: '6.12.150+deb13-edge-amd64',
        flavour: 'edge-amd64',
        version: '6.12.150-1',
      }),
      stage.kernel({
        release: '6.12.151+deb13-keen-amd64',
        flavour: 'keen-amd64',
        version: '6.12.151-1',
      }),
      stage.kernel({
        release: '6.12.150+deb13-arm64',
        flavour: 'arm64',
        version: '6.12.150-1',
        architecture: 'arm64',
      }),
    ]);
    await stage.archive.setSuite('next', { packages: [...(await kernels(second)), widget] });
    await configure(undefined);
  });

  async function configure(graceDays: number | undefined): Promise<void> {
    await home.configure({
      archives: [stage.entry('stable'), stage.entry('next')],
      kernels: { architectures: 'all', flavours: 'all', abis: 'all' },
      modules: ['widget-dkms'],
      more: graceDays === undefined ? {} : { retention: { graceDays } },
    });
  }

  async function expectRun(built: number): Promise<string[]> {
    const end = await home.run();
    expect(end, end.stderr).toMatchObject({ exitCode: 0, built });
    expect(await home.complaints('stable', 'next')).toEqual([]);
    return [...(await home.published('stable')).keys()].filter((name) =>
      name.startsWith('widget-modules-'),
    );
  }

  const moduleOf = ({ release }: TestKernel): string => `widget-modules-${release}`;

  test('keep their packages for the grace period, and lose them after it', async () => {
    await stage.archive.setSuite('stable', {
      packages: [
        ...(await kernels(first, second, third)),
        ...(await kernels(edge)),
        ...arm.packages,
        await stage.meta(arm, ['widget-modules']),
        widget,
      ],
      architectures: ['amd64', 'arm64'],
    });
    const all = await expectRun(4);
    expect(all).toEqual(expect.arrayContaining([first, second, third, edge].map(moduleOf)));

    await stage.archive.setSuite('stable', {
      packages: [...(await kernels(third)), ...(await kernels(edge)), widget],
    });
    expect(await expectRun(0)).toEqual(all);
    const status = await home.plan('status');
    expect(status.kept.map(({ release, verdict }) => [release, verdict])).toContainEqual([
      first.release,
      'published',
    ]);
    const kept = status.kept.find(({ release }) => release === first.release);
    expect(kept?.reason).toMatch(/left Debian on \d{4}-\d\d-\d\d; stays until \d{4}-\d\d-\d\d/);

    await configure(0);
    const doomed = await home.plan('plan');
    expect(
      doomed.kept.filter(({ verdict }) => verdict === 'retired').map(({ release }) => release),
    ).toEqual([first.release]);
    // The second kernel is in another suite still.
    expect(await expectRun(0)).toEqual(all.filter((name) => name !== moduleOf(first)));
    expect((await home.plan('status')).kept.map(({ release }) => release)).not.toContain(
      first.release,
    );
  });

  test('a removed architecture keeps what it has', async () => {
    const published = await home.published('stable', 'arm64');
    expect([...published.keys()]).toContain('widget-modules-arm64');
  });

  test.runIf(slow)('a renamed flavour keeps its newest, and what follows it', async () => {
    await stage.archive.setSuite('stable', {
      packages: [...(await kernels(third)), ...(await kernels(keen)), widget],
    });
    const names = await expectRun(1);
    expect(names).toEqual(
      expect.arrayContaining([
        ...[third, edge, keen].map(moduleOf),
        'widget-modules-edge-amd64',
        'widget-modules-keen-amd64',
      ]),
    );
    expect(await expectRun(0)).toEqual(names);
    const kept = (await home.plan('status')).kept.find(({ release }) => release === edge.release);
    expect(kept?.reason).toContain('stays as the newest of its flavour');
  });
});

describe('preflight', () => {
  let home: SuitesHome;

  beforeAll(async () => {
    home = await stage.home('preflight');
    const widget = await stage.module({ name: 'widget', version: '1.0' });
    const picky = await stage.module({ name: 'picky', version: '1.0', failsOn: '6.12.203' });
    const better = await stage.module({ name: 'picky', version: '2.0' });
    await stage.archive.setSuite('stable', {
      packages: [...(await kernels(first)), widget, picky],
    });
    await stage.archive.setSuite('next', {
      packages: [...(await kernels(third)), widget, better],
    });
    await home.configure({
      archives: [stage.entry('stable'), stage.entry('next', { publish: false })],
      modules: ['widget-dkms', 'picky-dkms'],
    });
  });

  const isPublished = (): Promise<boolean> => exists(path.join(home.folder, 'repository'));

  const cells = (
    list: { module: string; moduleVersion: string; release: string; verdict: string }[],
  ): string[] =>
    list.map(
      ({ module, moduleVersion, release, verdict }) =>
        `${module} ${moduleVersion} ${release} ${verdict}`,
    );

  test('--dry-run builds nothing', async () => {
    const end = await home.preflight('--dry-run', '--for', 'stable', 'next');
    expect(end, end.stderr).toMatchObject({ exitCode: 1, ready: [], failing: [] });
    expect(cells(end.unknown).toSorted()).toEqual([
      `picky 1.0 ${third.release} queued`,
      `widget 1.0 ${third.release} queued`,
    ]);
    const status = await home.plan('status');
    expect(status.targets.map(({ verdict }) => verdict)).toEqual(['queued', 'queued']);
  });

  test('says which modules are ready and which fail, and how', async () => {
    const bySuite = await home.preflight('--for', 'stable', 'next');
    const byRelease = await home.preflight('--for', 'stable', third.release);
    const known = await home.preflight('--dry-run', '--for', 'stable', third.release);
    for (const end of [bySuite, byRelease, known]) {
      expect(end, end.stderr).toMatchObject({ exitCode: 1, unknown: [] });
      expect(cells(end.ready)).toEqual([`widget 1.0 ${third.release} built`]);
      expect(cells(end.failing)).toEqual([`picky 1.0 ${third.release} failed`]);
      expect(end.failing[0]?.reason).toContain('this kernel is too new');
    }
  });

  test('is content when all modules are ready', async () => {
    const end = await home.preflight('next');
    expect(end, end.stderr).toMatchObject({ exitCode: 0, failing: [], unknown: [] });
    expect(cells(end.ready).toSorted()).toEqual([
      `picky 2.0 ${third.release} built`,
      `widget 1.0 ${third.release} built`,
    ]);
    expect(await isPublished()).toBe(false);
  });

  test.each([
    [['6.99.0-amd64'], 'RELEASE_UNKNOWN'],
    [['nowhere'], 'RELEASE_UNKNOWN'],
    [['--for', 'nowhere', 'next'], 'SUITE_UNKNOWN'],
  ])('%j names what there is', async (args, code) => {
    const end = await home.lockstep('preflight', '--offline', ...args);
    expect(end, end.stderr).toMatchObject({ exitCode: 2 });
    const error = errorOf(end);
    expect(error.code).toBe(code);
    expect(error.hint).toContain('stable, next');
  });
});

describe.runIf(slow)('after a preflight', () => {
  test('the kernel arrives with no build left to do', async () => {
    const home = await stage.home('arrival');
    const widget = await stage.module({ name: 'widget', version: '1.0' });
    await stage.archive.setSuite('stable', { packages: [...(await kernels(first)), widget] });
    await stage.archive.setSuite('next', { packages: [...(await kernels(third)), widget] });
    const configure = (ahead: string[]): Promise<void> =>
      home.configure({
        archives: [stage.entry('stable', { ahead }), stage.entry('next', { publish: false })],
        modules: ['widget-dkms'],
      });
    await configure([]);
    expect(await home.run()).toMatchObject({ exitCode: 0, built: 1 });
    // Asked of the suite that expects the kernel, unless another is named.
    await configure(['next']);
    const preflight = await home.preflight('next');
    expect(preflight, preflight.stderr).toMatchObject({
      exitCode: 0,
      ready: [{ release: third.release, verdict: 'built', from: 'stable', ahead: ['stable'] }],
      failing: [],
      unknown: [],
    });
    const before = await home.published('stable');
    expect(before.has(`widget-modules-${third.release}`)).toBe(false);
    await stage.archive.setSuite('stable', {
      packages: [...(await kernels(first, third)), widget],
    });
    expect(await home.run()).toMatchObject({ exitCode: 0, built: 0 });
    expect((await home.published('stable')).has(`widget-modules-${third.release}`)).toBe(true);
  });
});
