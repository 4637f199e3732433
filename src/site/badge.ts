import type { SiteCell } from './data.ts';
import { markup } from './markup.ts';
import { answerOf, tallyOf } from './tally.ts';

const LABEL = 'Debian kernels';
/** Pixels that a character of the badge's font takes, about. */
const CHARACTER = 6.6;
const COLOURS = { good: '#1d6f9c', soon: '#8a6100', bad: '#b3361b', off: '#5d6570' } as const;

/** How a module stands for some kernels, in two words. */
export function badgeText(cells: readonly SiteCell[]): string {
  const { total, good, off } = tallyOf(cells);
  return total === 0 ? 'none' : total === off ? 'not for them' : `${good} of ${total - off} ready`;
}

/** A badge for a README. It names no font file, takes nothing from elsewhere, and has its text as a title. */
export function badgeSvg(cells: readonly SiteCell[]): string {
  const text = badgeText(cells);
  const { tone } = answerOf(tallyOf(cells));
  const left = Math.round(LABEL.length * CHARACTER + 12);
  const right = Math.round(text.length * CHARACTER + 12);
  return markup`<svg xmlns="http://www.w3.org/2000/svg" width="${left + right}" height="20" role="img" aria-label="${LABEL}: ${text}">
<title>${LABEL}: ${text}</title>
<clipPath id="r"><rect width="${left + right}" height="20" rx="3"/></clipPath>
<g clip-path="url(#r)"><rect width="${left}" height="20" fill="#3b4149"/><rect x="${left}" width="${right}" height="20" fill="${COLOURS[tone]}"/></g>
<g fill="#fff" font-family="Verdana,DejaVu Sans,sans-serif" font-size="11" text-anchor="middle">
<text x="${left / 2}" y="14" textLength="${left - 12}">${LABEL}</text><text x="${left + right / 2}" y="14" textLength="${right - 12}">${text}</text></g>
</svg>
`.toString();
}
