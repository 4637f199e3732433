import * as fs from 'node:fs/promises';
import * as os from 'node:os';
import * as path from 'node:path';
import {
  type BrowserContext,
  type BrowserContextOptions,
  chromium,
  type Page,
} from 'playwright-core';

const FLAGS = [
  ...['--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run'],
  ...['--disable-background-networking', '--disable-component-update', '--disable-sync'],
];

/** Debian's Chromium with a folder of its own. */
export interface TestBrowser extends AsyncDisposable {
  /** A window of its own: nothing of another one is seen in it. */
  open(options?: BrowserContextOptions): Promise<BrowserContext>;
}

export async function startBrowser(): Promise<TestBrowser> {
  const folder = await fs.mkdtemp(path.join(os.tmpdir(), 'lockstep-test-browser-'));
  const browser = await chromium.launch({
    executablePath: '/usr/bin/chromium',
    args: FLAGS,
    env: { ...process.env, HOME: folder, XDG_CONFIG_HOME: folder, XDG_CACHE_HOME: folder },
  });
  return {
    open: (options) => browser.newContext(options),
    async [Symbol.asyncDispose]() {
      await browser.close();
      await fs.rm(folder, { recursive: true, force: true });
    },
  };
}

/** What a page complained of: errors of scripts, of its policy, and what could not be loaded. */
export function complaintsOf(page: Page): string[] {
  const complaints: string[] = [];
  page.on('console', (message) => {
    if (message.type() === 'error' || message.type() === 'warning') {
      complaints.push(message.text());
    }
  });
  page.on('pageerror', (error) => complaints.push(error.message));
  page.on('requestfailed', (request) => {
    // What is still on its way when a page is left is given up.
    if (request.failure()?.errorText !== 'net::ERR_ABORTED') {
      complaints.push(`${request.url()} failed`);
    }
  });
  return complaints;
}
