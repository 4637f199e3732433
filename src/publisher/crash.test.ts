import { spawn } from 'node:child_process';
import * as fs from 'node:fs/promises';
import * as path from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import PQueue from 'p-queue';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { sampled } from '../../test/support/tier.ts';
import { exists } from '../core/files.ts';
import { ensureSigningKey, type SigningKey } from './key.ts';
import { type DiskStep, fileOperations } from './operations.ts';
import { adoptStore } from './testing/adopt.ts';
import { makeApt, update } from './testing/apt.ts';
import { checkPlainNames, checkSuite } from './testing/consistency.ts';
import { makeDeb } from './testing/debs.ts';
import { makeScratch } from './testing/scratch.ts';
import { publishPresigned, publishScenario, type Scenario } from './testing/generations.ts';

let root: string;
let key: SigningKey;
let debs: string[];
let before: string;
let after: string;
/** What the next publish does to the disk, step by step. */
let steps: { step: DiskStep; file: string }[];

beforeAll(async () => {
  root = await makeScratch('lockstep-crash-');
  key = await ensureSigningKey(path.join(root, 'key'), 'Crash');
  debs = ['a', 'b', 'c', 'd', 'e'].map((letter) =>
    makeDeb(root, { name: `pkg-${letter}`, version: '1' }),
  );
  const directory = path.join(root, 'old');
  const stateDirectory = `${directory}.state`;
  for (const list of [debs.slice(0, 2), debs.slice(1, 3)]) {
    await publishScenario({ directory, stateDirectory, debs: list }, key);
  }
  before = checkSuite(directory, 'trixie');
  const copy = await copyOf('old', 'new');
  steps = [];
  const disk = fileOperations((step, file) => steps.push({ step, file }));
  const next = { directory: copy, stateDirectory: `${copy}.state`, debs: debs.slice(2) };
  await publishScenario(next, key, disk);
  after = checkSuite(copy, 'trixie');
});

afterAll(async () => {
  await fs.rm(root, { recursive: true, force: true });
});

/** A copy of a repository, and of the store that knows it. */
async function copyOf(from: string, to: string): Promise<string> {
  const target = path.join(root, to);
  for (const end of ['', '.state']) {
    await fs.cp(path.join(root, from) + end, target + end, {
      recursive: true,
      preserveTimestamps: true,
    });
  }
  adoptStore(`${target}.state`, target);
  return target;
}

/** Whether the store's publisher was killed at work: what is there is not taken on trust then. */
function isOpen(directory: string): boolean {
  const store = new DatabaseSync(path.join(`${directory}.state`, 'publisher.sqlite'));
  const row = store.prepare('SELECT open FROM repository').get();
  store.close();
  return row?.['open'] === 1;
}

async function remove(directory: string): Promise<void> {
  await fs.rm(directory, { recursive: true });
  await fs.rm(`${directory}.state`, { recursive: true });
}

function scenarioIn(directory: string): Scenario {
  return {
    directory,
    stateDirectory: `${directory}.state`,
    fingerprint: key.fingerprint,
    publicKey: key.publicKey,
    debs: debs.slice(2),
    inRelease: after,
  };
}

/** Numbers of steps: each one in the second tier, a third of them in the first. */
function sampledSteps(count: number): number[] {
  const all = Array.from({ length: count }, (_, index) => index);
  return sampled(all, Math.ceil(count / 3));
}

/** Runs Node.js to its end. @returns its status, or the signal that killed it */
function runChild(args: string[]): Promise<string> {
  return new Promise((resolve, reject) => {
    const env = { ...process.env, NODE_COMPILE_CACHE: path.join(root, 'compiled') };
    const running = spawn(process.execPath, args, { env, stdio: ['ignore', 'ignore', 'inherit'] });
    running.on('error', reject);
    running.on('close', (status, signal) => resolve(signal ?? String(status)));
  });
}

/** What a fresh apt that reads this folder knows. */
async function namesByApt(directory: string, index: number): Promise<string[]> {
  const sources = await fs.readFile(path.join(directory, 'trixie.sources'), 'utf8');
  const apt = makeApt(
    path.join(root, `apt-${index}`),
    sources.replace(/^URIs: .*$/m, `URIs: file:${directory}`),
  );
  await update(apt);
  return (await apt.cache(['pkgnames'])).stdout.trim().split('\n').sort();
}

/** The new state, whole, and with nothing left over from the way there. */
async function checkEnd(directory: string): Promise<void> {
  checkPlainNames(directory, 'trixie');
  const list = async (folder: string) =>
    (await fs.readdir(folder, { recursive: true }))
      .filter((name) => name !== 'trixie.sources')
      .sort();
  expect(await list(directory)).toEqual(await list(path.join(root, 'new')));
}

describe('a publisher that dies', () => {
  test('by SIGKILL before any step leaves the old state or the new one', async () => {
    const seen: string[] = [];
    const child = path.join(import.meta.dirname, 'testing/crash-child.ts');
    const queue = new PQueue({ concurrency: 2 });
    const killed = sampledSteps(steps.length + 1);
    const tries = killed.map((index, turn) => async () => {
      const directory = await copyOf('old', `killed-${index}`);
      const scenario = path.join(root, `scenario-${index}.json`);
      await fs.writeFile(scenario, JSON.stringify(scenarioIn(directory)));
      const ending = await runChild([child, scenario, String(index + 1)]);
      expect([index, ending]).toEqual([index, index < steps.length ? 'SIGKILL' : '0']);
      const found = checkSuite(directory, 'trixie');
      expect([before, after]).toContain(found);
      seen[turn] = found === before ? 'before' : 'after';
      const names = found === before ? ['pkg-b', 'pkg-c'] : ['pkg-c', 'pkg-d', 'pkg-e'];
      const isSample = turn % 12 === 0;
      expect(isSample ? await namesByApt(directory, index) : names).toEqual(names);
      expect(isOpen(directory)).toBe(index < steps.length);
      if (turn % 5 === 4) {
        // The state folder may be lost too.
        await fs.rm(`${directory}.state`, { recursive: true });
      }
      await publishPresigned(scenarioIn(directory));
      await checkEnd(directory);
      expect((await publishPresigned(scenarioIn(directory))).changed).toBe(false);
      await remove(directory);
    });
    await queue.addAll(tries);
    const change = seen.indexOf('after');
    expect(killed[change]).toBeGreaterThan(20);
    expect(seen.slice(0, change).every((state) => state === 'before')).toBe(true);
    expect(seen.slice(change).every((state) => state === 'after')).toBe(true);
  });

  test('by a full disk at any step says so and leaves the old state or the new one', async () => {
    for (const limit of sampledSteps(steps.length)) {
      const directory = await copyOf('old', `full-${limit}`);
      let count = 0;
      const disk = fileOperations(() => {
        count += 1;
        if (count > limit) {
          throw Object.assign(new Error('no space'), { code: 'ENOSPC' });
        }
      });
      const failure = publishPresigned(scenarioIn(directory), disk);
      await expect(failure).rejects.toMatchObject({ code: 'DISK_FULL' });
      expect([before, after]).toContain(checkSuite(directory, 'trixie'));
      const names = await fs.readdir(directory, { recursive: true });
      expect(names.filter((name) => name.includes('.tmp-'))).toEqual([]);
      await publishPresigned(scenarioIn(directory));
      await checkEnd(directory);
      await remove(directory);
    }
  });

  test('in its very first run leaves nothing or everything', async () => {
    const first = path.join(root, 'first-whole');
    const whole = {
      directory: first,
      stateDirectory: `${first}.state`,
      debs: debs.slice(2),
    };
    let total = 0;
    await publishScenario(
      whole,
      key,
      fileOperations(() => {
        total += 1;
      }),
    );
    const inRelease = checkSuite(first, 'trixie');
    for (const limit of sampledSteps(total)) {
      const directory = path.join(root, `first-${limit}`);
      let count = 0;
      const disk = fileOperations(() => {
        count += 1;
        if (count > limit) {
          throw new Error('died');
        }
      });
      const scenario = { ...scenarioIn(directory), inRelease };
      await expect(publishPresigned(scenario, disk)).rejects.toThrow('died');
      const isThere = await exists(path.join(directory, 'dists/trixie/InRelease'));
      expect(isThere ? checkSuite(directory, 'trixie') : inRelease).toBe(inRelease);
      await publishPresigned(scenario);
      checkPlainNames(directory, 'trixie');
      await remove(directory);
    }
  });
});

describe('the order of what reaches the disk', () => {
  test('a name is given to a file only when its bytes are on disk', () => {
    const renames = steps.flatMap(({ step }, index) => (step === 'rename' ? [index] : []));
    expect(renames.length).toBeGreaterThan(8);
    for (const index of renames) {
      const name = `.tmp-${path.basename(steps[index]?.file ?? '?').slice(0, 80)}-`;
      const earlier = steps.slice(0, index).filter(({ file }) => file.includes(name));
      expect(earlier.at(-1)?.step).toBe('sync');
    }
  });

  test('InRelease comes when all it needs is there by name; what is old goes after that', () => {
    const volatile = new Set<string>();
    const atSwitch: string[][] = [];
    const removedWhen: string[] = [];
    let phase = 'before';
    for (const { step, file } of steps) {
      if (step === 'rename' && file.endsWith('/InRelease')) {
        atSwitch.push([...volatile]);
        phase = 'renamed';
      }
      if (step === 'rename' || step === 'mkdir') {
        volatile.add(path.dirname(file));
      } else if (step === 'sync-directory') {
        volatile.delete(file);
        phase = phase === 'renamed' && file.endsWith('/dists/trixie') ? 'durable' : phase;
      } else if (step === 'unlink') {
        removedWhen.push(phase);
      }
    }
    expect(atSwitch).toEqual([[]]);
    expect(removedWhen).toEqual(Array.from({ length: 4 }, () => 'durable'));
  });

  test('indices have their plain names only when those by hash are durable', () => {
    const last = steps.findLastIndex(
      ({ step, file }) => step === 'sync-directory' && file.endsWith('/by-hash/SHA256'),
    );
    const byHash = steps.findIndex(
      ({ step, file }) => step === 'sync-directory' && file.endsWith('/by-hash/SHA256'),
    );
    const plain = steps.findIndex(
      ({ step, file }) => step === 'rename' && file.endsWith('/Packages.gz'),
    );
    expect(byHash).toBeGreaterThan(0);
    expect(last).toBeGreaterThanOrEqual(byHash);
    expect(plain).toBeGreaterThan(byHash);
  });
});
