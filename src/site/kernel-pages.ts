import { chunksOf } from './chunks.ts';
import type { SiteData, SiteKernel } from './data.ts';
import { pager, renderPage, type SiteFile, time } from './layout.ts';
import { type Markup, markup, NOTHING } from './markup.ts';
import { kernelAnchor, link, paths } from './paths.ts';
import { bar, row, rowsTable } from './rows.ts';
import type { ReleaseGroup, SiteIndex } from './site-index.ts';
import { answerOf, tallyOf, tallyText } from './tally.ts';
import { count } from './text.ts';

/** The page of a release on an architecture: first the answer, then each module. */
export function* kernelPages({ data }: SiteIndex, group: ReleaseGroup): Generator<SiteFile> {
  const { release, architecture, kernels, cells } = group;
  const anchors = new Set<string>();
  const first = paths.kernel(group);
  const options = { path: first, data, subject: 'module', anchors } as const;
  const parts = chunksOf(cells, (cell) => row(cell, options), 1000);
  const links = parts.map((_, at) => ({
    label: `Part ${at + 1}`,
    path: paths.kernel(group, at + 1),
  }));
  const tally = tallyOf(cells);
  const { tone, text } = answerOf(tally);
  for (const [at, rows] of parts.entries()) {
    const path = paths.kernel(group, at + 1);
    yield renderPage(data, {
      ...{ path, title: release, section: 'kernels', json: paths.kernelJson(group) },
      above: [{ label: 'Kernels', path: paths.kernels() }],
      body: markup`<h1 class="mono">${release}</h1>
<p class="answer ${tone}"><strong>${text}</strong></p>
${tally.total > 0 ? markup`<p class="tally">${bar(tally)} <span>${tallyText(tally)}</span></p>` : NOTHING}
<dl class="facts">
<div><dt>Architecture</dt><dd>${architecture}</dd></div>
${kernels.map((kernel) => kernelFacts(kernel))}
</dl>
<h2>Modules</h2>
${cells.length === 0 ? markup`<p>${emptyReason(kernels)}</p>` : rowsTable('module', rows, 'Modules for this kernel')}
${pager(path, at + 1, links)}`,
    });
  }
}

function kernelFacts({ version, suites, first, left, unseenSince }: SiteKernel): Markup {
  const places = [...suites].map(([suite, tracks]) =>
    tracks.length === 0
      ? suite
      : `${suite} (${tracks.map((track) => `linux-image-${track}`).join(', ')} points to it)`,
  );
  const where =
    places.length > 0
      ? markup`${places.join('; ')}`
      : left === undefined
        ? markup`no published suite`
        : markup`left Debian on ${time(left, 'day')}`;
  return markup`<div><dt>Version ${version}</dt><dd>${where}${first === undefined ? NOTHING : markup`, first seen ${time(first)}`}${unseenSince === undefined ? NOTHING : markup`; its index can’t be read, last seen ${time(unseenSince)}`}</dd></div>
`;
}

function emptyReason(kernels: readonly SiteKernel[]): string {
  return kernels.some(({ suites }) => suites.size > 0)
    ? 'The configuration does not ask for this kernel: a newer one has taken its place, or its flavour is not wanted.'
    : 'No module package is kept for this kernel.';
}

/** What the lines of one page of the index may take, about. */
const INDEX_BYTES = 650_000;
const LINE_BYTES = 400;

/** The parts of the index of kernels, one a page. */
export function kernelIndexParts(releases: readonly ReleaseGroup[]): ReleaseGroup[][] {
  const parts: ReleaseGroup[][] = [[]];
  let bytes = 0;
  for (const group of releases) {
    bytes += LINE_BYTES + 4 * Buffer.byteLength(group.release);
    if (bytes > INDEX_BYTES) {
      parts.push([]);
      bytes = 0;
    }
    parts.at(-1)?.push(group);
  }
  return parts;
}

/** Every kernel, with a fragment that is what `uname -r` prints, and the form that finds it. */
export function* kernelIndexPages({ data, releases }: SiteIndex): Generator<SiteFile> {
  const parts = kernelIndexParts(releases);
  const links = parts.map((part, at) => ({
    label: rangeOf(part),
    path: paths.kernels(at + 1),
  }));
  for (const [at, part] of parts.entries()) {
    const path = paths.kernels(at + 1);
    const anchors = new Set<string>();
    const architectures = [...new Set(part.map(({ architecture }) => architecture))];
    const sections = architectures.map((architecture) => {
      const own = part.filter((group) => group.architecture === architecture);
      return markup`<h2>${architecture} <span class="muted">${count(own.length, 'kernel')}</span></h2>
<div class="scroll" tabindex="0" role="region" aria-label="Kernels of ${architecture}"><table class="rows kernels">
<thead><tr><th scope="col">Kernel</th><th scope="col">Ready</th><th scope="col">Suites</th></tr></thead>
<tbody>
${own.map((group) => kernelRow(path, group, anchors))}</tbody></table></div>`;
    });
    yield renderPage(data, {
      ...{ path, title: 'Kernels', section: 'kernels', json: paths.readyJson },
      body: markup`<h1>Is my kernel ready?</h1>
<div class="card">${readyForm(path)}</div>
<p class="lead">Every kernel that Lockstep knows, newest first. This page’s address with <code>#</code> and a kernel’s name goes to its line.</p>
${pager(path, at + 1, links)}
${sections}
${pager(path, at + 1, links)}`,
    });
  }
}

function rangeOf(part: readonly ReleaseGroup[]): string {
  const [first] = part;
  const last = part.at(-1);
  return first === undefined || last === undefined
    ? 'none'
    : `${first.architecture} ${first.kernels[0]?.abi ?? ''} to ${last.architecture} ${last.kernels[0]?.abi ?? ''}`;
}

function kernelRow(path: string, group: ReleaseGroup, anchors: Set<string>): Markup {
  const tally = tallyOf(group.cells);
  const anchor = kernelAnchor(group.release);
  const isFirst = !anchors.has(anchor);
  anchors.add(anchor);
  const suites = new Set(group.kernels.flatMap(({ suites: own }) => [...own.keys()]));
  const ready =
    tally.total === 0
      ? markup`<span class="muted">nothing is built for it</span>`
      : markup`${bar(tally)} ${tallyText(tally)}`;
  return markup`<tr${isFirst ? markup` id="${anchor}"` : NOTHING}><th scope="row"><a href="${link(path, paths.kernel(group))}">${group.release}</a></th><td>${ready}</td><td>${[...suites].join(', ')}</td></tr>
`;
}

/**
 * The question. Without the script it is a link to the index of kernels; the script makes it a form that answers at once
 * from `ready.json`.
 */
export function readyForm(path: string): Markup {
  const index = link(path, paths.kernels());
  return markup`<form class="ready" data-ready="${link(path, paths.readyJson)}" data-top="${link(path, paths.front).replace(/index\.html$/, '')}" data-index="${index}" hidden>
<label for="release">What does <code>uname -r</code> print?</label>
<div class="field"><input id="release" name="release" type="text" autocomplete="off" autocapitalize="off" spellcheck="false" placeholder="6.12.118+deb13-amd64"><button type="submit">Look it up</button></div>
<div class="result" role="status" aria-live="polite"></div>
</form>
<noscript><p class="note">Find what <code>uname -r</code> prints in the <a href="${index}">index of kernels</a>.</p></noscript>`;
}

/** What the form reads: verdicts by letter, one a module, for every release. */
export function readyJson(
  { data, releases }: SiteIndex,
  letters: Readonly<Record<string, string>>,
): string {
  const modules = data.modules.map(({ name }) => name);
  const places = new Map(modules.map((name, at) => [name, at]));
  const known = new Map<string, { architecture: string; path: string; verdicts: string }[]>();
  for (const group of releases) {
    const verdicts = Array.from({ length: modules.length }, () => '-');
    for (const { module, verdict } of group.cells.toReversed()) {
      const at = places.get(module);
      if (at !== undefined) {
        verdicts[at] = letters[verdict] ?? '-';
      }
    }
    const list = known.get(group.release) ?? [];
    known.set(group.release, list);
    list.push({
      architecture: group.architecture,
      path: paths.kernel(group),
      verdicts: verdicts.join(''),
    });
  }
  return `${JSON.stringify({
    format: 1,
    at: dataDay(data),
    verdicts: Object.fromEntries(
      Object.entries(letters).map(([verdict, letter]) => [letter, verdict]),
    ),
    modules,
    kernels: Object.fromEntries(known),
  })}\n`;
}

/** The day alone, so that the file stays as it is while nothing changes. */
function dataDay({ at }: SiteData): string {
  return at.slice(0, 10);
}
