import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { errnoOf, LockstepError } from './errors.ts';

test('an error keeps its code, hint, cause and exit status', () => {
  const cause = new Error('why');
  const error = new LockstepError('LOCKED', 'what', { hint: 'do', cause, exitCode: 2 });
  expect(error).toMatchObject({
    ...{ name: 'LockstepError', code: 'LOCKED', message: 'what', hint: 'do', exitCode: 2, cause },
  });
  expect(new LockstepError('USAGE', 'what')).toMatchObject({ hint: undefined, exitCode: 3 });
  expect(Object.hasOwn(new LockstepError('USAGE', 'what'), 'cause')).toBe(false);
});

test('the errno of system errors, and of nothing else', () => {
  let caught: unknown;
  try {
    readFileSync('/nowhere/at/all');
  } catch (error) {
    caught = error;
  }
  expect(errnoOf(caught)).toBe('ENOENT');
  for (const other of [undefined, null, 'ENOENT', new Error('x'), { code: 'ENOENT' }]) {
    expect(errnoOf(other)).toBeUndefined();
  }
});
