import * as fs from 'node:fs/promises';
import * as path from 'node:path';
import { badgeSvg } from './badge.ts';
import type { SiteData } from './data.ts';
import { feedXml } from './feed.ts';
import { frontPage } from './front.ts';
import { kernelJson, moduleJson, statusJson } from './json.ts';
import { kernelIndexPages, kernelPages, readyJson } from './kernel-pages.ts';
import { lagPage } from './lag-page.ts';
import type { SiteFile } from './layout.ts';
import { MARKS } from './marks.ts';
import { metricsText } from './metrics.ts';
import { matrixPages } from './matrix.ts';
import { modulePages, modulesPage } from './module-pages.ts';
import { overviewPage } from './overview.ts';
import { paths } from './paths.ts';
import { indexSite, isCurrent, type SiteIndex, suitesOf } from './site-index.ts';

/** The files that are the same for every site. */
export async function siteAssets(): Promise<SiteFile[]> {
  const assets = path.join(import.meta.dirname, 'assets');
  return Promise.all(
    [paths.style, paths.script, paths.icon].map(async (name) => ({
      path: name,
      content: await fs.readFile(path.join(assets, path.basename(name)), 'utf8'),
    })),
  );
}

/** Every file of the site but its assets and logs, one after the other. Pure. */
export function* renderSite(data: SiteData): Generator<SiteFile> {
  const index = indexSite(data);
  yield* lookFiles(index);
  yield modulesPage(index);
  yield* kernelIndexPages(index);
  yield { path: paths.feed, content: feedXml(data) };
  for (const matrix of index.matrices) {
    yield* matrixPages(index, matrix);
  }
  for (const group of index.releases) {
    yield* kernelPages(index, group);
    yield { path: paths.kernelJson(group), content: kernelJson(index, group) };
  }
  yield* moduleFiles(index);
}

/** The files of {@link renderSite} that tell of the time: all that a look without news changes. Pure. */
export function renderLook(data: SiteData): Generator<SiteFile> {
  return lookFiles(indexSite(data));
}

function* lookFiles(index: SiteIndex): Generator<SiteFile> {
  yield frontPage(index);
  yield overviewPage(index);
  yield lagPage(index);
  yield { path: paths.statusJson, content: statusJson(index) };
  yield { path: paths.readyJson, content: readyJson(index, letters()) };
  yield { path: paths.metrics, content: metricsText(index) };
}

function* moduleFiles(index: SiteIndex): Generator<SiteFile> {
  const { data, byModule } = index;
  const outcomes = new Map<string, SiteData['outcomes'][number][]>();
  for (const outcome of data.outcomes) {
    const list = outcomes.get(outcome.module) ?? [];
    outcomes.set(outcome.module, list);
    list.push(outcome);
  }
  for (const module of data.modules) {
    const { name } = module;
    const cells = byModule.get(name) ?? [];
    yield* modulePages(index, module);
    yield { path: paths.moduleJson(name), content: moduleJson(index, module) };
    const own = { ...data, outcomes: outcomes.get(name) ?? [] };
    yield { path: paths.moduleFeed(name), content: feedXml(own, name) };
    const current = cells.filter(({ kernel }) => isCurrent(kernel));
    yield { path: paths.badge(name), content: badgeSvg(current) };
    for (const suite of data.suites) {
      const there = current.filter(
        (cell) => suitesOf(cell).includes(suite) && isCurrent(cell.kernel, suite),
      );
      yield { path: paths.badge(name, suite), content: badgeSvg(there) };
    }
  }
}

function letters(): Record<string, string> {
  return Object.fromEntries(
    Object.entries(MARKS).map(([verdict, { letter }]) => [verdict, letter]),
  );
}
