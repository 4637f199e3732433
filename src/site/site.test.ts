import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { compareText } from '../core/compare.ts';
import type { SiteCell, SiteData } from './data.ts';
import { badgeSvg, badgeText } from './badge.ts';
import { feedXml, happenings } from './feed.ts';
import { link, part, paths } from './paths.ts';
import { indexSite } from './site-index.ts';
import { renderSite } from './site.ts';
import { answerOf, tallyOf, tallyText } from './tally.ts';
import { makeSiteData } from './testing/site-data.ts';
import { formatDuration, grouped, secondsBetween } from './text.ts';

function render(data: SiteData): Map<string, string> {
  return new Map([...renderSite(data)].map(({ path, content }) => [path, content]));
}

const SMALL = makeSiteData({ modules: 14, kernels: 140 });

test('what is published can be installed, whatever of it is to be built anew', () => {
  const queued = SMALL.cells.map(
    (cell): SiteCell => ({ ...cell, verdict: 'queued', reason: 'new toolchain' }),
  );
  const waiting = render({ ...SMALL, cells: queued });
  const none = render({ ...SMALL, cells: queued, tracking: [] });
  for (const path of [paths.front, paths.module('acpi-call'), paths.matrix('trixie', 'amd64')]) {
    expect(waiting.get(path)).toContain('apt install acpi-call-modules-amd64');
    expect(none.get(path)).not.toContain('apt install');
  }
  expect(waiting.get(paths.front)).not.toContain('Nothing can be installed');
  expect(none.get(paths.front)).toContain('Nothing can be installed');
});

describe('what a site has', () => {
  const files = render(SMALL);

  test('a page and a JSON file for each module and each kernel, and the rest', () => {
    for (const { name } of SMALL.modules) {
      for (const path of [
        paths.module(name),
        paths.moduleJson(name),
        paths.badge(name),
        paths.moduleFeed(name),
      ]) {
        expect(files.get(path)).toBeDefined();
      }
    }
    for (const kernel of SMALL.kernels) {
      expect(files.get(paths.kernel(kernel))).toContain(kernel.release);
      const json: unknown = JSON.parse(files.get(paths.kernelJson(kernel)) ?? '');
      expect(json).toMatchObject({ format: 1, release: kernel.release });
    }
    for (const path of [paths.front, paths.overview, paths.lag, paths.statusJson, paths.feed]) {
      expect(files.get(path)).toBeDefined();
    }
  });

  test('no link leads nowhere, no fragment either', () => {
    const known = new Set([
      ...files.keys(),
      ...[paths.style, paths.script, paths.icon],
      ...SMALL.suites.map((suite) => `${suite}.sources`),
      ...SMALL.cells.flatMap(({ build }) => (build === undefined ? [] : paths.log(build.key))),
    ]);
    const dead: string[] = [];
    for (const [from, content] of files) {
      const addresses = [...content.matchAll(/(?:href|src)="(?<address>[^":]*)"/g)].map(
        (match) => match.groups?.['address'] ?? '',
      );
      for (const whole of new Set(addresses)) {
        const [address = '', fragment] = whole.split('#');
        const path =
          address === '' ? from : new URL(address, `http://site/${from}`).pathname.slice(1);
        const target = files.get(path);
        const hasFragment =
          fragment === undefined || target?.includes(` id="${fragment}"`) !== false;
        if (!known.has(path) || !hasFragment) {
          dead.push(`${from}: ${whole}`);
        }
      }
    }
    expect(dead).toEqual([]);
  });

  test('the same data gives the same bytes; a later look changes what tells of the time', () => {
    expect(render(SMALL)).toEqual(files);
    const later = render({ ...SMALL, at: '2026-11-27T13:30:00.000Z' });
    const changed = [...later].filter(([path, content]) => files.get(path) !== content);
    expect(changed.map(([path]) => path).filter((path) => path !== paths.lag)).toEqual([
      ...[paths.front, paths.overview, paths.statusJson, paths.metrics],
    ]);
  });

  test('the index that the form reads has a letter for each module', () => {
    const ready: unknown = JSON.parse(files.get(paths.readyJson) ?? '');
    const [kernel] = SMALL.kernels;
    const own = SMALL.cells.filter((cell) => cell.kernel === kernel);
    const letters = SMALL.modules.map(
      ({ name }) => own.find(({ module }) => module === name)?.verdict,
    );
    expect(letters.every((verdict) => verdict !== undefined)).toBe(true);
    expect(ready).toMatchObject({
      modules: SMALL.modules.map(({ name }) => name),
      kernels: {
        [kernel?.release ?? '']: [
          { path: paths.kernel(kernel ?? { release: '', architecture: '' }) },
        ],
      },
    });
  });
});

test.each([
  ['many suites', makeSiteData({ modules: 60, kernels: 1500 })],
  ['one matrix', makeSiteData({ modules: 60, kernels: 1500, isOneMatrix: true })],
])('60 modules × 1,500 kernels, %s: no page above a megabyte', (_name, data) => {
  const sizes = [...renderSite(data)]
    .filter(({ path }) => path.endsWith('.html'))
    .map(({ content }) => Buffer.byteLength(content));
  expect(sizes.length).toBeGreaterThan(800);
  expect(Math.max(...sizes)).toBeLessThanOrEqual(1_000_000);
});

test('a new kernel leaves the pages of older ones as they are', () => {
  const data = makeSiteData({ modules: 3, kernels: 300, isOneMatrix: true });
  const [newest] = data.kernels;
  const before = render({
    ...data,
    kernels: data.kernels.slice(1),
    cells: data.cells.filter(({ kernel }) => kernel !== newest),
  });
  const after = render(data);
  const lines = [...after.keys()].filter((path) => /\/amd64--.*\/\d+\.html$/.test(path));
  expect(lines).toHaveLength(3);
  const unchanged = lines.filter((path) => after.get(path) === before.get(path));
  expect(unchanged.map((path) => path.split('/').at(-1))).toEqual(['1.html', '2.html']);
});

test('a kernel that a suite expects, or has no more, is marked so', () => {
  const data = makeSiteData({ modules: 1, kernels: 3, isOneMatrix: true });
  const none = new Map<string, readonly string[]>();
  const [first, second, third] = data.kernels.map((kernel) =>
    Object.assign({}, kernel, { suites: kernel === data.kernels[0] ? kernel.suites : none }),
  );
  const suites = [
    { kernel: first, suites: ['trixie'] },
    { kernel: second, suites: [], ahead: ['trixie'] },
    { kernel: third, suites: ['trixie'] },
  ];
  const html = render({
    ...data,
    kernels: suites.flatMap(({ kernel }) => kernel ?? []),
    cells: data.cells.map((cell, at) => Object.assign({}, cell, suites[at])),
  }).get(paths.matrix('trixie', 'amd64'));
  const notes = [...(html ?? '').matchAll(/<small>(?<note>[a-z]+)<\/small>/g)]
    .map((match) => match.groups?.['note'] ?? '')
    .toSorted(compareText);
  expect(notes).toEqual(['current', 'expected', 'left']);
});

function cells(...verdicts: SiteCell['verdict'][]): SiteCell[] {
  const [cell] = SMALL.cells;
  return verdicts.map((verdict) => Object.assign({}, cell, { verdict }));
}

test.each([
  [[], 'No: nothing is built for this kernel.', 'none'],
  [['published'], 'Yes: its module is ready.', '1 of 1 ready'],
  [['published', 'in-tree', 'excluded'], 'Yes: all 2 modules are ready.', '2 of 2 ready'],
  [['excluded'], 'No module is for this kernel.', 'not for them'],
  [
    ['published', 'queued'],
    'In part: 1 of 2 modules are ready, 1 module on the way.',
    '1 of 2 ready',
  ],
  [
    ['failed', 'broken', 'built'],
    'Not yet: 0 of 3 modules are ready, 1 module on the way, 1 module failed, 1 module tried again.',
    '0 of 3 ready',
  ],
] as const)('%j: %s', (verdicts, answer, badge) => {
  const some = cells(...verdicts);
  expect(answerOf(tallyOf(some)).text).toBe(answer);
  expect(badgeText(some)).toBe(badge);
  expect(badgeSvg(some)).toContain(`aria-label="Debian kernels: ${badge}"`);
});

test('a tally names what is there', () => {
  expect(tallyText(tallyOf(cells('published', 'failed', 'blocked')))).toBe(
    '1 of 2 ready, 1 failed, 1 without a build',
  );
});

test('the feed has one entry for what happened to a module at one time', () => {
  const [first] = SMALL.outcomes;
  const outcomes = ['a', 'b', 'c'].map((release) => Object.assign({}, first, { release }));
  expect(happenings(outcomes, 10)).toHaveLength(1);
  const xml = feedXml({ ...SMALL, outcomes });
  expect(xml.match(/<entry>/g)).toHaveLength(1);
  expect(xml).toContain('published for 3 kernels</title>');
  expect(feedXml({ ...SMALL, outcomes: [] })).toContain(
    '<updated>1970-01-01T00:00:00.000Z</updated>',
  );
});

test('suites, lines and releases are found', () => {
  const { matrices, releases } = indexSite(SMALL);
  expect(matrices.map(({ suite, architecture }) => `${suite} ${architecture}`)).toContain(
    'sid riscv64',
  );
  expect(matrices[0]?.lines.map(({ flavour }) => flavour)).toEqual([
    'amd64',
    'cloud-amd64',
    'rt-amd64',
  ]);
  expect(releases).toHaveLength(140);
});

test('different names have different parts of paths (any)', () => {
  const name = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.string({ minLength: 100, maxLength: 300 }),
  );
  fc.assert(
    fc.property(name, name, (a, b) => {
      expect(part(a) === part(b)).toBe(a === b || Buffer.from(a).equals(Buffer.from(b)));
      expect(part(a)).toMatch(/^[A-Za-z0-9=+_~-][A-Za-z0-9=.+_~-]*$/);
      expect(part(a).length).toBeLessThanOrEqual(120);
    }),
  );
});

test('a link leads from one file to another (any)', () => {
  const folder = fc.array(fc.constantFrom('a', 'b', 'aa'), { maxLength: 4 });
  const file = folder.map((folders) => [...folders, 'x.html'].join('/'));
  fc.assert(
    fc.property(file, file, (from, to) => {
      expect(new URL(link(from, to), `http://site/${from}`).pathname).toBe(`/${to}`);
    }),
  );
});

test.each([
  [0, '0 s'],
  [59.6, '1 min'],
  [90, '1 min 30 s'],
  [3600, '1 h'],
  [12 * 3600 + 60, '12 h'],
  [26 * 3600, '1 d 2 h'],
  [-5, '0 s'],
])('%d seconds: %s', (seconds, text) => {
  expect(formatDuration(seconds)).toBe(text);
});

test('numbers have commas; time never runs backwards', () => {
  expect([0, 999, 1000, 90_000, 1_234_567].map(grouped)).toEqual([
    '0',
    '999',
    '1,000',
    '90,000',
    '1,234,567',
  ]);
  expect(secondsBetween('2026-01-02T00:00:00Z', '2026-01-01T00:00:00Z')).toBe(0);
});
