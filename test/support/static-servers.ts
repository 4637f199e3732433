import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders } from 'node:http';
import * as net from 'node:net';

/** A web server on this machine. */
export interface StaticServer extends AsyncDisposable {
  /** Ends with a slash. */
  url: string;
}

/** A port that nobody listens on now. */
export async function freePort(): Promise<number> {
  const server = net.createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  return typeof address === 'object' && address !== null ? address.port : 0;
}

/** Waits until something listens on a port; throws when `ended` is first. */
export async function listening(port: number, ended: Promise<unknown>): Promise<void> {
  let hasEnded = false;
  const note = (): void => {
    hasEnded = true;
  };
  void ended.then(note, note);
  for (;;) {
    const socket = net.connect(port, '127.0.0.1');
    const isThere = await once(socket, 'connect').then(
      () => true,
      () => false,
    );
    socket.destroy();
    if (isThere) {
      return;
    }
    if (hasEnded) {
      throw new Error(`nobody listens on port ${port}`);
    }
    await new Promise((resolve) => {
      setTimeout(resolve, 20);
    });
  }
}

/** busybox's httpd: a web server that knows nothing of what it serves, and no conditional requests. */
export async function busyboxServer(directory: string): Promise<StaticServer> {
  for (let left = 5; ; left -= 1) {
    const port = await freePort();
    const args = ['httpd', '-f', '-p', `127.0.0.1:${port}`, '-h', directory];
    const child = spawn('busybox', args, { stdio: 'ignore' });
    const ended = once(child, 'close');
    try {
      await listening(port, ended);
    } catch (error) {
      // Somebody else may have taken the port meanwhile.
      if (left === 0) {
        throw error;
      }
      continue;
    }
    return {
      url: `http://127.0.0.1:${port}/`,
      async [Symbol.asyncDispose]() {
        child.kill('SIGKILL');
        await ended;
      },
    };
  }
}

/** A server before another one, which holds back answers. */
export interface HoldingServer extends StaticServer {
  /** Holds requests for addresses of this form back from now on. @returns what lets them go on */
  hold(pattern: RegExp): { held: Promise<void>; release: () => void };
}

function headersOf(headers: IncomingHttpHeaders): Record<string, string> {
  const names = ['if-modified-since', 'if-none-match', 'if-range', 'range'];
  return Object.fromEntries(
    names.flatMap((name) => {
      const value = headers[name];
      return typeof value === 'string' ? [[name, value]] : [];
    }),
  );
}

/** @param upstream address of the server that answers */
export async function holdingServer(upstream: string): Promise<HoldingServer> {
  let gate: { pattern: RegExp; arrive: () => void; open: Promise<void> } | undefined;
  const server = createServer((request, response) => {
    void (async () => {
      const address = request.url ?? '/';
      if (gate?.pattern.test(address) === true) {
        gate.arrive();
        await gate.open;
      }
      const answer = await fetch(new URL(address, upstream), {
        headers: headersOf(request.headers),
      });
      const body = Buffer.from(await answer.arrayBuffer());
      response.writeHead(answer.status, Object.fromEntries(answer.headers));
      response.end(body);
    })().catch((error: unknown) => response.destroy(error instanceof Error ? error : undefined));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const bound = server.address();
  const port = typeof bound === 'object' && bound !== null ? bound.port : 0;
  return {
    url: `http://127.0.0.1:${port}/`,
    hold(pattern) {
      let arrive = (): void => undefined;
      let release = (): void => undefined;
      const held = new Promise<void>((resolve) => {
        arrive = resolve;
      });
      const open = new Promise<void>((resolve) => {
        release = resolve;
      });
      gate = { pattern, arrive, open };
      return {
        held,
        release: () => {
          gate = undefined;
          release();
        },
      };
    },
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}
