import * as fs from 'node:fs/promises';
import * as path from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { exists } from '../src/core/files.ts';
import type { Running } from './support/program.ts';
import type { OwnPackage } from './support/small-archive.ts';
import type { SuitesHome } from './support/suites-home.ts';
import { type SuitesStage, suitesStage } from './support/suites-stage.ts';
import type { TestKernel } from './support/test-kernels.ts';
import type { DkmsSource } from './support/test-packages.ts';
import { slow } from './support/tier.ts';

const MINUTES = 60_000;

let stage: SuitesStage;
let first: TestKernel;
let second: TestKernel;
let widget: OwnPackage;

beforeAll(async () => {
  stage = await suitesStage('watch');
  [first, second] = await stage.twoKernels();
  widget = await stage.module({ name: 'widget', version: '1.0' });
});

afterAll(async () => {
  await stage[Symbol.asyncDispose]();
});

async function until(what: string, done: () => Promise<boolean>, minutes = 4): Promise<void> {
  const deadline = Date.now() + minutes * MINUTES;
  while (!(await done())) {
    if (Date.now() > deadline) {
      throw new Error(`it never came to it: ${what}`);
    }
    await new Promise((resolve) => {
      setTimeout(resolve, 200);
    });
  }
}

function watching(home: SuitesHome): Running {
  const config = path.join(home.folder, 'lockstep.yaml');
  return stage.box.start(['watch', '-c', config, '--period', '1']);
}

async function logsOf(home: SuitesHome): Promise<string[]> {
  const names = await fs.readdir(path.join(home.folder, 'state/log')).catch(() => []);
  return names.filter((name) => name.includes('-watch-'));
}

/** A module that counts as long, and whose builds wait for {@link letGo}. */
function heldModule(name: string): DkmsSource {
  return {
    name,
    version: '1.0',
    conf: 'PRE_BUILD="hold.sh"',
    files: {
      // What was never built is taken for long by its size.
      padding: 'x'.repeat(700_000),
      'hold.sh': '#!/bin/sh\ntouch /out/held\nuntil [ -e /out/go ]; do sleep 0.1; done\n',
    },
  };
}

/** The folders `/out` of the builds that wait. */
async function heldBuilds(home: SuitesHome): Promise<string[]> {
  const work = path.join(home.folder, 'state/work');
  const builds = (await fs.readdir(work).catch((): string[] => [])).map((name) =>
    path.join(work, name, 'build/out'),
  );
  const held = await Promise.all(builds.map((folder) => exists(path.join(folder, 'held'))));
  return builds.filter((_folder, at) => held[at]);
}

async function letGo(home: SuitesHome): Promise<void> {
  for (const folder of await heldBuilds(home)) {
    // A build that has ended meanwhile has no folder any more.
    await fs.writeFile(path.join(folder, 'go'), '').catch(() => undefined);
  }
}

/** Whether a command waits for the state folder: it holds the lock of those who wait. */
async function isAwaited(home: SuitesHome): Promise<boolean> {
  const database = new DatabaseSync(path.join(home.folder, 'state/waiting.sqlite'));
  try {
    database.exec('PRAGMA busy_timeout = 0; BEGIN EXCLUSIVE; ROLLBACK');
    return false;
  } catch {
    return true;
  } finally {
    database.close();
  }
}

describe('a watch', () => {
  test(
    'publishes what comes, outlives a mirror that is away, and ends when it is told to',
    async () => {
      const home = await stage.home('comes');
      await home.configure({ archives: [stage.entry('stable')], modules: ['widget-dkms'] });
      const before = [...first.packages, await stage.meta(first), widget];
      await stage.archive.setSuite('stable', { packages: before });
      const running = watching(home);
      const has = (release: string) => async (): Promise<boolean> =>
        (await home.published('stable')).has(`widget-modules-${release}`);
      await until('the first kernel’s module', has(first.release));

      // The look that has published it is over when another command gets its turn.
      const settled = await home.lockstep('kernels', '--offline', '--wait', '600');
      expect(settled, settled.stderr).toMatchObject({ exitCode: 0 });
      const before304 = stage.mirror.answers.length;
      const fresh = () => stage.mirror.answers.slice(before304);
      await until('some looks at an archive that did not change', async () => fresh().length >= 3);
      const polite = { name: '/debian/dists/stable/InRelease', status: 304 };
      expect(fresh()).toEqual(fresh().map(() => polite));

      await stage.archive.setSuite('stable', {
        packages: [...before, ...second.packages, await stage.meta(second)],
      });
      await until('the second kernel’s module', has(second.release));
      expect(
        (await home.published('stable')).get('widget-modules-cloud-amd64')?.get('Depends'),
      ).toContain(`linux-latest-modules-${second.release}`);
      expect(await home.complaints('stable')).toEqual([]);

      stage.mirror.steer(/./, { kind: 'status', status: 503 });
      await until('a look that failed', async () => (await logsOf(home)).length > 2);
      stage.mirror.calm();

      // Looks that find nothing leave no log; another command gets its turn between two looks, even if each takes
      // longer than the period.
      const release = stage.mirror.own('dists/stable/InRelease')?.length ?? 0;
      const bytesPerSecond = Math.ceil(release / 3);
      stage.mirror.steer(/InRelease$/, { kind: 'trickle', bytesPerSecond });
      const status = await home.lockstep('kernels', '--offline', '--wait', '60');
      expect(status, status.stderr).toMatchObject({ exitCode: 0 });
      expect((await logsOf(home)).length).toBeLessThanOrEqual(4);
      stage.mirror.calm();

      running.kill('SIGTERM', 'program');
      const end = await running.end;
      expect(end, end.stderr).toMatchObject({ exitCode: 0 });
      expect(await exists(path.join(home.folder, 'state/lock.sqlite.holder'))).toBe(false);
    },
    10 * MINUTES,
  );

  test(
    'sees a kernel and publishes its short builds while long ones take all slots, and lets another command between',
    async () => {
      const home = await stage.home('long');
      const packages = await Promise.all(
        ['boulder', 'glacier'].map((name) => stage.module(heldModule(name))),
      );
      await home.configure({
        archives: [stage.entry('long')],
        modules: ['boulder-dkms', 'glacier-dkms', 'widget-dkms'],
        // A sample that is built twice would have to be let go twice.
        more: { jobs: 2, cache: { objects: false } },
      });
      const before = [...first.packages, await stage.meta(first), widget, ...packages];
      await stage.archive.setSuite('long', { packages: before });
      const running = watching(home);
      const names = async (): Promise<string[]> => [...(await home.published('long')).keys()];
      const has = (name: string) => async () => (await names()).includes(name);
      await until('the long builds', async () => (await heldBuilds(home)).length === 2);
      await until('the short one beside them', has(`widget-modules-${first.release}`));

      await stage.archive.setSuite('long', {
        packages: [...before, ...second.packages, await stage.meta(second)],
      });
      await until('a new kernel’s short build', has(`widget-modules-${second.release}`));
      expect(await names()).not.toContain(`boulder-modules-${first.release}`);
      expect(await heldBuilds(home)).toHaveLength(2);

      expect(await home.lockstep('kernels', '--offline')).toMatchObject({ exitCode: 3 });
      const other = home.lockstep('kernels', '--offline', '--wait', '600');
      await until('the other command waits', () => isAwaited(home));
      await letGo(home);
      const end = await other;
      expect(end, end.stderr).toMatchObject({ exitCode: 0 });
      await until('the long builds for the new kernel', async () => {
        await letGo(home);
        const there = await names();
        return ['boulder', 'glacier'].every((name) =>
          there.includes(`${name}-modules-${second.release}`),
        );
      });
      expect(await home.complaints('long')).toEqual([]);
      running.kill('SIGTERM', 'program');
      expect((await running.end).exitCode).toBe(0);
    },
    10 * MINUTES,
  );

  test.runIf(slow)(
    'that is told to end while it builds drops the build, and the next one makes it',
    async () => {
      const home = await stage.home('dropped');
      await home.configure({ archives: [stage.entry('slow')], modules: ['slug-dkms'] });
      const slug = await stage.module({
        name: 'slug',
        version: '1.0',
        conf: 'PRE_BUILD="wait.sh"',
        files: { 'wait.sh': '#!/bin/sh\nsleep 8\n' },
      });
      await stage.archive.setSuite('slow', {
        packages: [...first.packages, await stage.meta(first), slug],
      });
      const running = watching(home);
      const work = path.join(home.folder, 'state/work');
      await until('a build in work', async () =>
        (await fs.readdir(work).catch((): string[] => [])).some((name) =>
          name.endsWith('.building'),
        ),
      );
      running.kill('SIGTERM', 'program');
      const end = await running.end;
      expect(end, end.stderr).toMatchObject({ exitCode: 0 });
      expect((await home.published('slow')).size).toBe(0);
      expect(await exists(work)).toBe(false);

      const once = await home.lockstep('watch', '--looks', '1');
      expect(once, once.stderr).toMatchObject({ exitCode: 0 });
      expect((await home.published('slow')).has(`slug-modules-${first.release}`)).toBe(true);

      const verify = (command = 'verify'): Promise<unknown> => home.lockstep(command);
      expect(await verify()).toMatchObject({ exitCode: 0 });
      const repository = path.join(home.folder, 'repository');
      const names = await fs.readdir(path.join(repository, 'pool'), { recursive: true });
      const deb = path.join(repository, 'pool', names.find((name) => name.endsWith('.deb')) ?? '');
      const bytes = await fs.readFile(deb);
      await fs.rm(deb);
      await fs.writeFile(deb, 'x');
      await fs.rm(path.join(repository, 'dists/slow/main/binary-amd64/Packages.gz'));
      expect(await verify()).toMatchObject({ exitCode: 1 });
      expect(await verify('repair')).toMatchObject({ exitCode: 0 });
      expect(await verify()).toMatchObject({ exitCode: 0 });
      expect((await fs.readFile(deb)).equals(bytes)).toBe(true);
    },
    10 * MINUTES,
  );
});
