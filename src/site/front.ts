import { installLines, sourcesAddress } from './install.ts';
import { readyForm } from './kernel-pages.ts';
import { command, folded, renderPage, type SiteFile, time } from './layout.ts';
import { type Markup, markup, NOTHING } from './markup.ts';
import { link, paths } from './paths.ts';
import { isCurrent, type SiteIndex } from './site-index.ts';
import { bar } from './rows.ts';
import { tallyOf, tallyText } from './tally.ts';

const MAX_MODULES = 100;

/** What somebody meets who opens the repository's address: the question they have, and the lines to paste. */
export function frontPage(index: SiteIndex): SiteFile {
  const { data } = index;
  const path = paths.front;
  const current = data.cells.filter(({ kernel, suites }) => suites.length > 0 && isCurrent(kernel));
  const tally = tallyOf(current);
  return renderPage(data, {
    ...{ path, title: data.origin, json: paths.statusJson },
    body: markup`<h1>Kernel modules for Debian, in step with the kernel</h1>
<p class="lead">${data.origin} has prebuilt modules for Debian’s own kernels. A machine that wants one gets it together with each new kernel, by <code>apt upgrade</code> alone; without it the kernel waits.</p>
<section class="card"><h2>Is my kernel ready?</h2>${readyForm(path)}</section>
${tally.total === 0 ? NOTHING : markup`<p class="tally">${bar(tally)} <span>${tallyText(tally)} for the kernels of today, <a href="${link(path, paths.overview)}">as of ${time(data.at)}</a></span></p>`}
${installSections(index)}
${modules(index)}`,
  });
}

function installSections({ data }: SiteIndex): Markup {
  const sections = data.suites.map((suite) => {
    const example = installLines(data, suite);
    const address = sourcesAddress(data, suite);
    return markup`<section><h3>${suite}</h3>
${example === undefined ? markup`<p>Nothing can be installed from it yet.</p>` : command(example)}
<p class="note">Its source for apt, the key inside: <a href="${suite}.sources">${address}</a></p></section>`;
  });
  return markup`<h2>Use it</h2><p>As root, on a machine of the suite; put the module that you want in place of the example.</p>${sections.slice(0, 1)}${folded('Other suites', sections.slice(1))}`;
}

function modules({ data }: SiteIndex): Markup {
  const entries = data.modules
    .filter(({ withheld }) => withheld === undefined)
    .slice(0, MAX_MODULES)
    .map(
      ({ name, summary }) =>
        markup`<li><a href="${link(paths.front, paths.module(name))}">${name}</a> <span class="muted">${summary}</span></li>`,
    );
  const more = data.modules.length - entries.length;
  return markup`<h2>Modules</h2><ul class="modules">${entries}</ul>${more > 0 ? markup`<p><a href="${link(paths.front, paths.modules)}">All modules</a></p>` : NOTHING}`;
}
