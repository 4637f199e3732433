import * as fs from 'node:fs/promises';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import * as path from 'node:path';
import * as fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type RepositoryServer, serveRepository } from './serve.ts';
import { decodePath, parseRange } from './serve-files.ts';

let root: string;
let server: RepositoryServer;

const DEB = 'pool/main/f/foo-modules-6.12+deb13_1.0~rc1+x_amd64.deb';

beforeAll(async () => {
  root = await fs.mkdtemp(path.join(tmpdir(), 'lockstep-serve-'));
  const files: Record<string, string> = {
    [`top/${DEB}`]: '0123456789',
    'top/dists/trixie/InRelease': 'signed',
    'top/dists/trixie/.generations.json': '{}',
    'top/.tmp-x': 'partial',
    'top/<b>&"x': 'odd',
    'top/pages/index.html': '<p>page</p>',
    'outside/secret': 'secret',
    'top-secret/file': 'secret',
  };
  for (const [name, text] of Object.entries(files)) {
    await fs.mkdir(path.dirname(path.join(root, name)), { recursive: true });
    await fs.writeFile(path.join(root, name), text);
  }
  await fs.symlink('../outside/secret', path.join(root, 'top/link'));
  await fs.symlink('../outside', path.join(root, 'top/folder-link'));
  await fs.symlink('../top-secret', path.join(root, 'top/sibling'));
  await fs.symlink('dists/trixie/InRelease', path.join(root, 'top/inside'));
  server = await serveRepository(path.join(root, 'top'), { port: 0 });
});

afterAll(async () => {
  await server.close();
  await fs.rm(root, { recursive: true, force: true });
});

function get(name: string, headers: Record<string, string> = {}): Promise<Response> {
  return fetch(server.url + name, { headers, redirect: 'manual' });
}

/** Asks for a path exactly as it is written, which `fetch` would not. */
function rawStatus(target: string): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    const { hostname, port } = new URL(server.url);
    const asking = request({ hostname, port, path: target }, (response) => {
      response.resume();
      resolve(response.statusCode);
    });
    asking.on('error', reject);
    asking.end();
  });
}

describe('files', () => {
  test.each([DEB, DEB.replaceAll('+', '%2b').replace('~', '%7e')])('%s', async (name) => {
    const response = await get(name);
    expect(response.status).toBe(200);
    expect(response.headers.get('content-length')).toBe('10');
    expect(response.headers.get('content-type')).toBe('application/vnd.debian.binary-package');
    expect(response.headers.get('content-security-policy')).toContain("default-src 'none'");
    expect(await response.text()).toBe('0123456789');
  });

  test('links that stay inside are followed', async () => {
    expect(await (await get('inside')).text()).toBe('signed');
  });

  test.each([
    ['bytes=2-4', 206, '234', 'bytes 2-4/10'],
    ['bytes=7-', 206, '789', 'bytes 7-9/10'],
    ['bytes=-3', 206, '789', 'bytes 7-9/10'],
    ['bytes=8-99', 206, '89', 'bytes 8-9/10'],
    ['bytes=10-', 416, '', 'bytes */10'],
    ['bytes=1-2,4-5', 200, '0123456789', null],
    ['lines=1-2', 200, '0123456789', null],
  ])('range %s', async (range, status, text, contentRange) => {
    const response = await get(DEB, { Range: range });
    expect(response.status).toBe(status);
    expect(response.headers.get('content-range')).toBe(contentRange);
    expect(await response.text()).toBe(text);
  });

  test('a range of something older than what is there gives all of what is there', async () => {
    const modified = (await get(DEB)).headers.get('last-modified') ?? '';
    const part = await get(DEB, { Range: 'bytes=5-', 'If-Range': modified });
    expect(part.status).toBe(206);
    const whole = await get(DEB, { Range: 'bytes=5-', 'If-Range': new Date(0).toUTCString() });
    expect(whole.status).toBe(200);
    expect(await whole.text()).toBe('0123456789');
  });

  test('what the client has already is not sent', async () => {
    const first = await get('dists/trixie/InRelease');
    const modified = first.headers.get('last-modified') ?? '';
    const etag = first.headers.get('etag') ?? '';
    const status = async (headers: Record<string, string>): Promise<number> =>
      (await get('dists/trixie/InRelease', headers)).status;
    expect(await status({ 'If-Modified-Since': modified })).toBe(304);
    const earlier = new Date(Date.parse(modified) - 1000).toUTCString();
    expect(await status({ 'If-Modified-Since': earlier })).toBe(200);
    expect(await status({ 'If-Modified-Since': 'yesterday' })).toBe(200);
    expect(await status({ 'If-None-Match': etag })).toBe(304);
    expect(await status({ 'If-None-Match': '"x"', 'If-Modified-Since': modified })).toBe(200);
  });

  test('HEAD', async () => {
    const response = await fetch(server.url + DEB, { method: 'HEAD' });
    expect(response.headers.get('content-length')).toBe('10');
    expect(await response.text()).toBe('');
    expect((await fetch(server.url + DEB, { method: 'POST' })).status).toBe(404);
  });
});

describe('what is not there', () => {
  test.each([
    '/nothing',
    `/${DEB}/`,
    '/.tmp-x',
    '/dists/trixie/.generations.json',
    '/link',
    '/folder-link/',
    '/folder-link/secret',
    '/sibling/file',
    '/../outside/secret',
    '/%2e%2e/outside/secret',
    '/..%2foutside/secret',
    '/dists/..%2f..%2f..%2foutside/secret',
    '/%00',
    '/%ff',
    '/%',
    `/${'x'.repeat(300)}`,
  ])('%s', async (target) => {
    expect(await rawStatus(target)).toBe(404);
  });

  test('no path leads out (any)', () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        const name = decodePath(text) ?? '';
        const resolved = path.resolve('/top', name);
        expect(resolved === '/top' || resolved.startsWith('/top/')).toBe(true);
        expect(/(?:^|\/)\./.test(name)).toBe(false);
      }),
    );
  });

  test('a range lies within the file (any)', () => {
    fc.assert(
      fc.property(fc.nat(99), fc.nat(99), fc.integer({ min: 1, max: 50 }), (first, last, size) => {
        for (const header of [`bytes=${first}-${last}`, `bytes=${first}-`, `bytes=-${last}`]) {
          const range = parseRange(header, size);
          const { start, end } = typeof range === 'string' ? { start: 0, end: 0 } : range;
          expect(0 <= start && start <= end && end < size).toBe(true);
        }
      }),
    );
  });
});

describe('folders', () => {
  test('are listed, with names as they are and nothing hidden', async () => {
    const response = await get('');
    const page = await response.text();
    expect(response.headers.get('content-type')).toContain('text/html');
    expect(page).toContain('<a href="./%3Cb%3E%26%22x">&lt;b&gt;&amp;&quot;x</a>');
    expect(page).toContain('<a href="./dists/">dists/</a>');
    expect(page).not.toContain('<b>');
    expect(page).not.toContain('.tmp-x');
    expect(await (await get('%3Cb%3E%26%22x')).text()).toBe('odd');
  });

  test('show their index.html', async () => {
    expect(await (await get('pages/')).text()).toBe('<p>page</p>');
  });

  test('have a slash at their end', async () => {
    const response = await get('pages');
    expect(response.status).toBe(301);
    expect(response.headers.get('location')).toBe('/pages/');
  });
});

test('a port that is taken is said', async () => {
  const port = Number(new URL(server.url).port);
  await expect(serveRepository(root, { port })).rejects.toMatchObject({ code: 'PORT_IN_USE' });
  await expect(serveRepository(root, { port: 0, host: '192.0.2.1' })).rejects.toMatchObject({
    code: 'ENVIRONMENT',
  });
});
