import type { SiteBuild, SiteCell, SiteData } from './data.ts';
import { time } from './layout.ts';
import { badge } from './marks.ts';
import { type Markup, markup, NOTHING } from './markup.ts';
import { link, moduleAnchor, paths } from './paths.ts';
import { count, formatDuration, shortened } from './text.ts';

const MAX_REASON = 300;
const MAX_PASSED_OVER = 3;

/** What a table of verdicts has for each cell; `subject` is what its lines differ by. */
export interface RowOptions {
  path: string;
  data: Pick<SiteData, 'logs'>;
  subject: 'module' | 'kernel';
  /** Fragments that the page has given already: each is there once. */
  anchors: Set<string>;
}

/** The table's head, for the lines of {@link row}. */
export function rowsTable(
  subject: RowOptions['subject'],
  rows: readonly Markup[],
  caption: string,
): Markup {
  return markup`<div class="scroll" tabindex="0" role="region" aria-label="${caption}"><table class="rows cells">
<caption class="hidden">${caption}</caption>
<thead><tr><th scope="col">${subject === 'module' ? 'Module' : 'Kernel'}</th><th scope="col">Verdict</th><th scope="col">Why, and who must act</th><th scope="col">Suites</th><th scope="col">Since</th></tr></thead>
<tbody>
${rows}</tbody>
</table></div>`;
}

/** One cell with everything that is said of it. */
export function row(cell: SiteCell, options: RowOptions): Markup {
  const { path, subject, anchors } = options;
  const { kernel } = cell;
  const anchor = moduleAnchor(cell.module);
  const isFirst = subject === 'module' && !anchors.has(anchor);
  anchors.add(anchor);
  const name =
    subject === 'module'
      ? markup`<a href="${link(path, paths.module(cell.module))}">${cell.module}</a> <span class="muted version">${cell.version}</span>`
      : markup`<a href="${link(path, paths.kernel(kernel))}#${anchor}">${kernel.release}</a> <span class="muted version">${cell.version}</span>`;
  const reason = shortened(cell.reason, MAX_REASON);
  return markup`<tr${isFirst ? markup` id="${anchor}"` : NOTHING}><th scope="row">${name}</th><td>${badge(cell.verdict)}</td><td><span class="why">${reason}</span> <span class="muted">${notesOf(cell)}</span>${logLink(path, cell.build, options.data)}${passedOver(cell, options)}</td><td>${suitesCell(cell)}</td><td class="date">${time(cell.since, 'day')}</td></tr>
`;
}

function suitesCell({ suites, ahead, kernel }: SiteCell): string {
  const names = [...suites, ...ahead.map((suite) => `${suite} (expected)`)];
  const unseen =
    kernel.unseenSince === undefined ? '' : ` (not seen since ${kernel.unseenSince.slice(0, 10)})`;
  return `${names.join(', ')}${unseen}`;
}

/** Who must act, where anybody must or might think so, and how long the build took. */
function notesOf({ verdict, action, build }: SiteCell): string {
  const took =
    build === undefined
      ? []
      : [
          `${build.outcome === 'built' ? 'built' : 'tried'} in ${formatDuration(build.seconds)}${build.attempts > 1 ? `, ${count(build.attempts, 'attempt')}` : ''}`,
        ];
  return [...(verdict === 'published' ? [] : [action]), ...took].join(' · ');
}

function logLink(path: string, build: SiteBuild | undefined, { logs }: RowOptions['data']): Markup {
  return build === undefined || !logs.has(build.key)
    ? NOTHING
    : markup` <a class="log" href="${link(path, paths.log(build.key))}">build log</a>`;
}

function passedOver(cell: SiteCell, { path, data }: RowOptions): Markup {
  if (cell.passedOver.length === 0) {
    return NOTHING;
  }
  const entries = cell.passedOver
    .slice(0, MAX_PASSED_OVER)
    .map(
      ({ version, from, verdict, reason, build }) =>
        markup`<li>${version} from ${from}: ${badge(verdict)} ${shortened(reason, MAX_REASON)}${logLink(path, build, data)}</li>`,
    );
  return markup`<ul class="passed" aria-label="Versions that were preferred and are not used">${entries}</ul>`;
}

/** How many of some cells are good, wait, fail ... */
export interface Tally {
  total: number;
  good: number;
  soon: number;
  bad: number;
  ours: number;
  off: number;
}

/** Parts of a whole as a bar, with its figures in words for those who don't see it. */
export function bar({ total, good, soon, bad, ours, off }: Tally): Markup {
  const width = 200;
  let x = 0;
  const pieces = (
    [
      ['good', good],
      ['soon', soon],
      ['bad', bad],
      ['ours', ours],
      ['off', off],
    ] as const
  ).flatMap(([tone, number]) => {
    const share = total === 0 ? 0 : (number / total) * width;
    const piece = markup`<rect class="${tone}" x="${x.toFixed(1)}" y="0" width="${Math.max(0, share - 1).toFixed(1)}" height="8"/>`;
    x += share;
    return share === 0 ? [] : [piece];
  });
  return markup`<svg class="share" viewBox="0 0 ${width} 8" preserveAspectRatio="none" aria-hidden="true">${pieces}</svg>`;
}
