import { randomBytes } from 'node:crypto';
import * as fs from 'node:fs/promises';
import * as http from 'node:http';
import * as path from 'node:path';
import { sha256 } from '../../src/core/hash.ts';
import { runProgram } from '../../src/programs/run.ts';
import { testCache } from './cache.ts';
import { debianAccess } from './mirror.ts';

/** What the mirror does instead of serving a file as it is. */
export type Behaviour =
  | { kind: 'status'; status: number }
  /** The connection is reset before the first byte. */
  | { kind: 'reset' }
  /** Half of the body; the length says all of it, then the connection ends. */
  | { kind: 'truncated' }
  /** Half of the body, with a length that says so. */
  | { kind: 'short' }
  /** One bit of the middle byte is another one. */
  | { kind: 'flipped' }
  /** A few bytes at a time. */
  | { kind: 'trickle'; bytesPerSecond: number }
  /** Headers, then nothing. */
  | { kind: 'hang' }
  /** The body and then as many bytes as somebody takes, up to `bytes`. */
  | { kind: 'endless'; bytes: number }
  /** Another body in its place. */
  | { kind: 'swapped'; body: Buffer };

export interface SteerableMirror extends AsyncDisposable {
  /** Address for an archive's `mirror:`; the security archive lies at `securityUrl`. */
  url: string;
  securityUrl: string;
  /** Paths that were asked for, from `/debian` on, in order. */
  requests: string[];
  /** Paths and statuses of the answers, in order; 304 for a file that the client has. */
  answers: { name: string; status: number }[];
  /** How many bytes of bodies without end were taken. */
  flooded(): number;
  /** From now on a path that matches is served so; what was steered last counts. */
  steer(pattern: RegExp, behaviour: Behaviour): void;
  /** Everything is served as it is again. */
  calm(): void;
  /**
   * Serves a body of the test's own at a path below the mirror: `dists/trixie/InRelease`, or from the top:
   * `/debian-security/dists/trixie-security/InRelease`.
   */
  put(name: string, body: Buffer | string): void;
  /** What is served of the test's own there. */
  own(name: string): Buffer | undefined;
  /** The body of a file as Debian's mirror has it; named as for `put`. */
  original(name: string): Promise<Buffer>;
  /** Fetches a file from Debian's mirror again when it is asked for the next time. */
  forget(name: string): Promise<void>;
}

/** Files whose content never changes under their name. */
const LASTING = /\/pool\/|\/by-hash\//;
const FRESH_MILLISECONDS = 600_000;

/** Fetches from the machine's own mirrors as its apt is configured (proxies, TLS), once, into the test cache. */
class Upstream {
  readonly #pending = new Map<string, Promise<Buffer>>();

  get(name: string): Promise<Buffer> {
    const pending = this.#pending.get(name) ?? this.#fetch(name);
    this.#pending.set(name, pending);
    pending.catch(() => this.#pending.delete(name));
    return pending;
  }

  async forget(name: string): Promise<void> {
    const { file } = await this.#placeOf(name);
    await fs.rm(file, { force: true });
    this.#pending.delete(name);
  }

  async #placeOf(name: string): Promise<{ address: string; file: string }> {
    const cache = path.join(path.dirname((await testCache()).archives), 'steerable');
    await fs.mkdir(cache, { recursive: true });
    const access = await debianAccess();
    const security = name.startsWith('/debian-security/');
    const base = access.mirrorOf(security ? 'trixie-security' : 'trixie').replace(/\/$/, '');
    const address = base + name.slice(security ? '/debian-security'.length : '/debian'.length);
    return { address, file: path.join(cache, sha256(address)) };
  }

  async #fetch(name: string): Promise<Buffer> {
    const { address, file } = await this.#placeOf(name);
    const stat = await fs.stat(file).catch(() => undefined);
    const fresh = stat !== undefined && Date.now() - stat.mtimeMs < FRESH_MILLISECONDS;
    if (!fresh && !(LASTING.test(name) && stat !== undefined)) {
      const temporary = `${file}.${randomBytes(4).toString('hex')}`;
      const options = ['-o', 'APT::Sandbox::User=root'];
      await runProgram('/usr/lib/apt/apt-helper', [
        ...options,
        'download-file',
        address,
        temporary,
      ]);
      const now = new Date();
      await fs.utimes(temporary, now, now);
      await fs.rename(temporary, file);
    }
    return fs.readFile(file);
  }
}

function flipMiddle(body: Buffer): Buffer {
  const copy = Buffer.from(body);
  const at = Math.floor(copy.length / 2);
  copy[at] = (copy[at] ?? 0) ^ 1;
  return copy;
}

function trickle(response: http.ServerResponse, body: Buffer, bytesPerSecond: number): void {
  response.writeHead(200, { 'content-length': body.length });
  let sent = 0;
  const timer = setInterval(() => {
    response.write(body.subarray(sent, sent + bytesPerSecond));
    sent += bytesPerSecond;
    if (sent >= body.length) {
      clearInterval(timer);
      response.end();
    }
  }, 1000);
  response.once('close', () => {
    clearInterval(timer);
  });
}

function flood(
  response: http.ServerResponse,
  body: Buffer,
  bytes: number,
  sent: (count: number) => void,
): void {
  response.writeHead(200, { connection: 'close' });
  response.write(body);
  const chunk = Buffer.alloc(1024 * 1024);
  let left = bytes;
  const more = (): void => {
    while (left > 0) {
      left -= chunk.length;
      sent(chunk.length);
      if (!response.write(chunk)) {
        response.once('drain', more);
        return;
      }
    }
    response.end();
  };
  more();
}

function answer(
  response: http.ServerResponse,
  body: Buffer,
  behaviour: Behaviour | undefined,
  flooded: (count: number) => void,
  headers: http.OutgoingHttpHeaders,
): void {
  const whole = (content: Buffer): void => {
    response.writeHead(200, { ...headers, 'content-length': content.length });
    response.end(content);
  };
  const half = body.subarray(0, Math.floor(body.length / 2));
  switch (behaviour?.kind) {
    case undefined:
      whole(body);
      break;
    case 'status':
      response.writeHead(behaviour.status);
      response.end();
      break;
    case 'reset':
      response.socket?.resetAndDestroy();
      break;
    case 'truncated':
      response.writeHead(200, { 'content-length': body.length });
      response.write(half, () => response.socket?.destroy());
      break;
    case 'short':
      whole(half);
      break;
    case 'flipped':
      whole(flipMiddle(body));
      break;
    case 'trickle':
      trickle(response, body, behaviour.bytesPerSecond);
      break;
    case 'hang':
      response.writeHead(200, { 'content-length': body.length });
      response.flushHeaders();
      break;
    case 'endless':
      flood(response, body, behaviour.bytes, flooded);
      break;
    case 'swapped':
      whole(behaviour.body);
      break;
  }
}

/** A name from the top of the server. */
function fromTop(name: string): string {
  return name.startsWith('/') ? name : `/debian/${name}`;
}

/** A mirror on 127.0.0.1 that has what Debian's mirror has, and serves it as a test wants. */
export async function steerableMirror(): Promise<SteerableMirror> {
  const upstream = new Upstream();
  const own = new Map<string, Buffer>();
  /** Milliseconds since 1970, in whole seconds. */
  const modified = new Map<string, number>();
  const requests: string[] = [];
  const answers: SteerableMirror['answers'] = [];
  let floodedBytes = 0;
  let rules: { pattern: RegExp; behaviour: Behaviour }[] = [];

  async function serve(
    name: string,
    { headers }: http.IncomingMessage,
    response: http.ServerResponse,
  ): Promise<void> {
    const behaviour = rules.findLast(({ pattern }) => pattern.test(name))?.behaviour;
    let body = own.get(name) ?? Buffer.alloc(0);
    const bodiless = behaviour?.kind === 'status' || behaviour?.kind === 'reset';
    if (!own.has(name) && !bodiless) {
      const inOwnSuite = [...own.keys()].some(
        (file) => file.endsWith('/InRelease') && name.startsWith(`${path.dirname(file)}/`),
      );
      const found = inOwnSuite ? undefined : await upstream.get(name).catch(() => undefined);
      if (found === undefined) {
        response.writeHead(404);
        response.end();
        return;
      }
      body = found;
    }
    const changed = modified.get(name);
    const date = changed === undefined ? undefined : new Date(changed).toUTCString();
    if (behaviour === undefined && date !== undefined && headers['if-modified-since'] === date) {
      response.writeHead(304);
      response.end();
      return;
    }
    const flooded = (count: number): void => {
      floodedBytes += count;
    };
    answer(response, body, behaviour, flooded, date === undefined ? {} : { 'last-modified': date });
  }

  const server = http.createServer((request, response) => {
    const name = decodeURIComponent(request.url ?? '/');
    requests.push(name);
    response.once('close', () => answers.push({ name, status: response.statusCode }));
    serve(name, request, response).catch((error: unknown) => {
      response.destroy(error instanceof Error ? error : undefined);
    });
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  return {
    url: `http://127.0.0.1:${port}/debian`,
    securityUrl: `http://127.0.0.1:${port}/debian-security`,
    requests,
    answers,
    flooded: () => floodedBytes,
    steer(pattern, behaviour) {
      rules.push({ pattern, behaviour });
    },
    calm() {
      rules = [];
    },
    put(name, body) {
      const at = fromTop(name);
      const second = Math.floor(Date.now() / 1000) * 1000;
      // A date has whole seconds: what changes twice in one is changed later still.
      modified.set(at, Math.max(second, (modified.get(at) ?? 0) + 1000));
      own.set(at, Buffer.from(body));
    },
    own: (name) => own.get(fromTop(name)),
    original: (name) => upstream.get(fromTop(name)),
    forget: (name) => upstream.forget(fromTop(name)),
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => {
        server.close(resolve);
      });
    },
  };
}
