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

/** Kills a publication at a call, and lets clients see what it left. @returns the call at which it was killed */
async function killAt({ what, place, ...rest }: DiskCall): Promise<string> {
  let at = place;
  for (let left = 20; left > 0; left -= 1) {
    const next = publishing(live + 1);
    const killed = await publishKilled(next, { ...rest, place: at });
    if (killed.at?.what === what) {
      await Promise.all(clients.map((client) => client.wholeCycle()));
    } else {
      // libuv's own calls of that name, by which it wakes the main thread, are not always as many.
      at = killed.calls.find((call) => call.what === what)?.place ?? at + 1;
    }
    await publishWhole(next);
    live += 1;
    // Whoever began three generations ago may lack a file after the next one.
    await Promise.all(clients.map((client) => client.hasBegunAt(live - 1)));
    if (killed.at?.what === what) {
      return killed.at.what;
    }
  }
  throw new Error(`never killed at ${what}`);
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
      const killed: string[] = [];
      try {
        for (const call of wanted) {
          killed.push(await killAt(call));
        }
      } finally {
        await Promise.allSettled(clients.map((client) => client.stop()));
      }
      expect(killed).toEqual(wanted.map(({ what }) => what));
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
