import { describe, expect, test } from 'vitest';
import { foreignProgram } from './foreign-program.ts';

const CROSS = { builder: 'amd64', architecture: 'arm64' };

describe('a program that was built for another architecture and run', () => {
  // As dash 0.5.12, bash 5.2 and make 4.3 say it.
  test.each([
    ['dash', '/bin/sh: 1: ./gen: Exec format error', './gen'],
    ['bash', 'bash: ./gen: cannot execute binary file: Exec format error', './gen'],
    [
      'bash in a script',
      'build.sh: line 3: ./a/gen: cannot execute binary file: Exec format error',
      './a/gen',
    ],
    ['bash, of i386', 'bash: line 1: ./gen: cannot execute: required file not found', './gen'],
    ['make, whose shell reads it', './gen: 1: \u007fELF\u0002\u0001x{: not found', './gen'],
  ])('is seen in what %s says', (_name, line, program) => {
    expect(foreignProgram(`make all\n${line}\nmake: *** [Makefile:2: a] Error 126\n`, CROSS)).toBe(
      `a program built for arm64 can't run on this amd64 machine: ${program}`,
    );
  });

  test.each(['a.c:1: error: Exec format error in a string', 'sh: 1: gen: not found', ''])(
    'is not seen in %j',
    (line) => {
      expect(foreignProgram(line, CROSS)).toBeUndefined();
    },
  );
});
