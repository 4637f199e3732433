import * as fs from 'node:fs/promises';
import * as path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { RsyncDestination } from '../src/publisher/destinations/rsync.ts';
import { ensureSigningKey, type SigningKey } from '../src/publisher/key.ts';
import { publish } from '../src/publisher/publish.ts';
import { checkPlainNames } from '../src/publisher/testing/consistency.ts';
import { makeDeb } from '../src/publisher/testing/debs.ts';
import { makeScratch } from '../src/publisher/testing/scratch.ts';
import { AptClient } from './support/apt-client.ts';
import { type ClientRoot, clientRoot } from './support/client-root.ts';
import { type Kill, sshHost, type SshHost } from './support/ssh-host.ts';
import { busyboxServer, type StaticServer } from './support/static-servers.ts';
import { slow } from './support/tier.ts';
import { fingerprint } from './support/traces.ts';

const MINUTES = 60_000;

let root: string;
let key: SigningKey;
let repository: string;
/** The folder of the other host. */
let remote: string;
let host: SshHost;
let destination: RsyncDestination;
let server: StaticServer;
let machine: ClientRoot;
let client: AptClient;
/** The generation that was published last, and the one that was brought to the other host. */
let published = 0;
let live = 0;

beforeAll(async () => {
  root = await makeScratch('lockstep-push-');
  await fs.chmod(root, 0o755);
  key = await ensureSigningKey(path.join(root, 'key'), 'Push');
  repository = path.join(root, 'repository');
  remote = path.join(root, 'srv/a+b~c/repository');
  await fs.mkdir(path.join(root, 'ssh'));
  host = await sshHost(path.join(root, 'ssh'));
  destination = new RsyncDestination({
    directory: repository,
    stateDirectory: path.join(root, 'state'),
    destination: `${host.address}:${remote}`,
    sshConfig: host.config,
  });
  for (let count = 0; count < 4; count += 1) {
    await publishNext();
  }
  await push();
  await fs.writeFile(path.join(remote, 'robots.txt'), 'theirs\n');
  await fs.mkdir(path.join(remote, 'other'));
  await fs.writeFile(path.join(remote, 'other/file'), 'theirs\n');
  server = await busyboxServer(remote);
  machine = await clientRoot('trixie');
  const sources = (await fs.readFile(path.join(remote, 'trixie.sources'), 'utf8')).replace(
    /^URIs: .*$/m,
    `URIs: ${server.url}`,
  );
  client = await AptClient.make({ name: 'trixie', root: machine, sources }, () => live);
}, 10 * MINUTES);

afterAll(async () => {
  await machine[Symbol.asyncDispose]();
  await server[Symbol.asyncDispose]();
  await host[Symbol.asyncDispose]();
  await fs.rm(root, { recursive: true, force: true });
});

/** Publishes the next generation here, with a page of its status site. */
async function publishNext(): Promise<void> {
  published += 1;
  const version = String(published);
  const needs = `Depends: beta (= ${version}), extra-${version}\n`;
  const suite = { suite: 'trixie', codename: 'trixie', component: 'main' };
  await publish(
    {
      directory: repository,
      stateDirectory: path.join(root, 'publisher'),
      ...{ origin: 'Push', key, url: 'http://localhost/' },
      date: new Date(Date.now() - 24 * 60 * MINUTES + published * 1000),
    },
    [
      {
        ...suite,
        architectures: ['amd64'],
        debs: [
          makeDeb(root, { name: 'alpha', version, extra: needs }),
          makeDeb(root, { name: 'beta', version }),
          makeDeb(root, { name: `extra-${version}`, version: '1' }),
        ],
      },
    ],
  );
  await fs.rm(path.join(repository, 'status'), { recursive: true, force: true });
  await fs.mkdir(path.join(repository, 'status'), { recursive: true });
  await fs.writeFile(path.join(repository, `status/${version}.html`), version);
  await fs.writeFile(path.join(repository, 'index.html'), version);
}

async function push(): Promise<number> {
  const { changed } = await destination.push();
  live = published;
  return changed;
}

/** What a folder has, without time stamps and what is of no use elsewhere. */
async function contentOf(folder: string): Promise<string[]> {
  const all = await fingerprint(folder);
  return [...all]
    .map(([name, value]) => `${name} ${value.replace(/ [\d.]+$/, '')}`)
    .filter((line) => !/\.generations\.json|^\/?(?:robots\.txt|other)/.test(line))
    .toSorted();
}

async function expectSame(): Promise<void> {
  checkPlainNames(remote, 'trixie');
  expect(await contentOf(remote)).toEqual(await contentOf(repository));
  expect(await fs.readFile(path.join(remote, 'robots.txt'), 'utf8')).toBe('theirs\n');
  expect(await fs.readdir(path.join(remote, 'other'))).toEqual(['file']);
}

/** Each of the five calls of rsync, before its first file has its name, and later. */
const KILLS: readonly Kill[] = [
  { command: 1, call: 'rename', place: 1 },
  { command: 1, call: 'rename', place: 2 },
  { command: 1, call: 'rename', place: 5 },
  { command: 2, call: 'rename', place: 1 },
  { command: 2, call: 'rename', place: 3 },
  { command: 3, call: 'rename', place: 1 },
  { command: 4, call: 'rename', place: 1 },
  { command: 4, call: 'rename', place: 2 },
  { command: 5, call: 'unlink', place: 1 },
  { command: 5, call: 'unlink', place: 3 },
];

describe('a push over ssh', () => {
  test('brings everything, leaves alone what is not Lockstep’s, and then has nothing to do', async () => {
    await expectSame();
    expect(await push()).toBe(0);
    await expectSame();
  });

  test(
    'that is killed leaves machines without an error and without a mix; the next one goes on',
    async () => {
      client.start();
      try {
        for (const kill of slow ? KILLS : KILLS.slice(3, 5)) {
          await publishNext();
          await host.kill(kill);
          const failure = destination.push();
          await expect(failure).rejects.toMatchObject({ code: 'DESTINATION_FAILED' });
          expect(await host.commands()).toBe(kill.command);
          await client.wholeCycle();
          await host.kill(undefined);
          await push();
          await expectSame();
          await client.hasBegunAt(live - 1);
        }
      } finally {
        await client.stop();
      }
      expect(await client.cycle()).toBe(live);
    },
    30 * MINUTES,
  );

  test('removes nothing that the state before names, however many were passed over', async () => {
    await expectSame();
    const before = await contentOf(remote);
    for (let count = 0; count < 4; count += 1) {
      await publishNext();
    }
    await push();
    const after = new Set(await contentOf(remote));
    // Plain indices, InRelease and the pages are other ones now; packages and indices by hash are all there.
    const lost = before.filter((line) => /\/pool\/|^pool\/|by-hash/.test(line) && !after.has(line));
    expect(before.filter((line) => /pool\/|by-hash/.test(line)).length).toBeGreaterThan(10);
    expect(lost).toEqual([]);
    await push();
    await expectSame();
  });

  test('says what is wrong', async () => {
    const to = (where: string): Promise<unknown> =>
      new RsyncDestination({
        directory: repository,
        stateDirectory: path.join(root, 'state'),
        destination: where,
        sshConfig: host.config,
      }).push();
    await expect(to(`${host.address}:/proc/nowhere`)).rejects.toMatchObject({
      code: 'DESTINATION_FAILED',
    });
    await expect(to(`nobody-here@mirror.test:${remote}`)).rejects.toMatchObject({
      code: 'DESTINATION_FAILED',
      hint: 'this has to work without a question: ssh -o BatchMode=yes nobody-here@mirror.test true',
    });
    await fs.mkdir(path.join(root, 'empty'));
    const empty = new RsyncDestination({
      directory: path.join(root, 'empty'),
      stateDirectory: path.join(root, 'state'),
      destination: `${host.address}:${remote}`,
      sshConfig: host.config,
    });
    await expect(empty.push()).rejects.toMatchObject({ code: 'DESTINATION_FAILED' });
    await expectSame();
  });
});
