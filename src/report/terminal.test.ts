import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { type Screen, TerminalReport } from './terminal.ts';

const ERASE = '\r\u001b[K';

/** A screen that remembers what was written, and what stands on it. */
class FakeScreen implements Screen {
  readonly isTerminal: boolean;
  readonly #columns: number;
  raw = '';

  constructor(isTerminal: boolean, columns = 60) {
    this.isTerminal = isTerminal;
    this.#columns = columns;
  }

  write(text: string): void {
    this.raw += text;
  }

  columns(): number {
    return this.#columns;
  }

  /** The lines as a terminal would show them. */
  shown(): string[] {
    return this.raw.split('\n').map((line) => line.split(ERASE).at(-1) ?? '');
  }
}

beforeEach(() => {
  vi.useFakeTimers({ now: 0 });
});
afterEach(() => {
  vi.useRealTimers();
});

const start = (module: string) =>
  ({ type: 'target-started', module, release: '6.12-amd64' }) as const;
const done = (module: string, seconds = 10) =>
  ({
    ...({ type: 'target-done', module, release: '6.12-amd64', verdict: 'built' } as const),
    ...{ reason: 'fits', seconds },
  }) as const;

describe('on a terminal', () => {
  test('a status line stands below the lines while something runs', () => {
    const screen = new FakeScreen(true);
    const report = new TerminalReport(screen);
    report.present({ type: 'plan', total: 4, queued: 3 });
    expect(screen.shown()).toEqual(['4 targets, 3 to build', '']);
    report.present(start('alpha'));
    expect(screen.shown()).toEqual(['4 targets, 3 to build', '[0/3] alpha 6.12-amd64 (0.0 s)']);
    vi.advanceTimersByTime(4000);
    expect(screen.shown().at(-1)).toBe('[0/3] alpha 6.12-amd64 (4.0 s)');
    report.present({ type: 'warning', code: 'X', message: 'careful' });
    expect(screen.shown().slice(1)).toEqual([
      'warning: X: careful',
      '[0/3] alpha 6.12-amd64 (4.0 s)',
    ]);
    report.present(start('beta'));
    report.present(done('alpha', 20));
    expect(screen.shown().slice(2)).toEqual([
      'built: alpha for 6.12-amd64 in 20 s: fits',
      '[1/3, about 40 s more] beta 6.12-amd64 (0.0 s)',
    ]);
  });

  test('the status line is gone when all is done, and so is its timer', () => {
    const screen = new FakeScreen(true);
    const report = new TerminalReport(screen);
    report.present({ type: 'plan', total: 1, queued: 1 });
    report.present(start('alpha'));
    expect(vi.getTimerCount()).toBe(1);
    report.present(done('alpha'));
    expect(screen.shown().at(-1)).toBe('');
    expect(vi.getTimerCount()).toBe(0);
    const before = screen.raw;
    vi.advanceTimersByTime(10_000);
    expect(screen.raw).toBe(before);
  });

  test('the status line is gone when it is ended early', () => {
    const screen = new FakeScreen(true);
    const report = new TerminalReport(screen);
    report.present({ type: 'plan', total: 2, queued: 2 });
    report.present(start('alpha'));
    report.end();
    report.end();
    expect(screen.shown().at(-1)).toBe('');
    expect(vi.getTimerCount()).toBe(0);
  });

  test('the status line fits into one line, whatever runs', () => {
    const screen = new FakeScreen(true, 50);
    const report = new TerminalReport(screen);
    report.present({ type: 'plan', total: 99, queued: 99 });
    for (let n = 0; n < 20; n += 1) {
      report.present(start(`module-${n}`));
    }
    expect(screen.shown().at(-1)).toHaveLength(49);
    expect(screen.raw.split('\n')).toHaveLength(2);
  });

  test('names and reasons from outside cannot write elsewhere', () => {
    const screen = new FakeScreen(true);
    const report = new TerminalReport(screen);
    report.present({ type: 'plan', total: 1, queued: 1 });
    report.present(start('evil\u001b[2J'));
    report.present({ ...done('evil\u001b[2J'), reason: '\u001b]0;title\u0007\rfake' });
    expect(screen.raw.replaceAll(ERASE, '')).not.toMatch(/(?!\n)\p{Cc}/u);
  });
});

describe('into a file', () => {
  test('there are lines only, no control sequences and no timer', () => {
    const screen = new FakeScreen(false);
    const report = new TerminalReport(screen);
    report.present({ type: 'plan', total: 1, queued: 1 });
    report.present(start('alpha'));
    expect(vi.getTimerCount()).toBe(0);
    report.present(done('alpha'));
    report.present({ type: 'unchanged' });
    report.end();
    expect(screen.raw).toBe(
      [
        '1 targets, 1 to build',
        'building alpha for 6.12-amd64',
        'built: alpha for 6.12-amd64 in 10 s: fits',
        'nothing new: nothing built, nothing published',
        '',
      ].join('\n'),
    );
  });
});
