import { PAGE_POLICY } from '../core/page-policy.ts';
import type { SiteData } from './data.ts';
import { type Markup, markup, NOTHING } from './markup.ts';
import { link, paths } from './paths.ts';
import { formatInstant } from './text.ts';

/** A file of the site: its path below the repository's root, and what is in it. */
export interface SiteFile {
  path: string;
  content: string;
}

export interface Page {
  path: string;
  title: string;
  /** Which entry of the navigation it belongs to. */
  section?: 'overview' | 'modules' | 'kernels' | 'lag';
  /** The pages above it, outermost first; the overview is there anyway. */
  above?: readonly { label: string; path: string }[];
  /** JSON of the same content. */
  json?: string;
  feed?: string;
  /** Takes the whole width. */
  isWide?: boolean;
  body: Markup;
}

const POLICY = PAGE_POLICY.join('; ');

/** What marks a page as one of Lockstep's. */
export const GENERATOR = '<meta name="generator" content="Lockstep">';

const NAVIGATION = [
  { section: 'overview', label: 'Overview', path: paths.overview },
  { section: 'modules', label: 'Modules', path: paths.modules },
  { section: 'kernels', label: 'Kernels', path: paths.kernels() },
  { section: 'lag', label: 'Lag', path: paths.lag },
] as const;

type Frame = Pick<SiteData, 'origin' | 'url' | 'at'>;

export function renderPage(frame: Frame, page: Page): SiteFile {
  const to = (target: string): string => link(page.path, target);
  const here = (path: string): Markup =>
    path === page.path ? markup` aria-current="page"` : NOTHING;
  const entries = NAVIGATION.map(({ section, label, path }) => {
    const isWithin = section === page.section && path !== page.path;
    return markup`<li><a href="${to(path)}"${here(path)}${isWithin ? markup` aria-current="true"` : NOTHING}>${label}</a></li>`;
  });
  const content = markup`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${POLICY}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="referrer" content="no-referrer">
<meta name="generator" content="Lockstep">
<title>${page.path === paths.front ? page.title : `${page.title} · ${frame.origin}`}</title>
<link rel="icon" href="${to(paths.icon)}" type="image/svg+xml">
<link rel="stylesheet" href="${to(paths.style)}">
<link rel="alternate" type="application/atom+xml" href="${to(page.feed ?? paths.feed)}" title="What was published, failed and mended">
${page.json === undefined ? NOTHING : markup`<link rel="alternate" type="application/json" href="${to(page.json)}">`}
<script src="${to(paths.script)}" defer></script>
</head>
<body${page.isWide === true ? markup` class="wide"` : NOTHING}>
<a class="skip" href="#main">Skip to content</a>
<header class="top"><div class="bar">
<a class="name" href="${to(paths.front)}"${here(paths.front)}><svg class="logo" viewBox="0 0 24 24" aria-hidden="true"><path d="M4 7h10v4H4zM10 13h10v4H10z"/></svg><span>${frame.origin}</span></a>
<nav aria-label="Status pages"><ul>${entries}</ul></nav>
</div></header>
<main id="main">
${crumbs(page, to)}
${page.body}
</main>
<footer class="foot"><div class="bar">
<p>Made by Lockstep from its ledger: every line is what was built, checked and published.</p>
<ul>
${page.json === undefined ? NOTHING : markup`<li><a href="${to(page.json)}">This page as JSON</a></li>`}
<li><a href="${to(page.feed ?? paths.feed)}">Atom feed</a></li>
${page.json === paths.statusJson ? NOTHING : markup`<li><a href="${to(paths.statusJson)}">Everything as JSON</a></li>`}
</ul>
</div></footer>
</body>
</html>
`;
  return { path: page.path, content: content.toString() };
}

function crumbs({ above, title }: Page, to: (path: string) => string): Markup {
  if (above === undefined) {
    return NOTHING;
  }
  const steps = [{ label: 'Overview', path: paths.overview }, ...above].map(
    ({ label, path }) => markup`<li><a href="${to(path)}">${label}</a></li>`,
  );
  return markup`<nav class="crumbs" aria-label="Breadcrumb"><ol>${steps}<li aria-current="page">${title}</li></ol></nav>`;
}

/** An instant, for people and for programs. */
export function time(instant: string, shows: 'day' | 'minute' = 'minute'): Markup {
  const text = formatInstant(instant);
  return markup`<time datetime="${instant}">${shows === 'day' ? text.slice(0, 10) : `${text} UTC`}</time>`;
}

/** Links to the numbered parts of something that is too long for one page. */
export function pager(
  page: string,
  current: number,
  parts: readonly { label: string; path: string }[],
): Markup {
  if (parts.length < 2) {
    return NOTHING;
  }
  const entries = parts.map(({ label, path }, index) =>
    index + 1 === current
      ? markup`<li><a href="${link(page, path)}" aria-current="page">${label}</a></li>`
      : markup`<li><a href="${link(page, path)}">${label}</a></li>`,
  );
  return markup`<nav class="pager" aria-label="Parts"><ul>${entries}</ul></nav>`;
}

/** A command to be pasted. The button to copy it comes with the script. */
export function command(text: string): Markup {
  return markup`<div class="command"><pre tabindex="0"><code>${text}</code></pre></div>`;
}

/** What is there for who asks for it. */
export function folded(summary: string, pieces: readonly Markup[]): Markup {
  return pieces.length === 0
    ? NOTHING
    : markup`<details><summary>${summary}</summary>${pieces}</details>`;
}
