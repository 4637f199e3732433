import type { SiteData } from '../data.ts';
import { makeSiteData } from './site-data.ts';

/** Texts that would break out of markup, of a script, of an attribute or of the line, if nobody minded them. */
export const HOSTILE = [
  '<script>alert(1)</script>',
  '</script><img src=x onerror=alert(1)>',
  '"><svg onload=alert(1)>',
  "' onmouseover='alert(1)",
  '--><!--',
  ']]>',
  '&lt;b&gt;&amp;',
  'javascript:alert(1)',
  '../../etc/passwd',
  '__proto__',
  '\u202egnp.exe\u2066\u200f',
  '\u001b]8;;http://evil.example\u0007here\u001b]8;;\u0007',
  '\u0000\u0007\u009b31m\ud800x',
  'שלום עולם',
] as const;

/** A site in which everything that comes from outside is what is given. */
export function siteOf(texts: readonly string[]): SiteData {
  let next = 0;
  const text = (): string => {
    next += 1;
    return texts[next % texts.length] ?? '';
  };
  const data = makeSiteData({ modules: 3, kernels: 24 });
  const modules = new Map(data.modules.map(({ name }) => [name, text()]));
  const kernels = new Map(
    data.kernels.map((kernel) => [
      kernel,
      {
        ...kernel,
        ...{ release: text(), architecture: text(), version: text(), flavour: text() },
        ...{ abi: text(), source: text(), unseenSince: kernel.first },
        suites: new Map([...kernel.suites].map(([suite, tracks]) => [suite, tracks.map(text)])),
      },
    ]),
  );
  const passedOver = (): SiteData['cells'][number]['passedOver'] => [
    {
      ...{ version: text(), from: text(), verdict: 'failed', reason: text(), build: undefined },
    },
  ];
  return {
    ...{ ...data, origin: text(), url: 'https://modules.example/', slug: 'example' },
    kernels: [...kernels.values()],
    cells: data.cells.map((cell) =>
      Object.assign({}, cell, {
        module: modules.get(cell.module) ?? '',
        kernel: kernels.get(cell.kernel) ?? cell.kernel,
        ...{ version: text(), reason: text(), action: text(), from: text() },
        passedOver: passedOver(),
      }),
    ),
    modules: data.modules.map((module) => ({
      ...{ name: modules.get(module.name) ?? '', summary: text(), homepage: text() },
      withheld: text(),
      versions: [{ version: text(), from: text(), source: text(), component: text() }],
    })),
    absent: [{ suite: text(), module: text(), package: text(), architecture: text() }],
    problems: [{ what: text(), message: text(), lastGood: undefined }],
    outcomes: data.outcomes.slice(0, 200).map((outcome) =>
      Object.assign({}, outcome, {
        ...{ module: text(), moduleVersion: text(), release: text(), architecture: text() },
        ...(outcome.type === 'failed' ? { reason: text() } : {}),
      }),
    ),
    lags: data.lags.map((lag) => Object.assign({}, lag, { module: text(), release: text() })),
  };
}

/**
 * The markup of a page without its text: each tag with the names of its attributes. Throws when something is no tag and
 * has a bracket of one.
 */
export function skeleton(content: string): string[] {
  const tags: string[] = [];
  const TAG =
    /<(?<name>[!?/]?[A-Za-z][A-Za-z0-9:]*)(?<attributes>(?:\s+[a-z:-]+(?:="[^"<>]*")?)*)\s*[/?]?>|(?<stray>[<>])/g;
  for (const { groups, index } of content.matchAll(TAG)) {
    if (groups?.['stray'] !== undefined) {
      throw new Error(`no tag: ${content.slice(Math.max(0, index - 40), index + 60)}`);
    }
    const names = [...(groups?.['attributes'] ?? '').matchAll(/\s(?<name>[a-z:-]+)(?:="[^"]*")?/g)];
    tags.push([groups?.['name'], ...names.map((match) => match.groups?.['name'])].join(' '));
  }
  return tags;
}
