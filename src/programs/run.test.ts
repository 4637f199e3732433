import * as fs from 'node:fs/promises';
import { describe, expect, test } from 'vitest';
import { lockstepErrorOf } from '../core/testing/errors.ts';
import { useScratch } from '../core/testing/scratch.ts';
import { runProgram } from './run.ts';

const at = useScratch('run');

function shell(script: string, options: Parameters<typeof runProgram>[2] = {}) {
  return runProgram('sh', ['-c', script], options);
}

describe('a program', () => {
  test('gives its output and its errors as they are, in the C locale', async () => {
    const result = await shell('printf " out\\n\\n"; echo err >&2; echo $LC_ALL $EXTRA', {
      env: { EXTRA: 'more' },
    });
    expect(result).toEqual({ exitCode: 0, stdout: ' out\n\nC.UTF-8 more\n', stderr: 'err\n' });
  });

  test('reads what it is given, and nothing else', async () => {
    expect((await runProgram('cat', [], { input: 'ä\0b' })).stdout).toBe('ä\0b');
    expect((await runProgram('cat', [])).stdout).toBe('');
    expect((await runProgram('true', [], { input: 'x'.repeat(1_000_000) })).exitCode).toBe(0);
  });

  test('that fails is an error with the end of what it said', async () => {
    const error = await lockstepErrorOf(() =>
      shell('for n in 1 2 3 4 5 6; do echo "line $n" >&2; done; exit 3'),
    );
    expect(error.code).toBe('PROGRAM_FAILED');
    expect(error.message).toBe('sh ended with status 3: line 2\nline 3\nline 4\nline 5\nline 6');
    const killed = await lockstepErrorOf(() => shell('kill -9 $$'));
    expect(killed.message).toContain('sh was ended by SIGKILL');
  });

  test('may fail when that is allowed', async () => {
    const result = await shell('echo out; exit 3', { allowFailure: true });
    expect(result).toEqual({ exitCode: 3, stdout: 'out\n', stderr: '' });
    expect((await shell('kill -9 $$', { allowFailure: true })).exitCode).toBe(128);
  });

  test.each([true, false])('that is missing is named (failure allowed: %s)', async (allowed) => {
    const error = await lockstepErrorOf(() =>
      runProgram('no-such-program', [], { allowFailure: allowed }),
    );
    expect(error.code).toBe('ENVIRONMENT');
    expect(error.message).toBe('the program no-such-program is not installed');
    expect(error.hint).toBe('lockstep doctor');
  });

  test('that cannot be started says why', async () => {
    await fs.writeFile(at('file'), '#!/bin/sh\n', { mode: 0o644 });
    const error = await lockstepErrorOf(() => runProgram(at('file'), []));
    expect(error.code).toBe('PROGRAM_FAILED');
    expect(error.message).toContain('EACCES');
  });

  test.each([true, false])('ends after its time (failure allowed: %s)', async (allowed) => {
    const error = await lockstepErrorOf(() =>
      shell(`echo $$ >${at('pid')}; exec sleep 600`, { timeout: 300, allowFailure: allowed }),
    );
    expect(error.code).toBe('PROGRAM_FAILED');
    expect(error.message).toContain('ran into its time-out');
    const pid = Number(await fs.readFile(at('pid'), 'utf8'));
    expect(() => process.kill(pid, 0)).toThrow('ESRCH');
  });

  test('ends when it is interrupted, and is not begun after that', async () => {
    const controller = new AbortController();
    const running = lockstepErrorOf(() =>
      shell(`echo $$ >${at('pid-2')}; exec sleep 600`, {
        signal: controller.signal,
        allowFailure: true,
      }),
    );
    while (!(await fs.readFile(at('pid-2'), 'utf8').catch(() => '')).includes('\n')) {
      await new Promise((resolve) => {
        setTimeout(resolve, 10);
      });
    }
    controller.abort();
    expect(await running).toMatchObject({ code: 'INTERRUPTED', exitCode: 130 });
    const pid = Number(await fs.readFile(at('pid-2'), 'utf8'));
    expect(() => process.kill(pid, 0)).toThrow('ESRCH');
    const late = await lockstepErrorOf(() =>
      shell(`touch ${at('late')}`, { signal: controller.signal }),
    );
    expect(late.code).toBe('INTERRUPTED');
    await expect(fs.stat(at('late'))).rejects.toThrow('ENOENT');
    const { signal } = controller;
    const missing = await lockstepErrorOf(() => runProgram('no-such-program', [], { signal }));
    expect(missing.code).toBe('INTERRUPTED');
  });

  test('that floods is an error, never half an answer', async () => {
    for (const allowFailure of [true, false]) {
      const error = await lockstepErrorOf(() =>
        runProgram('yes', ['a line of text'], { allowFailure }),
      );
      expect(error.code).toBe('PROGRAM_FAILED');
      expect(error.message).toContain('printed more than can be kept');
    }
  });
});
