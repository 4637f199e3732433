import type { SiteCell } from './data.ts';
import { MARKS } from './marks.ts';
import type { Tally } from './rows.ts';
import { count, grouped } from './text.ts';

export function tallyOf(cells: Iterable<SiteCell>): Tally {
  const tally: Tally = { total: 0, good: 0, soon: 0, bad: 0, ours: 0, off: 0 };
  for (const { verdict } of cells) {
    tally.total += 1;
    tally[MARKS[verdict].tone] += 1;
  }
  return tally;
}

/** A tally in words; what is not there is not named. */
export function tallyText({ total, good, soon, bad, ours, off }: Tally): string {
  const parts = [
    `${grouped(good)} of ${grouped(total - off)} ready`,
    ...(soon > 0 ? [`${grouped(soon)} on the way`] : []),
    ...(bad > 0 ? [`${grouped(bad)} failed`] : []),
    ...(ours > 0 ? [`${grouped(ours)} broken`] : []),
    ...(off > 0 ? [`${grouped(off)} without a build`] : []),
  ];
  return parts.join(', ');
}

/** Whether a kernel may be booted, as far as its modules go, as a sentence. */
export function answerOf(tally: Tally): { tone: 'good' | 'soon' | 'bad' | 'off'; text: string } {
  const { total, good, soon, bad, ours, off } = tally;
  if (total === 0) {
    return { tone: 'off', text: 'No: nothing is built for this kernel.' };
  }
  const wanted = total - off;
  if (wanted === 0) {
    return { tone: 'off', text: 'No module is for this kernel.' };
  }
  if (good === wanted) {
    return {
      tone: 'good',
      text: wanted === 1 ? 'Yes: its module is ready.' : `Yes: all ${wanted} modules are ready.`,
    };
  }
  const missing = [
    ...(soon > 0 ? [`${count(soon, 'module')} on the way`] : []),
    ...(bad > 0 ? [`${count(bad, 'module')} failed`] : []),
    ...(ours > 0 ? [`${count(ours, 'module')} tried again`] : []),
  ].join(', ');
  return {
    tone: bad + ours > 0 ? 'bad' : 'soon',
    text: `${good === 0 ? 'Not yet' : 'In part'}: ${good} of ${wanted} modules are ready, ${missing}.`,
  };
}
