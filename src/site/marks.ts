import type { Verdict } from '../model/verdicts.ts';
import { type Markup, markup } from './markup.ts';

/** What a verdict means for who looks: colours follow it. */
export type Tone = 'good' | 'soon' | 'bad' | 'ours' | 'off';

export interface Mark {
  /** One character, different for each verdict, so that no one has to tell colours apart. */
  symbol: string;
  tone: Tone;
  /** One letter, for the compact index. */
  letter: string;
}

export const MARKS: Record<Verdict, Mark> = {
  published: { symbol: '✓', tone: 'good', letter: 'p' },
  'in-tree': { symbol: '◆', tone: 'good', letter: 'i' },
  built: { symbol: '◐', tone: 'soon', letter: 'b' },
  building: { symbol: '↻', tone: 'soon', letter: 'u' },
  queued: { symbol: '…', tone: 'soon', letter: 'q' },
  failed: { symbol: '✕', tone: 'bad', letter: 'f' },
  broken: { symbol: '!', tone: 'ours', letter: 'r' },
  blocked: { symbol: '‖', tone: 'off', letter: 'l' },
  excluded: { symbol: '–', tone: 'off', letter: 'x' },
  'headers-gone': { symbol: '∅', tone: 'off', letter: 'h' },
  retired: { symbol: '○', tone: 'off', letter: 't' },
};

/** What each verdict says, in as few words as a legend has room for. */
export const WORDS: Record<Verdict, string> = {
  published: 'in the repository',
  'in-tree': 'the kernel brings it',
  built: 'published by the next run',
  building: 'being built',
  queued: 'built by the next run',
  failed: 'does not compile or fit',
  broken: 'something went wrong here; tried again',
  blocked: 'needs another module first',
  excluded: 'the module says: not for this kernel',
  'headers-gone': 'nobody can build it any more',
  retired: 'the kernel has left Debian',
};

/** A verdict with symbol and word. */
export function badge(verdict: Verdict, { symbol, tone }: Mark = MARKS[verdict]): Markup {
  return markup`<span class="badge ${tone}"><span class="sym" aria-hidden="true">${symbol}</span> ${verdict}</span>`;
}

/** The verdicts with their symbols, for below a matrix. @param verdicts those to be explained */
export function legend(verdicts: ReadonlySet<Verdict>): Markup {
  const entries = Object.entries(MARKS).flatMap(([name]) => {
    const verdict = [...verdicts].find((one) => one === name);
    return verdict === undefined
      ? []
      : [markup`<li>${badge(verdict)} <span class="muted">${WORDS[verdict]}</span></li>`];
  });
  return markup`<ul class="legend" aria-label="Verdicts">${entries}</ul>`;
}
