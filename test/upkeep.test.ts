import * as fs from 'node:fs/promises';
import * as path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { exists } from '../src/core/files.ts';
import { acquireLock } from '../src/core/lock.ts';
import { errorOf } from './support/program.ts';
import type { SuitesHome } from './support/suites-home.ts';
import { type SuitesStage, suitesStage } from './support/suites-stage.ts';
import type { TestKernel } from './support/test-kernels.ts';
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
    expect((await home.run()).exitCode).toBe(0);
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
      expect(kinds['package']).toEqual([
        expect.objectContaining({
          what: expect.stringMatching(`^stable: widget-modules-`),
          why: expect.stringMatching(/^its kernel has left Debian .*; its file goes two/),
        }),
      ]);
      expect(kinds['package']?.[0]?.what).toContain(`stable: ${old} `);
      // The build is needed as long as the package is published: it goes with it.
      expect(linesOf(shown).filter((line) => !/^(?:cache|log|package) /.test(line))).toEqual([
        'archive state/archives/former',
        'made state/packages/stray',
        `repository repository/${stray}`,
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
      expect(debs.filter((name) => name.includes(first.release)).length).toBe(1);
      expect(await home.complaints('stable')).toEqual([]);

      await configure({ retention: { graceDays: 0 } });
      expect(await gc()).toMatchObject({ garbage: [] });
      const end = await home.lockstep('verify');
      expect(end, end.stdout).toMatchObject({ exitCode: 0 });
      expect(await home.run()).toMatchObject({ exitCode: 0, built: 0 });
    },
    10 * MINUTES,
  );
});
