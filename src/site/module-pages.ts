import { chunksOf } from './chunks.ts';
import type { SiteCell, SiteData, SiteModule } from './data.ts';
import { badgeText } from './badge.ts';
import { installCommand, trackingNames } from './install.ts';
import { command, folded, pager, renderPage, type SiteFile } from './layout.ts';
import { type Markup, markup, NOTHING } from './markup.ts';
import { link, paths } from './paths.ts';
import { bar, row, rowsTable } from './rows.ts';
import { isCurrent, type SiteIndex } from './site-index.ts';
import { tallyOf, tallyText } from './tally.ts';
import { count } from './text.ts';

const CELLS_ON_A_PAGE = 800;

/** The page of a module: what it is, how to install it, how it stands for the kernels of today, and for all others. */
export function* modulePages(index: SiteIndex, module: SiteModule): Generator<SiteFile> {
  const { data, byModule } = index;
  const cells = byModule.get(module.name) ?? [];
  const current = cells.filter(({ kernel }) => isCurrent(kernel));
  const others = cells.filter(({ kernel }) => !isCurrent(kernel));
  const first = paths.module(module.name);
  const options = { path: first, data, subject: 'kernel', anchors: new Set<string>() } as const;
  const parts = chunksOf(others, (cell) => row(cell, options), CELLS_ON_A_PAGE);
  const links = parts.map((_, at) => ({
    label: at === 0 ? 'Newest' : `Older, part ${at + 1}`,
    path: paths.module(module.name, at + 1),
  }));
  const currentParts = chunksOf(current, (cell) => row(cell, options), CELLS_ON_A_PAGE);
  for (const [at, rows] of parts.entries()) {
    const path = paths.module(module.name, at + 1);
    const hasRows = rows.length > 0;
    yield renderPage(data, {
      ...{ path, title: module.name, section: 'modules', json: paths.moduleJson(module.name) },
      ...{ feed: paths.moduleFeed(module.name) },
      above: [{ label: 'Modules', path: paths.modules }],
      body: markup`<h1>${module.name}</h1>
${at === 0 ? about(data, path, module, current) : NOTHING}
${at === 0 ? markup`<h2>Kernels of today</h2>${current.length === 0 ? markup`<p>No kernel that a metapackage points to.</p>` : rowsTable('kernel', currentParts[0] ?? [], 'Kernels of today')}${moreCurrent(currentParts)}` : NOTHING}
${hasRows ? markup`<h2>Other kernels</h2>${rowsTable('kernel', rows, 'Other kernels')}` : NOTHING}
${pager(path, at + 1, links)}`,
    });
  }
}

/** What does not fit on the first page is in the JSON, and on each kernel's page. */
function moreCurrent(parts: readonly (readonly Markup[])[]): Markup {
  const more = parts.slice(1).reduce((sum, { length }) => sum + length, 0);
  return more === 0
    ? NOTHING
    : markup`<p class="note">${count(more, 'more line')}: see the kernels’ own pages.</p>`;
}

function about(
  data: SiteData,
  path: string,
  module: SiteModule,
  current: readonly SiteCell[],
): Markup {
  const tally = tallyOf(current);
  const versions = module.versions.map(
    ({ version, from, source, component }) =>
      markup`<div><dt>${version}</dt><dd>from ${from}: ${source}${component === '' ? '' : `, ${component}`}</dd></div>
`,
  );
  return markup`<p class="lead">${module.summary}</p>
${module.withheld === undefined ? NOTHING : markup`<p class="note">Not published: ${module.withheld}</p>`}
${current.length > 0 ? markup`<p class="tally">${bar(tally)} <span>${tallyText(tally)}, of the kernels that metapackages point to</span></p>` : NOTHING}
${homepage(module)}
<dl class="facts">${versions}</dl>
${install(data, module)}
${badgeSection(data, path, module, current)}`;
}

function homepage({ homepage: address }: SiteModule): Markup {
  // Only what leads to a page; other schemes could be anything.
  return address !== undefined && /^https?:\/\/[^\s]+$/i.test(address)
    ? markup`<p><a href="${address}" rel="noopener noreferrer nofollow">${address}</a></p>`
    : NOTHING;
}

function install(data: SiteData, { name: module }: SiteModule): Markup {
  const suites = data.suites.flatMap((suite) => {
    const [usual, ...others] = trackingNames(
      data.tracking.filter((entry) => entry.suite === suite && entry.module === module),
    );
    return usual === undefined
      ? []
      : [
          markup`<h3>${suite}</h3>
${command(installCommand(data, suite, [usual]))}
${others.length === 0 ? NOTHING : markup`<p class="note">For other flavours: ${others.slice(0, 12).map((name, at) => markup`${at > 0 ? ', ' : ''}<code>${name}</code>`)}</p>`}`,
        ];
  });
  const [first, ...others] = suites;
  return first === undefined
    ? NOTHING
    : markup`<h2>Install it</h2><p>As root, on a machine of the suite:</p>${first}${folded('Other suites', others)}`;
}

function badgeSection(
  data: SiteData,
  path: string,
  { name }: SiteModule,
  current: readonly SiteCell[],
): Markup {
  const badge = paths.badge(name);
  const snippet = `[![${badgeText(current)}](${data.url}${badge})](${data.url}${paths.module(name)})`;
  return markup`<details><summary>A badge for its README</summary>
<p><img src="${link(path, badge)}" alt="Debian kernels: ${badgeText(current)}" height="20"></p>
${command(snippet)}</details>`;
}

/** All modules, with how they stand for the kernels of today. */
export function modulesPage({ data, byModule }: SiteIndex): SiteFile {
  const path = paths.modules;
  const rows = data.modules.map((module) => {
    const cells = byModule.get(module.name) ?? [];
    const current = cells.filter(({ kernel }) => isCurrent(kernel));
    const tally = tallyOf(current);
    const [newest] = module.versions;
    return markup`<tr><th scope="row"><a href="${link(path, paths.module(module.name))}">${module.name}</a> <span class="muted version">${newest?.version ?? ''}</span></th><td>${module.summary}</td><td>${tally.total === 0 ? 'no kernel of today' : markup`${bar(tally)} ${tallyText(tally)}`}</td></tr>
`;
  });
  const absent = data.absent.map(
    ({ suite, module, package: name, architecture }) =>
      markup`<li>${module}: no package ${name} in ${suite}${architecture === undefined ? '' : ` for ${architecture}`}</li>`,
  );
  return renderPage(data, {
    ...{ path, title: 'Modules', section: 'modules', json: paths.statusJson },
    body: markup`<h1>Modules</h1>
<p class="lead">${count(data.modules.length, 'module')}, each with how it stands for the kernels that metapackages point to today.</p>
<div class="scroll" tabindex="0" role="region" aria-label="Modules"><table class="rows">
<thead><tr><th scope="col">Module</th><th scope="col">What it is</th><th scope="col">Kernels of today</th></tr></thead>
<tbody>
${rows}</tbody></table></div>
${absent.length === 0 ? NOTHING : markup`<h2>Not in the suite</h2><ul>${absent.slice(0, 500)}</ul>`}`,
  });
}
