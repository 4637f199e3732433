import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { once } from 'node:events';
import * as fs from 'node:fs/promises';
import * as path from 'node:path';
import type { Readable, Writable } from 'node:stream';
import { afterEach, expect, test, vi } from 'vitest';
import { acquireLock } from './lock.ts';
import { lockstepErrorOf } from './testing/errors.ts';
import { useScratch } from './testing/scratch.ts';

const at = useScratch('lock');
const children: ChildProcessByStdio<Writable, Readable, null>[] = [];

afterEach(async () => {
  for (const child of children.splice(0)) {
    if (child.exitCode === null && child.signalCode === null) {
      child.kill('SIGKILL');
      await once(child, 'exit');
    }
  }
});

/** Starts another process that holds the lock. */
async function hold(folder: string, command: string): Promise<(typeof children)[number]> {
  const script = path.join(import.meta.dirname, 'testing/lock-child.ts');
  const child = spawn(process.execPath, [script, folder, command], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  children.push(child);
  const said: unknown[] = await once(child.stdout, 'data');
  expect(String(said[0])).toBe('locked\n');
  return child;
}

test('a second process is refused, and told who holds the lock and since when', async () => {
  const child = await hold(at('a'), 'run');
  const error = await lockstepErrorOf(() => acquireLock(at('a'), 'clean', 0));
  expect(error.code).toBe('LOCKED');
  expect(error.message).toMatch(
    new RegExp(`process ${child.pid} \\(lockstep run\\), since \\d{4}-\\d\\d-\\d\\dT[\\d:.]+Z$`),
  );
  expect(error.hint).toContain('--wait');
});

test('the lock of a process that was killed is free at once', async () => {
  const child = await hold(at('b'), 'run');
  child.kill('SIGKILL');
  await once(child, 'exit');
  // What says who held it is still there; it must not be believed.
  expect(await fs.readdir(at('b'))).toContain('lock.sqlite.holder');
  const lock = await acquireLock(at('b'), 'status', 0);
  const holder = await fs.readFile(at('b/lock.sqlite.holder'), 'utf8');
  expect(holder).toContain(`process ${process.pid} (lockstep status)`);
  await lock.release();
});

test('who waits gets the lock as soon as its holder gives it back', async () => {
  const child = await hold(at('c'), 'run');
  const waiting = acquireLock(at('c'), 'run', 60);
  const early = await Promise.race([
    waiting.then(() => 'locked'),
    new Promise((resolve) => {
      setTimeout(() => resolve('waits'), 700);
    }),
  ]);
  expect(early).toBe('waits');
  child.stdin.write('enough\n');
  const lock = await waiting;
  await lock.release();
  const again = await acquireLock(at('c'), 'run', 0);
  await again.release();
});

test('its holder is told while somebody waits for it', async () => {
  const lock = await acquireLock(at('g'), 'watch', 0);
  expect(lock.isWanted()).toBe(false);
  const waiting = acquireLock(at('g'), 'plan', 60);
  await vi.waitUntil(() => lock.isWanted(), { timeout: 60_000 });
  await lock.release();
  const other = await waiting;
  expect(other.isWanted()).toBe(false);
  await other.release();
});

test('waiting ends when it is interrupted', async () => {
  await hold(at('d'), 'run');
  const controller = new AbortController();
  const waiting = acquireLock(at('d'), 'run', 60, controller.signal);
  controller.abort(new Error('enough'));
  await expect(waiting).rejects.toThrow('enough');
});

test('different folders have different locks', async () => {
  await hold(at('e'), 'run');
  const lock = await acquireLock(at('f'), 'run', 0);
  await expect(lock.release()).resolves.toBeUndefined();
});
