import type { Spread } from '../core/quantiles.ts';
import type { SiteData } from './data.ts';
import { type ArrivalLag, arrivalLags, type SuiteLag, suiteLags, waiting } from './lag-figures.ts';
import { renderPage, type SiteFile, time } from './layout.ts';
import { linkedBadge } from './matrix.ts';
import { type Markup, markup, NOTHING } from './markup.ts';
import { link, paths } from './paths.ts';
import { lagPlot } from './plot.ts';
import type { SiteIndex } from './site-index.ts';
import { count, formatDuration, secondsBetween } from './text.ts';

const MAX_ARRIVALS = 60;
const MAX_WAITING = 200;

/** How long it takes from a kernel, or a module's version, to the package that is for it. */
export function lagPage({ data }: SiteIndex): SiteFile {
  const path = paths.lag;
  const followed = data.lags.filter(({ isCatchUp }) => !isCatchUp);
  const arrivals = arrivalLags(data.lags, MAX_ARRIVALS);
  return renderPage(data, {
    ...{ path, title: 'Lag', section: 'lag', json: paths.statusJson },
    body: markup`<h1>From kernel to module</h1>
<p class="lead">How long it takes until the package for a new kernel, or for a module’s new version, is published: from when Lockstep first saw it in the suite, and from the date of the archive’s Release file that brought it.</p>
${suiteLags(data).map((lag) => suiteFigures(lag))}
${followed.length < 2 ? NOTHING : markup`<h2>All that was followed</h2>${lagPlot(followed)}`}
${waitingSection(path, data)}
<h2>Arrivals</h2>
${arrivals.length === 0 ? markup`<p>None was noted yet.</p>` : arrivalTable(arrivals)}`,
  });
}

/** A suite's figures as large numbers. */
export function suiteFigures({ suite, seen, released, caughtUp }: SuiteLag): Markup {
  const note =
    caughtUp.count === 0
      ? NOTHING
      : markup`<p class="note">${count(caughtUp.count, 'target')} ${caughtUp.count === 1 ? 'was' : 'were'} there at the first look and caught up within ${formatDuration(caughtUp.slowest)}; figures count what came later.</p>`;
  return markup`<section class="lag"><h2>${suite}</h2>
${seen === undefined ? markup`<p>Nothing new came since the first look.</p>` : markup`<table class="figures"><caption class="hidden">Lag in ${suite}</caption><thead><tr><td></td><th scope="col">Half within</th><th scope="col">Nine of ten within</th><th scope="col">All within</th></tr></thead><tbody>${figures('from first sight', seen)}${released === undefined ? NOTHING : figures('from the Release date', released)}</tbody></table>`}
${note}</section>`;
}

function figures(label: string, { count: number, p50, p90, max }: Spread): Markup {
  return markup`<tr><th scope="row">${label} <span class="muted">${count(number, 'target')}</span></th><td>${formatDuration(p50)}</td><td>${formatDuration(p90)}</td><td>${formatDuration(max)}</td></tr>`;
}

function waitingSection(path: string, data: SiteData): Markup {
  const cells = waiting(data.cells);
  if (cells.length === 0) {
    return NOTHING;
  }
  const lines = cells
    .slice(0, MAX_WAITING)
    .map(
      (cell) =>
        markup`<li>${linkedBadge(path, cell)} <a href="${link(path, paths.module(cell.module))}">${cell.module}</a> for ${cell.kernel.release}, since ${time(cell.since)} <span class="muted">(${formatDuration(secondsBetween(cell.since, data.at))})</span></li>`,
    );
  const more = cells.length - lines.length;
  return markup`<h2>On the way</h2><ul class="plain">${lines}</ul>${more > 0 ? markup`<p class="note">and ${more} more</p>` : NOTHING}`;
}

function arrivalTable(arrivals: readonly ArrivalLag[]): Markup {
  const rows = arrivals.map(
    ({ suite, seen, released, isCatchUp, kernels, modules, spread }) =>
      markup`<tr><td class="date">${time(seen)}</td><td>${suite}</td><td>${named(kernels, 'kernel')} × ${named(modules, 'module')}${isCatchUp ? markup` <span class="muted">there at the first look</span>` : NOTHING}</td><td class="nowrap">${formatDuration(spread.p50)}</td><td class="nowrap">${formatDuration(spread.max)}</td><td class="date">${released === undefined ? 'not known' : time(released)}</td></tr>
`,
  );
  return markup`<div class="scroll" tabindex="0" role="region" aria-label="Arrivals"><table class="rows">
<caption class="hidden">What came, and how long its packages took</caption>
<thead><tr><th scope="col">First seen</th><th scope="col">Suite</th><th scope="col">What</th><th scope="col">Half within</th><th scope="col">All within</th><th scope="col">Release date</th></tr></thead>
<tbody>
${rows}</tbody></table></div>`;
}

function named(names: readonly string[], what: string): string {
  return names.length === 1 ? (names[0] ?? '') : count(names.length, what);
}
