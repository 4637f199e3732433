import * as fs from 'node:fs/promises';
import * as os from 'node:os';
import * as path from 'node:path';
import { pathToFileURL } from 'node:url';
import type { AxeResults } from 'axe-core';
import type { BrowserContextOptions, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type RepositoryServer, serveRepository } from '../src/publisher/serve.ts';
import { paths } from '../src/site/paths.ts';
import { siteOf, HOSTILE } from '../src/site/testing/hostile.ts';
import { makeLog, makeSiteData } from '../src/site/testing/site-data.ts';
import { complaintsOf, startBrowser, type TestBrowser } from './support/browser.ts';
import { lockstep, quickstart, serve } from './support/quickstart.ts';
import { writeSiteFolder } from './support/site-folder.ts';
import { slow } from './support/tier.ts';

const DATA = makeSiteData({ modules: 14, kernels: 140 });
const FAILED = DATA.cells.find(({ verdict }) => verdict === 'failed');
const KERNEL = FAILED?.kernel ?? { release: '', architecture: '' };

const PAGES: Record<string, string> = {
  front: paths.front,
  overview: paths.overview,
  matrix: paths.matrix('trixie', 'amd64'),
  line: paths.line(
    'trixie',
    { architecture: 'amd64', flavour: 'amd64', source: 'linux-signed-amd64' },
    1,
  ),
  modules: paths.modules,
  module: paths.module('v4l2loopback'),
  kernels: paths.kernels(),
  kernel: paths.kernel(KERNEL),
  lag: paths.lag,
  log: paths.log(FAILED?.build?.key ?? ''),
};

let folder: string;
let browser: TestBrowser;
let url: string;
let server: RepositoryServer;

beforeAll(async () => {
  folder = await fs.mkdtemp(path.join(os.tmpdir(), 'lockstep-test-site-'));
  await writeSiteFolder(folder, DATA, makeLog(3000));
  await writeSiteFolder(path.join(folder, 'hostile'), siteOf(HOSTILE), HOSTILE.join('\n'));
  server = await serveRepository(folder, { port: 0 });
  url = server.url;
  browser = await startBrowser();
});

afterAll(async () => {
  await browser[Symbol.asyncDispose]();
  await server.close();
  await fs.rm(folder, { recursive: true, force: true });
});

interface Visit {
  page: Page;
  complaints: string[];
}

/** Opens a page in a window of its own, and ends with it. */
async function visit(
  address: string,
  body: (visit: Visit) => Promise<void>,
  options?: BrowserContextOptions,
): Promise<void> {
  await using context = await browser.open(options);
  const page = await context.newPage();
  const complaints = complaintsOf(page);
  await page.goto(address);
  await body({ page, complaints });
}

/** What axe finds, minor things left out. The pages' policy keeps scripts out, so that it has to be passed over. */
async function findings(page: Page): Promise<string[]> {
  const axe = await fs.readFile(
    path.join(import.meta.dirname, '../node_modules/axe-core/axe.min.js'),
    'utf8',
  );
  await page.evaluate(axe);
  const results: AxeResults = await page.evaluate("axe.run({ resultTypes: ['violations'] })");
  return results.violations
    .filter(({ impact }) => impact === 'serious' || impact === 'critical')
    .flatMap(({ id, nodes }) =>
      nodes.map(({ html, failureSummary }) => `${id}: ${html}: ${failureSummary}`),
    );
}

/** Pages that have all colours between them. */
const COLOURFUL = new Set(['front', 'matrix', 'log']);

describe.each(Object.entries(PAGES))('the page %s', (name, address) => {
  const schemes = ['light', 'dark'] as const;
  test.each(slow || COLOURFUL.has(name) ? schemes : schemes.slice(0, 1))(
    'has nothing that axe takes seriously, %s',
    async (colorScheme) => {
      await visit(
        url + address,
        async ({ page, complaints }) => {
          expect(await findings(page)).toEqual([]);
          expect(complaints).toEqual([]);
        },
        { colorScheme },
      );
    },
  );

  test('is whole without a script, from a file, and no wider than a phone', async () => {
    await visit(
      pathToFileURL(path.join(folder, address)).href,
      async ({ page, complaints }) => {
        expect(await page.locator('h1').count()).toBe(1);
        const widths = await page.evaluate('[document.documentElement.scrollWidth, innerWidth]');
        expect(widths).toEqual([360, 360]);
        // The style is there.
        const width = "getComputedStyle(document.querySelector('main')).maxWidth";
        expect(await page.evaluate(width)).toMatch(/px$/);
        expect(await page.locator('form').count()).toBeLessThanOrEqual(1);
        expect(await page.locator('form:visible, button:visible').count()).toBe(0);
        expect(complaints).toEqual([]);
      },
      { javaScriptEnabled: false, viewport: { width: 360, height: 740 } },
    );
  });
});

describe('is my kernel ready?', () => {
  test('answers what uname says, by keyboard alone', async () => {
    await visit(url, async ({ page, complaints }) => {
      await page.keyboard.press('Tab');
      expect(await page.evaluate('document.activeElement.textContent')).toBe('Skip to content');
      await page.keyboard.press('Enter');
      await page.keyboard.press('Tab');
      expect(await page.evaluate('document.activeElement.id')).toBe('release');
      await page.keyboard.type(`Linux host ${KERNEL.release} #1 SMP Debian x86_64`);
      await page.keyboard.press('Enter');
      const result = page.getByRole('status');
      await result.getByText('modules are ready').waitFor();
      expect(await result.textContent()).toContain(`${FAILED?.module}: failed`);
      await page.keyboard.press('Tab');
      await page.keyboard.press('Tab');
      await page.keyboard.press('Enter');
      await page.getByRole('heading', { level: 1, name: KERNEL.release }).waitFor();
      expect(new URL(page.url()).pathname).toBe(`/${paths.kernel(KERNEL)}`);
      expect(complaints).toEqual([]);
    });
  });

  test.each(['6.1.0-not-there', '__proto__', '<img src=x onerror=alert(1)>'])(
    'does not know %s',
    async (text) => {
      await visit(url + paths.kernels(), async ({ page, complaints }) => {
        await page.fill('#release', text);
        await page.click('form button');
        await page.getByText('This kernel is not known here.').waitFor();
        expect(complaints).toEqual([]);
      });
    },
  );

  test('leads to the line in the index of kernels, from a file', async () => {
    const index = pathToFileURL(path.join(folder, paths.kernels())).href;
    await visit(pathToFileURL(path.join(folder, paths.front)).href, async ({ page }) => {
      await page.fill('#release', KERNEL.release);
      await page.click('form button');
      await page.waitForURL((address) => address.href.startsWith(`${index}#`));
      expect(await page.locator('tr:target a').textContent()).toBe(KERNEL.release);
    });
  });

  test('without a script, the index of kernels has each under its name', async () => {
    await visit(
      `${url}${paths.kernels()}#${KERNEL.release}`,
      async ({ page }) => {
        const line = page.locator('tr:target');
        expect(await line.locator('a').textContent()).toBe(KERNEL.release);
        expect(await line.textContent()).toContain('ready');
      },
      { javaScriptEnabled: false },
    );
  });
});

test('a command is copied as it stands there', async () => {
  await visit(
    url,
    async ({ page, complaints }) => {
      const command = page.locator('.command').first();
      await command.getByRole('button', { name: 'Copy' }).click();
      await command.getByRole('button', { name: 'Copied' }).waitFor();
      const copied: unknown = await page.evaluate('navigator.clipboard.readText()');
      expect(copied).toBe(await command.locator('code').textContent());
      expect(copied).toContain('https://modules.example/trixie.sources');
      expect(complaints).toEqual([]);
    },
    { permissions: ['clipboard-read', 'clipboard-write'] },
  );
});

test('a long matrix is filtered by module', async () => {
  await visit(url + PAGES['matrix'], async ({ page }) => {
    await page.getByRole('searchbox', { name: 'Filter modules' }).fill('loop');
    expect(await page.locator('.matrix tbody tr:visible').count()).toBe(1);
    await page.getByRole('searchbox', { name: 'Filter modules' }).fill('');
    expect(await page.locator('.matrix tbody tr:visible').count()).toBe(14);
  });
});

test('a cell leads to its reason, an error to its line', async () => {
  await visit(url + PAGES['kernel'], async ({ page }) => {
    await page
      .locator('tr', { hasText: 'failed' })
      .getByRole('link', { name: 'build log' })
      .click();
    await page.getByRole('link', { name: 'Line 3005' }).click();
    expect(await page.locator('.l:target').textContent()).toContain('implicit declaration');
    const address = 'document.querySelector(\'a[type="text/plain"]\').href';
    const text = await page.evaluate(`fetch(${address}).then((answer) => answer.text())`);
    expect(text).toBe(makeLog(3000));
  });
});

test('names from outside run nothing and load nothing', async () => {
  const files = await fs.readdir(path.join(folder, 'hostile'), { recursive: true });
  const pages = files.filter((name) => name.endsWith('.html'));
  expect(pages.length).toBeGreaterThan(15);
  await using context = await browser.open();
  const page = await context.newPage();
  const complaints = complaintsOf(page);
  page.on('dialog', (dialog) => {
    complaints.push(dialog.message());
    void dialog.dismiss();
  });
  const requests: string[] = [];
  page.on('request', (request) => requests.push(request.url()));
  for (const name of pages) {
    await page.goto(`${url}hostile/${name}`);
    expect(await page.locator('script, img:not([src$=".svg"]), iframe, object').count()).toBe(1);
  }
  expect(complaints).toEqual([]);
  expect(requests.filter((address) => !address.startsWith(url))).toEqual([]);
});

test('the policy forbids scripts in the page, and where it is served also frames', async () => {
  const answer = await fetch(url);
  expect(answer.headers.get('content-security-policy')).toContain("frame-ancestors 'none'");
  await visit(url, async ({ page, complaints }) => {
    await page.evaluate(
      "document.body.append(Object.assign(document.createElement('script'), { textContent: 'window.ran = 1' }))",
    );
    expect(await page.evaluate('window.ran')).toBeUndefined();
    expect(complaints.join()).toContain('Content Security Policy');
  });
});

test('a run leaves the site with the repository; a second one writes what changed', async () => {
  const { config, repository, release } = await quickstart();
  await using served = await serve(repository);
  await visit(served.url, async ({ page, complaints }) => {
    await page.fill('#release', release);
    await page.click('form button');
    await page.getByText('Everything about this kernel').click();
    await page.getByRole('heading', { level: 1, name: release }).waitFor();
    expect(await findings(page)).toEqual([]);
    await page.getByRole('link', { name: 'build log' }).first().click();
    expect(await page.locator('.log .l').count()).toBeGreaterThan(0);
    expect(complaints).toEqual([]);
  });
  const again = await lockstep(['site', '-c', config, '--json', '--wait', '600']);
  expect(again.exitCode).toBe(0);
  const changes: unknown = JSON.parse(again.stdout);
  expect(changes).toMatchObject({ removed: 0 });
  const status: unknown = JSON.parse(
    await fs.readFile(path.join(repository, paths.statusJson), 'utf8'),
  );
  expect(status).toMatchObject({ format: 1, suites: [{ suite: 'trixie' }] });
}, 900_000);
