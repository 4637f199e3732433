import { plainText } from './ansi.ts';

/** A line of a log that is shown, with its number from 1 on. */
export interface LogLine {
  number: number;
  text: string;
  kind: 'error' | 'warning' | 'plain';
}

/** What of a log is shown: runs of lines, with how many were left out before each. */
export interface LogCut {
  runs: { leftOut: number; lines: LogLine[] }[];
  /** Lines that tell of errors, at most {@link MAX_ERRORS}, all of them among those that are shown. */
  errors: LogLine[];
  total: number;
  /** Whether something is not shown. */
  isCut: boolean;
}

const ERROR =
  /(?:^|[^\w-])(?:fatal )?error(?:\[\w+\])?: \S|^ERROR: modpost|undefined reference to|No rule to make target|: (?:command )?not found$|\*\*\* .*[Ss]top\.?$|^make(?:\[\d+\])?: \*\*\* (?!.*\(ignored\)$)|^lockstep: (?!warning)/i;
const WARNING = /(?:^|[^\w-])warning: \S|^lockstep: warning/i;

const HEAD_LINES = 400;
const TAIL_LINES = 800;
/** Lines that are kept around each error. */
const AROUND = 15;
export const MAX_ERRORS = 20;
const MAX_LINE = 2000;
/** Characters of all lines that are shown: with their markup and escapes below a megabyte. */
const MAX_CHARACTERS = 160_000;

/**
 * Cuts a log in the middle: its beginning, its end and what stands around its first errors stay. Line ends are those of
 * any system, also the carriage returns of progress bars.
 */
export function cutLog(text: string): LogCut {
  const all = text.split(/\r\n|[\n\r]/);
  if (all.at(-1) === '') {
    all.pop();
  }
  const kinds = all.map((line) => kindOf(line));
  const errorPlaces = kinds
    .flatMap((kind, at) => (kind === 'error' ? [at] : []))
    .slice(0, MAX_ERRORS);
  const wanted = new Set<number>();
  let characters = 0;
  let isCut = false;
  const want = (from: number, to: number, most: number, step: 1 | -1 = 1): void => {
    for (let at = from; step === 1 ? at < to : at >= to; at += step) {
      const line = all[at];
      if (line === undefined || wanted.has(at)) {
        continue;
      }
      const size = Math.min(MAX_LINE, line.length) + 8;
      if (characters + size > most) {
        return;
      }
      characters += size;
      wanted.add(at);
    }
  };
  // Errors first, then what stands around them, the end, and the beginning, as far as there is room for each.
  for (const at of errorPlaces) {
    want(at, at + 1, MAX_CHARACTERS * 0.4);
  }
  for (const at of errorPlaces) {
    want(at - AROUND, at + AROUND + 1, MAX_CHARACTERS * 0.5);
  }
  want(all.length - 1, all.length - TAIL_LINES, MAX_CHARACTERS * 0.8, -1);
  want(0, HEAD_LINES, MAX_CHARACTERS);
  const runs: LogCut['runs'] = [];
  let last = -1;
  for (const at of [...wanted].toSorted((a, b) => a - b)) {
    const line = all[at] ?? '';
    isCut ||= line.length > MAX_LINE;
    const shown = { number: at + 1, text: line.slice(0, MAX_LINE), kind: kinds[at] ?? 'plain' };
    const run = runs.at(-1);
    if (run === undefined || at !== last + 1) {
      runs.push({ leftOut: at - last - 1, lines: [shown] });
    } else {
      run.lines.push(shown);
    }
    last = at;
  }
  if (last !== all.length - 1) {
    runs.push({ leftOut: all.length - 1 - last, lines: [] });
  }
  const lines = runs.flatMap((run) => run.lines);
  return {
    runs,
    errors: lines.filter(({ kind }) => kind === 'error').slice(0, MAX_ERRORS),
    total: all.length,
    isCut: isCut || wanted.size < all.length,
  };
}

function kindOf(line: string): LogLine['kind'] {
  const plain = plainText(line.slice(0, MAX_LINE)).trim();
  return ERROR.test(plain) ? 'error' : WARNING.test(plain) ? 'warning' : 'plain';
}
