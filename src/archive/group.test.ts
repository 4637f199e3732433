import * as fs from 'node:fs/promises';
import type { Server } from 'node:http';
import * as path from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { lockstepErrorOf } from '../core/testing/errors.ts';
import { useScratch } from '../core/testing/scratch.ts';
import { slow } from '../../test/support/tier.ts';
import type { LockstepEvent } from '../model/events.ts';
import { ArchiveGroup, type ArchiveGroupOptions } from './group.ts';
import { readMachineApt } from './machine.ts';
import { makeKey, makeRepository, serveFolder, type TestKey } from './testing/repository.ts';

const at = useScratch('archive-group');
const PACKAGES = [
  { name: 'linux-image-amd64', version: '1:1.0-1', depends: 'base' },
  { name: 'base', version: '1.0' },
];
let key: TestKey;
let server: Server;
let address: string;
let requests: string[];
let counter = 0;
const events: LockstepEvent[] = [];

beforeAll(async () => {
  key = await makeKey(at('key'));
  ({ server, address, requests } = await serveFolder(at()));
});

afterAll(() => {
  server.close();
});

beforeEach(() => {
  counter += 1;
  events.length = 0;
});

const repository = (): string => at(`repository-${counter}`);

async function make(packages = PACKAGES, release: Record<string, string> = {}): Promise<string> {
  return await makeRepository(repository(), { suite: 'trixie', packages, release, key });
}

async function open(
  more: Partial<ArchiveGroupOptions> = {},
  entry: Partial<ArchiveGroupOptions['entries'][number]> = {},
): Promise<ArchiveGroup> {
  return await ArchiveGroup.open({
    name: 'trixie',
    root: at(`root-${counter}`),
    debs: at(`debs-${counter}`),
    entries: [
      {
        suites: ['trixie'],
        components: ['main'],
        mirror: `${address}/${path.basename(repository())}`,
        keyring: key.keyring,
        checkValidUntil: true,
        ...entry,
      },
    ],
    base: [],
    architectures: 'all',
    machine: {
      sources: [],
      codename: 'trixie',
      architecture: 'amd64',
      transport: ['Acquire::http::Proxy "DIRECT";', 'Acquire::Retries "0";'],
    },
    emit: (event) => events.push(event),
    ...more,
  });
}

/** All of the one index, as it is read by. */
async function contentOf(group: ArchiveGroup): Promise<string> {
  const [index, ...others] = await group.indices();
  expect(others).toEqual([]);
  const chunks: Uint8Array[] = [];
  for await (const chunk of index === undefined ? [] : group.readIndex(index)) {
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString();
}

async function spoil(dists: string): Promise<void> {
  for (const name of ['Packages', 'Packages.gz']) {
    await fs.appendFile(path.join(dists, 'main/binary-amd64', name), 'x');
  }
}

describe('an archive', () => {
  test('is opened and asked without the network, and read by a refresh', async () => {
    const dists = await make();
    const before = requests.length;
    const group = await open();
    expect(await group.indices()).toEqual([]);
    expect(await group.statuses()).toEqual([]);
    expect(requests.length).toBe(before);
    expect((await lockstepErrorOf(() => group.closure(['base']))).code).toBe('ARCHIVE_UNREACHABLE');

    expect(await group.refresh()).toMatchObject([
      { suite: 'trixie', component: 'main', architecture: 'amd64', state: 'good' },
    ]);
    expect(events).toEqual([]);
    expect(await group.facts()).toMatchObject([
      { suite: 'trixie', codename: 'trixie', architectures: ['amd64'], components: ['main'] },
    ]);
    expect(await contentOf(group)).toBe(
      await fs.readFile(path.join(dists, 'main/binary-amd64/Packages'), 'utf8'),
    );
    const closure = await group.closure(['linux-image-amd64']);
    expect(closure.map(({ name }) => name).toSorted()).toEqual(['base', 'linux-image-amd64']);
    expect(await group.fetch(closure)).toHaveLength(2);

    const asked = requests.length;
    const again = await open();
    expect(await again.statuses()).toEqual(await group.statuses());
    expect(await again.indices()).toEqual(await group.indices());
    expect(requests.length).toBe(asked);
  });

  test('has the index of the machine’s own architecture also when only others are wanted', async () => {
    const dists = await makeRepository(repository(), {
      ...{ suite: 'trixie', packages: PACKAGES, key, architectures: ['amd64', 'arm64'] },
    });
    const group = await open({ architectures: ['arm64'] });
    const statuses = await group.refresh();
    expect(statuses.filter(({ architecture }) => architecture === 'amd64')).toEqual([]);
    expect(await contentOf(group)).toBe(
      await fs.readFile(path.join(dists, 'main/binary-amd64/Packages'), 'utf8'),
    );
    // Nobody is told of it when it is bad: nothing that is wanted is missing.
    await spoil(dists);
    await group.refresh();
    expect(events.filter((event) => JSON.stringify(event).includes('amd64'))).toEqual([]);
  });

  test('keeps the last good copy of an index that is bad, and takes the next good one', async () => {
    await make();
    const group = await open();
    const [good] = await group.refresh();
    const content = await contentOf(group);
    const solver = await group.solverState();

    const newer = [...PACKAGES, { name: 'newer', version: '2' }];
    await spoil(await make(newer));
    for (const _again of [1, 2]) {
      events.length = 0;
      const [stale, ...others] = await group.refresh();
      expect(others).toEqual([]);
      expect(stale).toMatchObject({
        state: 'stale',
        lastGood: good?.lastGood,
        problem: { code: 'ARCHIVE_ALTERED' },
      });
      expect(events).toMatchObject([{ type: 'warning', code: 'ARCHIVE_ALTERED' }]);
      expect(JSON.stringify(events)).toMatch(
        /trixie \(main\) for amd64: .*; the last good copy of /,
      );
      expect(await contentOf(group)).toBe(content);
      expect(await group.closure(['base'])).toHaveLength(1);
    }
    expect(await group.solverState()).toBe(solver);

    await make(newer);
    const [fresh] = await group.refresh();
    expect(fresh).toMatchObject({ state: 'good', problem: undefined });
    expect((fresh?.lastGood ?? '') > (good?.lastGood ?? 'z')).toBe(true);
    expect(await contentOf(group)).toContain('Package: newer');
    expect(await group.closure(['newer'])).toHaveLength(1);
    expect(await group.solverState()).not.toBe(solver);
  });

  test('out of reach, or past its Valid-Until, is used as it was', async () => {
    await make();
    await (await open()).refresh();
    const content = await contentOf(await open());
    const past = new Date(Date.now() - 86_400_000).toUTCString();
    await make(PACKAGES, { 'Valid-Until': past });
    const group = await open();
    expect(await group.refresh()).toMatchObject([
      { state: 'stale', problem: { code: 'ARCHIVE_EXPIRED' } },
    ]);
    await fs.rm(repository(), { recursive: true });
    expect(await group.refresh()).toMatchObject([
      { state: 'stale', problem: { code: 'SUITE_UNKNOWN' } },
    ]);
    expect(await contentOf(group)).toBe(content);
    await make(PACKAGES, { 'Valid-Until': past });
    events.length = 0;
    const lenient = await open({}, { checkValidUntil: false });
    expect(await lenient.refresh()).toMatchObject([{ state: 'good', problem: undefined }]);
    expect(events).toMatchObject([{ type: 'warning', code: 'ARCHIVE_EXPIRED' }]);
  });

  test('is mended after a refresh that was killed at any point', async () => {
    await make();
    const group = await open();
    await group.refresh();
    const content = await contentOf(group);
    const root = at(`root-${counter}`, 'amd64');
    // apt has committed a newer state; what this program notes of it is missing.
    const state = await fs.readFile(path.join(root, 'state.json'));
    await make([...PACKAGES, { name: 'newer', version: '2' }]);
    await group.refresh();
    await fs.writeFile(path.join(root, 'state.json'), state);
    expect(await contentOf(group)).toBe(content);
    const third = [...PACKAGES, { name: 'third', version: '3' }];
    await spoil(await make(third));
    expect(await group.refresh()).toMatchObject([{ state: 'stale' }]);
    expect(await contentOf(group)).toContain('Package: newer');
    await fs.writeFile(path.join(root, 'state.json'), '{"version":1');
    await make(third);
    expect(await group.refresh()).toMatchObject([{ state: 'good' }]);
    expect(await contentOf(group)).toContain('Package: third');
  });
});

describe('what is wrong from the start', () => {
  test('is told by its name', async () => {
    await make();
    const code = async (
      more: Partial<ArchiveGroupOptions>,
      entry: Partial<ArchiveGroupOptions['entries'][number]>,
    ): Promise<string> => {
      counter += 1;
      const mirror = `${address}/${path.basename(at(`repository-${counter - 1}`))}`;
      const group = await open(more, { mirror, ...entry });
      const error = await lockstepErrorOf(() => group.refresh());
      counter -= 1;
      await fs.rm(at(`root-${counter + 1}`), { recursive: true });
      return `${error.code} ${error.exitCode}`;
    };
    expect(await code({}, { suites: ['forky'] })).toBe('SUITE_UNKNOWN 2');
    expect(await code({}, { suites: ['trixie', 'forky'] })).toBe('SUITE_UNKNOWN 2');
    expect(await code({}, { components: ['main', 'contrib'] })).toBe('SUITE_UNKNOWN 2');
    expect(await code({ architectures: ['amd64', 'vax'] }, {})).toBe('USAGE 2');
    expect(await code({}, { mirror: 'http://127.0.0.1:9' })).toBe('ARCHIVE_UNREACHABLE 3');
    const other = await makeKey(at('other-key'));
    expect(await code({}, { keyring: other.keyring })).toBe('ARCHIVE_UNSIGNED 3');
    await spoil(path.join(repository(), 'dists/trixie'));
    expect(await code({}, {})).toBe('ARCHIVE_ALTERED 3');
    const error = await lockstepErrorOf(() => open({}, { keyring: at('no.gpg') }));
    expect(error.code).toBe('ENVIRONMENT');
  });
});

describe.runIf(slow)('the machine’s own mirror', () => {
  test('gives what is good of it, and says what is not', { timeout: 300_000 }, async () => {
    const group = await ArchiveGroup.open({
      name: 'trixie',
      root: at('real'),
      debs: at('real-debs'),
      entries: [{ suites: ['trixie-security'], components: ['main'], checkValidUntil: false }],
      base: [{ suites: ['trixie'], components: ['main'], checkValidUntil: false }],
      architectures: 'all',
      machine: { ...(await readMachineApt()), architecture: 'amd64' },
      emit: (event) => events.push(event),
    });
    const statuses = await group.refresh();
    expect(statuses.map(({ architecture }) => architecture)).toEqual(
      expect.arrayContaining(['amd64', 'arm64', 'armhf', 's390x']),
    );
    for (const { architecture, state, problem } of statuses) {
      expect(state === 'good').toBe(problem === undefined);
      const warned = events.some((event) => JSON.stringify(event).includes(architecture));
      expect(warned).toBe(problem !== undefined);
    }
    const good = statuses.filter(({ state }) => state === 'good');
    expect(good.map(({ architecture }) => architecture)).toContain('amd64');
    expect(await group.indices()).toHaveLength(good.length);
    expect((await group.indices()).every(({ suite }) => suite === 'trixie-security')).toBe(true);
    // gcc is of the base alone.
    expect((await group.closure(['gcc'])).length).toBeGreaterThan(10);
  });
});
