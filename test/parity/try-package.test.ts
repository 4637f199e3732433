import { describe, expect, test } from 'vitest';
import { errorLine, readSteps } from './try-package.ts';

describe('errorLine', () => {
  test('finds what the compiler says', () => {
    const log =
      'Building module(s)...(bad exit status: 2)\na.c:3:1: error: no such thing\nmake: *** [x] Error 2\n';
    expect(errorLine(log)).toBe('a.c:3:1: error: no such thing');
  });

  test('finds what DKMS says, which goes on over the next lines', () => {
    const log =
      'Sign command: x\nError! Aborting build of module nvidia-fs\ndue to missing BUILD_DEPENDS: nvidia.\n';
    expect(errorLine(log)).toMatch(/^Error! Aborting .* missing BUILD_DEPENDS: nvidia\./);
  });

  test('finds what apt says', () => {
    expect(errorLine('Reading package lists...\nE: Unable to correct problems\n')).toMatch(
      /^E: Un/,
    );
  });

  test('names no mirror', () => {
    const log = 'E: Failed to fetch http://host.example:80/debian/pool/x.deb  404\n';
    expect(errorLine(log)).toContain('http://mirror/debian/pool/x.deb');
  });

  test('has nothing to say of an empty log', () => {
    expect(errorLine('')).toBeUndefined();
  });
});

describe('readSteps', () => {
  test('reads one step a line, with its log’s error when it failed', () => {
    const text = 'build\tfoo\t1.0\t0\t12\ta.log\nbuild\tbar\t2\t10\t3\tb.log\n';
    const logs = new Map([
      ['a.log', 'x.c:1: error: that make -k passes over'],
      ['b.log', 'y.c:1: error: real'],
    ]);
    expect(readSteps(text, logs)).toEqual([
      { stage: 'build', name: 'foo', version: '1.0', status: 0, seconds: 12 },
      {
        stage: 'build',
        name: 'bar',
        version: '2',
        status: 10,
        seconds: 3,
        error: 'y.c:1: error: real',
      },
    ]);
  });

  test('refuses a stage that it does not know', () => {
    expect(() => readSteps('dance\tfoo\t1\t0\t1\ta.log\n', new Map())).toThrow(/stage/);
  });
});
