import * as fs from 'node:fs/promises';
import * as path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ensureSigningKey, type SigningKey } from '../src/publisher/key.ts';
import { type RepositoryServer, serveRepository } from '../src/publisher/serve.ts';
import { checkPlainNames } from '../src/publisher/testing/consistency.ts';
import { makeDeb } from '../src/publisher/testing/debs.ts';
import { makeScratch } from '../src/publisher/testing/scratch.ts';
import { AptClient } from './support/apt-client.ts';
import { type ClientRoot, clientRoot } from './support/client-root.ts';
import {
  type DiskCall,
  type Publishing,
  publishKilled,
  publishTraced,
  publishWhole,
} from './support/publisher-kill.ts';
import { busyboxServer, holdingServer, type StaticServer } from './support/static-servers.ts';
import { slow } from './support/tier.ts';

const MINUTES = 60_000;

let root: string;
let key: SigningKey;
let repository: string;
let served: RepositoryServer;
let plain: StaticServer;
let clients: AptClient[];
const roots: ClientRoot[] = [];
/** The generation that is published. */
let live = 0;

/** Clients read by Lockstep's own server and by one that only knows files. */
const MACHINES = slow
  ? ([
      ['bookworm', 'plain'],
      ['trixie', 'served'],
      ['sid', 'plain'],
    ] as const)
  : ([['trixie', 'served']] as const);

beforeAll(async () => {
  root = await makeScratch('lockstep-clients-');
  // apt reads as another user.
  await fs.chmod(root, 0o755);
  key = await ensureSigningKey(path.join(root, 'key'), 'Crash');
  repository = path.join(root, 'repository');
  await fs.mkdir(repository);
  served = await serveRepository(repository, { port: 0 });
  plain = await busyboxServer(repository);
  // From the fifth on each generation takes the place of one that is removed.
  for (let generation = 1; generation <= 5; generation += 1) {
    await publishWhole(publishing(generation));
    live = generation;
  }
  const sources = await fs.readFile(path.join(repository, 'trixie.sources'), 'utf8');
  clients = [];
  for (const [codename, server] of MACHINES) {
    const machine = await clientRoot(codename);
    roots.push(machine);
    const { url } = server === 'plain' ? plain : served;
    const own = sources.replace(/^URIs: .*$/m, `URIs: ${url}`);
    const name = `${codename} by ${url}`;
    clients.push(await AptClient.make({ name, root: machine, sources: own }, () => live));
  }
}, 10 * MINUTES);

afterAll(async () => {
  for (const machine of roots) {
    await machine[Symbol.asyncDispose]();
  }
  await plain[Symbol.asyncDispose]();
  await served.close();
  await fs.rm(root, { recursive: true, force: true });
});

/** A generation: a package replaced, one replaced that it needs in this very version, one added and one removed. */
function publishing(generation: number): Publishing {
  const version = String(generation);
  const needs = `Depends: beta (= ${version}), extra-${version}\n`;
  const yesterday = Date.now() - 24 * 60 * MINUTES;
  return {
    scratch: root,
    key,
    scenario: {
      directory: repository,
      stateDirectory: path.join(root, 'state'),
      url: served.url,
      date: new Date(yesterday + generation * 1000).toISOString(),
      debs: [
        makeDeb(root, { name: 'alpha', version, extra: needs }),
        makeDeb(root, { name: 'beta', version }),
        makeDeb(root, { name: `extra-${version}`, version: '1' }),
      ],
      fingerprint: key.fingerprint,
      publicKey: key.publicKey,
    },
  };
}

/** Calls at which a sample of kills is made, in their order. */
const SAMPLE = [
  /^rename \S*\/by-hash\/SHA256\/HASH #2$/,
  /^rename \S*\/Packages\.gz #1$/,
  /^rename \S*\/InRelease #1$/,
  /^unlink \S*\/pool\/\S* #1$/,
];

/** Calls to kill at, all of them or a sample. */
function wantedOf(calls: readonly DiskCall[]): DiskCall[] {
  return slow
    ? [...calls]
    : SAMPLE.map((pattern) => {
        const found = calls.find(({ what }) => pattern.test(what));
        if (found === undefined) {
          throw new Error(`no call is ${pattern.source}: ${calls.map(({ what }) => what).join()}`);
        }
        return found;
      });
}

/** Whether a call writes a page of SQLite's: one publication has more of them, another fewer. */
function isPage({ name }: DiskCall): boolean {
  return name === 'pwrite64';
}

/**
 * Kills a publication at a call, and lets clients see what it left.
 *
 * @param usual the calls of another publication
 * @returns whether it was killed there; not, when it made no such call
 */
async function killAt(wanted: DiskCall, usual: readonly DiskCall[]): Promise<boolean> {
  const places = new Map(usual.map(({ what, place }) => [what, place]));
  let { place } = wanted;
  for (let left = 20; left > 0; left -= 1) {
    const next = publishing(live + 1);
    const { ending, calls, at } = await publishKilled(next, { ...wanted, place });
    const isThere = at !== undefined && (at.what === wanted.what || (isPage(at) && isPage(wanted)));
    if (isThere) {
      await Promise.all(clients.map((client) => client.wholeCycle()));
    }
    await publishWhole(next);
    live += 1;
    // Whoever began three generations ago may lack a file after the next one.
    await Promise.all(clients.map((client) => client.hasBegunAt(live - 1)));
    const made = calls.find(({ what }) => what === wanted.what);
    if (isThere || (ending === '0' && made === undefined && isPage(wanted))) {
      return isThere;
    }
    // libuv's own writes, by which it wakes the main thread, are not always as many: as far as the last one was from its place.
    const last = calls.findLast(({ name, what }) => name === wanted.name && places.has(what));
    const shift = last === undefined ? 1 : last.place - (places.get(last.what) ?? last.place);
    const guess = made?.place ?? wanted.place + shift;
    place = guess === place ? place + 1 : guess;
  }
  throw new Error(`never killed at ${wanted.what}`);
}

describe('a publisher that is killed at system calls while machines update and install', () => {
  test(
    'leaves them without an error and without a mix',
    async () => {
      const changes = await publishTraced(publishing(live + 1), 'changes');
      live += 1;
      const later = new Set(changes.map(({ what }) => what));
      const all = await publishTraced(publishing(live + 1), 'begins');
      live += 1;
      // Before, packages are read side by side, and how often libuv writes to wake the main thread is never the same: a
      // write is not to be found by its number. What is written then is a cache, whole or not at all.
      const before = all.filter(({ what, name }) => !later.has(what) && name !== 'write');
      // SQLite's pages are not always as many.
      const known = new Set(all.map(({ what }) => what));
      const calls = [...before, ...changes.filter(({ what }) => known.has(what))];
      // Everything that the publisher does to the disk is there, so nothing was overlooked.
      for (const name of ['mkdir', 'openat', 'write', 'fsync', 'link', 'rename', 'unlink']) {
        expect(calls.some(({ what }) => what.startsWith(name))).toBe(true);
      }
      const wanted = wantedOf(calls);
      for (const client of clients) {
        client.start();
      }
      const passed: DiskCall[] = [];
      try {
        for (const call of wanted) {
          if (!(await killAt(call, calls))) {
            passed.push(call);
          }
        }
      } finally {
        await Promise.allSettled(clients.map((client) => client.stop()));
      }
      expect(passed.length).toBeLessThan(20);
      for (const client of clients) {
        await client.stop();
        expect(await client.cycle()).toBe(live);
        const { seen } = client;
        expect(seen.length).toBeGreaterThan(wanted.length);
        expect(seen).toEqual([...seen].sort((a, b) => a - b));
      }
      checkPlainNames(repository, 'trixie');
      const names = await fs.readdir(repository, { recursive: true });
      expect(names.filter((name) => name.includes('.tmp-'))).toEqual([]);
      expect(names.filter((name) => name.endsWith('.deb')).length).toBe(9);
    },
    120 * MINUTES,
  );
});

describe('a reader that is in the middle while others are published', () => {
  /** A machine whose apt is held back when it asks for what has this form, until so many generations were published. */
  async function heldBack(pattern: RegExp, generations: number): Promise<number> {
    await using gate = await holdingServer(served.url);
    const machine = roots[0];
    if (machine === undefined) {
      throw new Error('there is no machine');
    }
    const text = await fs.readFile(path.join(repository, 'trixie.sources'), 'utf8');
    const sources = text.replace(/^URIs: .*$/m, `URIs: ${gate.url}`);
    const client = await AptClient.make({ name: 'held', root: machine, sources }, () => live);
    const { held, release } = gate.hold(pattern);
    const cycle = client.cycle();
    try {
      await Promise.race([held, cycle]);
      for (let count = 0; count < generations; count += 1) {
        await publishWhole(publishing(live + 1));
        live += 1;
      }
    } finally {
      release();
    }
    return await cycle;
  }

  test.each([
    ['after InRelease, before its indices', /\/by-hash\//],
    ['after its indices, before a package', /\/alpha_/],
  ])('%s: two publications later it has its generation whole', async (_when, pattern) => {
    const before = live;
    expect(await heldBack(pattern, 2)).toBe(before);
  });

  test('three publications later it is told so, and has no mix', async () => {
    await expect(heldBack(/\/by-hash\//, 3)).rejects.toThrow(/^(?:E|Err):/m);
  });
});
