import { spawnSync } from 'node:child_process';
import * as fs from 'node:fs/promises';
import * as fc from 'fast-check';
import { beforeAll, describe, expect, test } from 'vitest';
import { useScratch } from '../core/testing/scratch.ts';
import { endOf, findErrorLine } from './log.ts';

const at = useScratch('build-log');

/** What a program prints, both streams, in its order. */
function say(program: string, ...args: string[]): string {
  const result = spawnSync('sh', ['-c', '"$@" 2>&1', 'sh', program, ...args], {
    cwd: at(),
    encoding: 'utf8',
    env: { PATH: '/usr/bin:/bin', LC_ALL: 'C.UTF-8' },
  });
  return result.stdout;
}

describe('the telling line of a real log', () => {
  beforeAll(async () => {
    await fs.writeFile(
      at('bad.c'),
      'int f(void) {\n  int unused;\n  return undeclared_thing;\n}\n',
    );
    await fs.writeFile(at('include.c'), '#include <no/such.h>\n');
    await fs.writeFile(at('link.c'), 'int g(void);\nint main(void) { return g(); }\n');
    await fs.writeFile(
      at('Makefile'),
      'all: missing.o\nrun:\n\tno-such-command\nfalse:\n\tfalse\n',
    );
  });

  test.each([
    ['bad.c', 'bad.c:3:10: error: ‘undeclared_thing’ undeclared (first use in this function)'],
    ['include.c', 'include.c:1:10: fatal error: no/such.h: No such file or directory'],
  ])('of gcc for %s, coloured or not', (file, expected) => {
    const colours = say('gcc', '-fdiagnostics-color=always', '-Wall', '-c', file);
    expect(colours).toContain('\u001b[');
    expect(findErrorLine(colours)).toBe(expected);
    expect(findErrorLine(say('gcc', '-Wall', '-c', file))).toBe(expected);
  });

  test('of the linker', () => {
    expect(findErrorLine(say('gcc', 'link.c'))).toMatch(/undefined reference|ld returned 1/);
  });

  test('of make', () => {
    expect(findErrorLine(say('make', 'all'))).toBe(
      "make: *** No rule to make target 'missing.o', needed by 'all'.  Stop.",
    );
    expect(findErrorLine(say('make', 'run'))).toBe(
      'make: no-such-command: No such file or directory',
    );
    expect(findErrorLine(say('make', 'false'))).toBe('make: *** [Makefile:5: false] Error 1');
  });

  test('of shells', () => {
    expect(findErrorLine(say('sh', '-c', 'echo begin; no-such-command'))).toBe(
      'sh: 1: no-such-command: not found',
    );
    expect(findErrorLine(say('bash', '--norc', '-c', 'no-such-command'))).toBe(
      'bash: line 1: no-such-command: command not found',
    );
  });
});

describe('the telling line', () => {
  test.each([
    [
      'modpost',
      'ERROR: modpost: "snmp_fold_field" [/var/lib/dkms/jool/4.1/build/jool.ko] undefined!\nmake[3]: *** [scripts/Makefile.modpost:147: Module.symvers] Error 1\n',
      'ERROR: modpost: "snmp_fold_field" [/var/lib/dkms/jool/4.1/build/jool.ko] undefined!',
    ],
    [
      'a warning before the error',
      "a.c:1:2: warning: implicit declaration\na.c:3:4: error: too few arguments to function 'f'\nmake: *** [a.o] Error 1\n",
      "a.c:3:4: error: too few arguments to function 'f'",
    ],
    [
      'the recipe itself',
      'CC a.o\nlockstep: warning: the PRE_BUILD script x is not executable\nlockstep: demo.ko is missing after the build\n',
      'demo.ko is missing after the build',
    ],
    ['nothing that tells', '  CC [M]  a.o\n  LD [M]  a.ko\n', undefined],
    ['an empty log', '', undefined],
  ])('%s', (_name, text, expected) => {
    expect(findErrorLine(text)).toBe(expected);
  });

  test('has no control character and is short, whatever the log (any)', () => {
    const piece = fc.constantFrom(
      ...['\u001b[31m', '\u001b]0;title\u0007', '\u001b', '\u0007', '\r', '\u009b2J', 'error: x'],
      ...['x'.repeat(400), '\n', ': not found', ' '],
    );
    fc.assert(
      fc.property(fc.array(piece), (pieces) => {
        const line = findErrorLine(pieces.join('')) ?? '';
        expect(line).not.toMatch(/\p{Cc}/u);
        expect(line.length).toBeLessThanOrEqual(300);
      }),
    );
  });

  test('is found in a log that was made to be slow to read', () => {
    const evil = ['*** '.repeat(1_000_000), '\u001b]'.repeat(1_000_000), ': '.repeat(1_000_000)];
    expect(findErrorLine(`${evil.join('\n')}\nlockstep: found\n`)).toBe('found');
  });
});

test('of a large log the end is read', async () => {
  const file = at('large.log');
  const filler = `${'x'.repeat(99)}\n`.repeat(50_000);
  await fs.writeFile(file, `a.c:1: error: the first\n${filler}b.c:2: error: the last\n`);
  expect(findErrorLine(await endOf(file))).toBe('b.c:2: error: the last');
  await fs.writeFile(file, 'b.c:2: error: short\n');
  expect(findErrorLine(await endOf(file))).toBe('b.c:2: error: short');
  await fs.writeFile(file, '');
  expect(findErrorLine(await endOf(file))).toBeUndefined();
});
