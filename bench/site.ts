import * as fs from 'node:fs/promises';
import * as os from 'node:os';
import * as path from 'node:path';
import { serveRepository } from '../src/publisher/serve.ts';
import type { SiteData } from '../src/site/data.ts';
import { paths } from '../src/site/paths.ts';
import { renderSite } from '../src/site/site.ts';
import { makeLog, makeSiteData } from '../src/site/testing/site-data.ts';
import { startBrowser, type TestBrowser } from '../test/support/browser.ts';
import { writeSiteFolder } from '../test/support/site-folder.ts';
import { printRatios, timed } from './support.ts';

const BLANK = 'blank.html';

/** Milliseconds from the beginning of a navigation until the page is laid out and painted; the median of some. */
async function shownIn(browser: TestBrowser, address: string): Promise<number> {
  const times: number[] = [];
  for (let round = 0; round < 5; round += 1) {
    await using context = await browser.open();
    const page = await context.newPage();
    await page.goto(address);
    const time = await page.evaluate(
      'new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => done(performance.now()))))',
    );
    times.push(Number(time));
  }
  return times.toSorted((a, b) => a - b)[2] ?? 0;
}

async function measure(title: string, data: SiteData): Promise<void> {
  const folder = await fs.mkdtemp(path.join(os.tmpdir(), 'lockstep-bench-site-'));
  const rendered = await timed(async () => {
    let bytes = 0;
    for (const { content } of renderSite(data)) {
      bytes += content.length;
    }
    return bytes;
  });
  const json = await timed(async () => data.cells.map((cell) => JSON.stringify(cell)).length);
  const sizes = await writeSiteFolder(folder, data, makeLog(20_000));
  await fs.writeFile(path.join(folder, BLANK), '<!doctype html><title>blank</title>');
  const pages = [...sizes].filter(([name]) => name.endsWith('.html'));
  const heaviest = pages.toSorted(([, a], [, b]) => b - a);
  process.stdout.write(
    `\n${title}: ${sizes.size} files, ${([...sizes.values()].reduce((a, b) => a + b, 0) / 1e6).toFixed(1)} MB, ${pages.length} pages; render ${rendered.seconds.toFixed(1)} s\n`,
  );
  printRatios(`${title}: rendering`, 'JSON.stringify of all cells', [
    { name: 'all pages', ours: rendered.seconds, reference: json.seconds, unit: 's' },
  ]);
  const server = await serveRepository(folder, { port: 0 });
  await using browser = await startBrowser();
  const reference = await shownIn(browser, `${server.url}${BLANK}`);
  const kernel = data.kernels[0];
  const [module] = data.modules;
  const kinds: [string, string | undefined][] = [
    ['front page', paths.front],
    ['overview', paths.overview],
    ['matrix', paths.matrix(data.suites[0] ?? '', kernel?.architecture ?? '')],
    ['kernels', paths.kernels()],
    ['kernel', kernel && paths.kernel(kernel)],
    ['module', module && paths.module(module.name)],
    ['lag', paths.lag],
    ['log', pages.find(([name]) => name.startsWith('status/log/'))?.[0]],
    ['the heaviest', heaviest[0]?.[0]],
  ];
  for (const [kind, page] of kinds) {
    if (page !== undefined) {
      const ours = await shownIn(browser, server.url + page);
      const size = `${((sizes.get(page) ?? 0) / 1000).toFixed(0)} kB`;
      printRatios(`${kind}: ${page}, ${size}`, 'an empty page', [
        { name: 'shown after', ours, reference, unit: 'ms' },
      ]);
    }
  }
  const index = [...sizes].filter(([name]) => name.endsWith('.json'));
  for (const [name, size] of index.toSorted(([, a], [, b]) => b - a).slice(0, 3)) {
    process.stdout.write(`  ${name}: ${(size / 1000).toFixed(0)} kB\n`);
  }
  await server.close();
  await fs.rm(folder, { recursive: true, force: true });
}

await measure('60 modules × 1,500 kernels', makeSiteData({ modules: 60, kernels: 1500 }));
await measure(
  '60 modules × 1,500 kernels of one suite and architecture',
  makeSiteData({ modules: 60, kernels: 1500, isOneMatrix: true }),
);
