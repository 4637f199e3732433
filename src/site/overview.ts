import { compareText } from '../core/compare.ts';
import type { SiteCell, SiteData } from './data.ts';
import { type Happening, happenings, happeningText } from './feed.ts';
import { suiteLags } from './lag-figures.ts';
import { renderPage, type SiteFile, time } from './layout.ts';
import { linkedBadge } from './matrix.ts';
import { type Markup, markup, NOTHING } from './markup.ts';
import { link, paths } from './paths.ts';
import { bar } from './rows.ts';
import { cellsOf, isCurrent, type SiteIndex, type SuiteMatrix, suitesOf } from './site-index.ts';
import { tallyOf, tallyText } from './tally.ts';
import { count, formatDuration, grouped, shortened } from './text.ts';

const MAX_NEWS = 20;
const MAX_HAPPENINGS = 400;
const MAX_FAILURES = 40;

/** How everything stands: the kernels of today by suite, what needs somebody, lag, news. */
export function overviewPage(index: SiteIndex): SiteFile {
  const { data, matrices } = index;
  const path = paths.overview;
  const current = data.cells.filter(({ kernel, suites }) => suites.length > 0 && isCurrent(kernel));
  const tally = tallyOf(current);
  const wanted = tally.total - tally.off;
  return renderPage(data, {
    ...{ path, title: 'Overview', section: 'overview', json: paths.statusJson },
    body: markup`<h1>${tally.good === wanted ? (wanted === 0 ? 'Nothing is built yet' : 'Everything is ready for the kernels of today') : `${grouped(tally.good)} of ${grouped(wanted)} builds for the kernels of today are ready`}</h1>
<p class="lead">${tally.total > 0 ? markup`${bar(tally)} ` : NOTHING}${tallyText(tally)}. As of ${time(data.at)}.</p>
${problemsSection(data)}
${matrixTable(path, matrices)}
${failures(path, data)}
${lagSection(path, data)}
${news(path, data)}`,
  });
}

function problemsSection({ problems }: SiteData): Markup {
  if (problems.length === 0) {
    return NOTHING;
  }
  const entries = problems
    .slice(0, 100)
    .map(
      ({ what, message, lastGood }) =>
        markup`<li><strong>${what}</strong>: ${shortened(message, 300)}${lastGood === undefined ? NOTHING : markup` <span class="muted">(read last ${time(lastGood)})</span>`}</li>`,
    );
  return markup`<section class="notice"><h2>Could not be read</h2><p>What is said below of these is as it was when they could be read last.</p><ul>${entries}</ul></section>`;
}

function matrixTable(path: string, matrices: readonly SuiteMatrix[]): Markup {
  if (matrices.length === 0) {
    return markup`<p>No kernel is wanted yet.</p>`;
  }
  const rows = matrices.map((matrix) => {
    const { suite, architecture, lines, modules } = matrix;
    const tally = tallyOf(cellsOf(matrix, 'current'));
    const kernels = lines.reduce((sum, line) => sum + line.kernels.length, 0);
    return markup`<tr><th scope="row"><a href="${link(path, paths.matrix(suite, architecture))}">${suite} <span class="muted">on</span> ${architecture}</a></th><td class="nowrap">${count(modules.length, 'module')} × ${count(kernels, 'kernel')}</td><td>${tally.total === 0 ? 'no kernel of today' : markup`${bar(tally)} ${tallyText(tally)}`}</td></tr>
`;
  });
  return markup`<h2>Suites</h2>
<div class="scroll" tabindex="0" role="region" aria-label="Suites"><table class="rows">
<thead><tr><th scope="col">Matrix</th><th scope="col">Size</th><th scope="col">Kernels of today</th></tr></thead>
<tbody>
${rows}</tbody></table></div>`;
}

/** What fails or is broken for kernels of today or of tomorrow, by module: what somebody has to act on. */
function failures(path: string, { cells }: SiteData): Markup {
  const found = cells.filter(
    ({ verdict, kernel, ahead }) =>
      (verdict === 'failed' || verdict === 'broken') && (isCurrent(kernel) || ahead.length > 0),
  );
  if (found.length === 0) {
    return NOTHING;
  }
  const byModule = new Map<string, SiteCell[]>();
  for (const cell of found) {
    byModule.set(cell.module, [...(byModule.get(cell.module) ?? []), cell]);
  }
  const entries = [...byModule]
    .toSorted(([a], [b]) => compareText(a, b))
    .slice(0, MAX_FAILURES)
    .map(([module, list]) => {
      const [first] = list;
      return first === undefined
        ? NOTHING
        : markup`<li>${linkedBadge(path, first)} <a href="${link(path, paths.module(module))}">${module}</a> ${first.version} for ${list.length === 1 ? first.kernel.release : count(list.length, 'kernel')} <span class="muted">in ${[...new Set(list.flatMap(suitesOf))].join(', ')}</span><br><span class="why">${shortened(first.reason, 200)}</span></li>`;
    });
  const more = byModule.size - entries.length;
  return markup`<h2>Somebody has to act</h2><ul class="acts">${entries}</ul>${more > 0 ? markup`<p class="note">and ${count(more, 'more module')}</p>` : NOTHING}`;
}

function lagSection(path: string, data: SiteData): Markup {
  const lags = suiteLags(data).flatMap(({ suite, seen }) =>
    seen === undefined
      ? []
      : [
          markup`<li><span class="big">${formatDuration(seen.p50)}</span> <span>half of ${count(seen.count, 'target')} in ${suite}; nine of ten within ${formatDuration(seen.p90)}, all within ${formatDuration(seen.max)}</span></li>`,
        ],
  );
  return lags.length === 0
    ? NOTHING
    : markup`<h2>From kernel to module</h2><ul class="tiles">${lags}</ul><p><a href="${link(path, paths.lag)}">More on lag</a></p>`;
}

/** What happened at one time to several modules for the same kernels, as one line. */
function news(path: string, { outcomes }: SiteData): Markup {
  const lines = new Map<string, Happening[]>();
  for (const happening of happenings(outcomes, MAX_HAPPENINGS)) {
    const releases = happening.outcomes.map(({ release }) => release);
    const id = [happening.at.slice(0, 16), happening.type, ...new Set(releases)].join('\0');
    lines.set(id, [...(lines.get(id) ?? []), happening]);
  }
  if (lines.size === 0) {
    return NOTHING;
  }
  const entries = [...lines.values()].slice(0, MAX_NEWS).flatMap((list) => {
    const [first] = list;
    return first === undefined
      ? []
      : [
          markup`<li class="${first.type}">${time(first.at)} <span>${names(path, list)} ${happeningText(first)}</span></li>`,
        ];
  });
  return markup`<h2>News</h2><ul class="news">${entries}</ul>`;
}

const MAX_NAMES = 5;

function names(path: string, list: readonly Happening[]): Markup {
  const shown = list.slice(0, list.length > MAX_NAMES + 1 ? MAX_NAMES : list.length);
  const links = shown.map(
    ({ module, version }, at) =>
      markup`${at === 0 ? '' : ', '}<a href="${link(path, paths.module(module))}">${module}</a>${list.length === 1 ? ` ${version}` : ''}`,
  );
  const more = list.length - shown.length;
  return markup`${links}${more > 0 ? ` and ${count(more, 'more module')}` : ''}`;
}
