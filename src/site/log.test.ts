import { describe, expect, test } from 'vitest';
import { AnsiReader, plainText } from './ansi.ts';
import { cutLog, MAX_ERRORS } from './log-cut.ts';
import { logPage } from './log-page.ts';
import { makeLog, makeSiteData } from './testing/site-data.ts';

const DATA = makeSiteData({ modules: 1, kernels: 1 });
const SUBJECT = {
  ...{ module: 'demo', version: '1', release: '6.12-amd64', architecture: 'amd64' },
  ...{ kernelVersion: '6.12-1', reason: 'a reason' },
  build: { key: 'ab'.repeat(32), outcome: 'failed', finished: DATA.at, seconds: 61, attempts: 2 },
};

describe('control sequences', () => {
  test('colours and bold are classes, until they are reset, also over lines', () => {
    const reader = new AnsiReader();
    expect(reader.line('a \u001b[1;31mred\u001b[39m bold')).toEqual([
      { text: 'a ', classes: '' },
      { text: 'red', classes: 'c1 bold' },
      { text: ' bold', classes: 'bold' },
    ]);
    expect(reader.line('still\u001b[m plain')).toEqual([
      { text: 'still', classes: 'bold' },
      { text: ' plain', classes: '' },
    ]);
  });

  test.each([
    ['a colour of 256', '\u001b[38;5;196mred\u001b[0m', 'red'],
    ['a colour of millions', '\u001b[38;2;1;31;3mx', 'x'],
    ['a moved cursor', 'a\u001b[2K\u001b[10;20Hb', 'ab'],
    ['a title', '\u001b]0;title\u0007a', 'a'],
    ['a link', '\u001b]8;;https://evil.example\u001b\\a\u001b]8;;\u001b\\', 'a'],
    ['what ends in the middle', 'a\u001b[', 'a'],
    ['an escape alone', 'a\u001b', 'a'],
  ])('%s is left out', (_name, line, text) => {
    expect(plainText(line)).toBe(text);
    const spans = new AnsiReader().line(line);
    expect(spans.map((span) => span.text).join('')).toBe(text);
    expect(spans.every(({ classes }) => classes === '')).toBe(true);
  });
});

describe('a long log', () => {
  test('is cut in the middle; what stands around errors stays', () => {
    const lines = Array.from({ length: 20_000 }, (_, at) => `  CC part-${at}.o`);
    lines[9999] = '\u001b[31mmain.c:1:1: error: \u001b[mno';
    const { runs, errors, total, isCut } = cutLog(`${lines.join('\n')}\n`);
    expect(total).toBe(20_000);
    expect(isCut).toBe(true);
    expect(errors).toMatchObject([{ number: 10_000, kind: 'error' }]);
    expect(runs.map(({ lines: shown }) => [shown[0]?.number, shown.at(-1)?.number])).toEqual([
      [1, 400],
      [9985, 10_015],
      [19_201, 20_000],
    ]);
    const shown = runs.reduce((sum, run) => sum + run.leftOut + run.lines.length, 0);
    expect(shown).toBe(20_000);
  });

  test.each([
    ['of errors alone', 'main.c:1: error: no\n'.repeat(50_000)],
    ['of one line', 'x'.repeat(5_000_000)],
    ['of what has to be escaped', '<&>"\'\n'.repeat(200_000)],
    ['of long lines to be escaped', `${'"'.repeat(10_000)}\n`.repeat(2000)],
    ['of colours', '\u001b[31m\u001b[1mx\u001b[m\n'.repeat(100_000)],
    ['of colours in one line', '\u001b[31mx\u001b[1my\u001b[m'.repeat(100_000)],
    ['of nothing but line ends', '\r\n\n\r'.repeat(100_000)],
  ])('%s makes a page below a megabyte', (_name, text) => {
    const { content } = logPage(DATA, SUBJECT, text);
    expect(Buffer.byteLength(content)).toBeLessThan(1_000_000);
    expect(cutLog(text).errors.length).toBeLessThanOrEqual(MAX_ERRORS);
  });

  test('links to the whole', () => {
    const { content } = logPage(DATA, SUBJECT, makeLog(5000));
    expect(content).toContain(`href="${SUBJECT.build.key}.txt"`);
    expect(content).toContain('lines left out');
    expect(content).toContain('<a href="#L5005">Line 5005</a>');
    expect(content).toContain('<span class="l error" id="L5005" data-n="5005">');
  });
});

test('an empty log says so', () => {
  expect(logPage(DATA, SUBJECT, '').content).toContain('The log is empty.');
});
