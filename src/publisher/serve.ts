import * as fs from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import * as path from 'node:path';
import { createAdaptorServer } from '@hono/node-server';
import { Hono } from 'hono';
import { html } from 'hono/html';
import { errnoOf, LockstepError } from '../core/errors.ts';
import { PAGE_POLICY } from '../core/page-policy.ts';
import { decodePath, findBelow, respondWithFile } from './serve-files.ts';

export interface ServeOptions {
  /** 0 takes any free one. */
  port: number;
  host?: string;
}

export interface RepositoryServer {
  /** Address of the repository's root, with a slash at its end. */
  url: string;
  /** Ends all connections and stops listening. */
  close(): Promise<void>;
}

/** What pages say themselves, and what only a header can say. */
const POLICY = [...PAGE_POLICY, "frame-ancestors 'none'"].join('; ');

/** The page that lists a folder, for people. */
async function listingOf(directory: string, name: string): Promise<string> {
  const entries = (await fs.readdir(directory, { withFileTypes: true }))
    .filter((entry) => !entry.name.startsWith('.'))
    .map((entry) => (entry.isDirectory() ? `${entry.name}/` : entry.name))
    .sort();
  const title = name === '' ? '/' : `/${name}/`;
  const links = [...(name === '' ? [] : ['../']), ...entries].map((entry) => {
    const address = `./${entry.split('/').map(encodeURIComponent).join('/')}`;
    return html`<li><a href="${address}">${entry}</a></li>`;
  });
  return String(
    await html`<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><title>${title}</title></head>
<body><h1>${title}</h1><ul>${links}</ul></body>
</html>
`,
  );
}

async function respond(root: string, request: Request): Promise<Response | undefined> {
  const { pathname } = new URL(request.url);
  const name = decodePath(pathname);
  const found = name === undefined ? undefined : await findBelow(root, name);
  if (name === undefined || found === undefined) {
    return undefined;
  }
  if (found.status.isFile()) {
    return pathname.endsWith('/') ? undefined : respondWithFile(found.file, request);
  }
  if (!found.status.isDirectory()) {
    return undefined;
  }
  if (!pathname.endsWith('/')) {
    const address = `/${name.split('/').map(encodeURIComponent).join('/')}/`;
    return new Response(null, { status: 301, headers: { Location: address } });
  }
  const index = await findBelow(root, path.join(name, 'index.html'));
  if (index?.status.isFile() === true) {
    return respondWithFile(index.file, request);
  }
  const page = await listingOf(found.file, name);
  return new Response(request.method === 'HEAD' ? null : page, {
    headers: { 'Content-Type': 'text/html; charset=utf-8' },
  });
}

/** The request handler of `serveRepository`. */
export function repositoryApp(directory: string): Hono {
  const app = new Hono();
  app.use(async (context, next) => {
    await next();
    context.res.headers.set('Content-Security-Policy', POLICY);
    context.res.headers.set('X-Content-Type-Options', 'nosniff');
    context.res.headers.set('Referrer-Policy', 'no-referrer');
  });
  // Where Prometheus looks.
  app.get('/metrics', (context) => context.redirect('/status/metrics.txt', 307));
  app.get(
    '*',
    async (context) => (await respond(directory, context.req.raw)) ?? context.notFound(),
  );
  app.notFound((context) => context.text('not found\n', 404));
  app.onError((_error, context) => context.text('internal error\n', 500));
  return app;
}

/**
 * Serves a repository over HTTP: conditional requests and ranges as apt asks for them, folders as lists. Names that
 * begin with a dot are not there, nor is anything outside of the folder, also by way of symbolic links.
 *
 * @throws LockstepError PORT_IN_USE, ENVIRONMENT when the address can't be listened on
 */
export async function serveRepository(
  directory: string,
  options: ServeOptions,
): Promise<RepositoryServer> {
  const { port, host = '127.0.0.1' } = options;
  const server = createAdaptorServer({ fetch: repositoryApp(path.resolve(directory)).fetch });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, resolve);
  }).catch((error: unknown) => {
    if (errnoOf(error) === 'EADDRINUSE') {
      throw new LockstepError('PORT_IN_USE', `port ${port} of ${host} is in use`, {
        hint: 'choose another one: --port 0 takes any that is free',
        cause: error,
      });
    }
    throw new LockstepError('ENVIRONMENT', `can't listen on port ${port} of ${host}`, {
      hint: 'ports below 1024 are for root; the host has to be an address of this machine',
      cause: error,
    });
  });
  const address: AddressInfo | string | null = server.address();
  const bound = typeof address === 'object' && address !== null ? address.port : port;
  return {
    url: `http://${host.includes(':') ? `[${host}]` : host}:${bound}/`,
    close: () =>
      new Promise((resolve, reject) => {
        server.close((error) => (error === undefined ? resolve() : reject(error)));
        if ('closeAllConnections' in server) {
          server.closeAllConnections();
        }
      }),
  };
}
