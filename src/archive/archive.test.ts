import * as fs from 'node:fs/promises';
import type { Server } from 'node:http';
import * as path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { sha256File } from '../core/hash.ts';
import { lockstepErrorOf } from '../core/testing/errors.ts';
import { useScratch } from '../core/testing/scratch.ts';
import type { LockstepEvent } from '../model/events.ts';
import { ArchiveGroup } from './group.ts';
import type { ArchiveEntry } from './suite-sources.ts';
import { makeKey, makeRepository, serveFolder, type TestKey } from './testing/repository.ts';

const at = useScratch('archive');
let key: TestKey;
let server: Server;
let address: string;
let requests: string[];
let counter = 0;
const events: LockstepEvent[] = [];

const PACKAGES = [
  { name: 'linux-image-amd64', version: '1:1.0-1', depends: 'base, tool (>= 2)' },
  { name: 'base', version: '1.0+x~1' },
  { name: 'tool', version: '2.0-1', depends: 'base' },
  { name: 'unused', version: '3' },
];

beforeAll(async () => {
  key = await makeKey(at('key'));
  ({ server, address, requests } = await serveFolder(at()));
  await makeRepository(at('good'), { suite: 'trixie', packages: PACKAGES, key });
});

afterAll(() => {
  server.close();
});

async function open(folder: string, more: Partial<ArchiveEntry> = {}): Promise<ArchiveGroup> {
  counter += 1;
  return ArchiveGroup.open({
    name: 'trixie',
    root: at(`root-${counter}`),
    debs: at(`debs-${counter}`),
    entries: [
      {
        suites: ['trixie'],
        components: ['main'],
        mirror: `${address}/${folder}`,
        keyring: key.keyring,
        checkValidUntil: true,
        ...more,
      },
    ],
    base: [],
    architectures: ['amd64'],
    machine: {
      sources: [],
      codename: 'trixie',
      architecture: 'amd64',
      transport: ['Acquire::http::Proxy "DIRECT";', 'Acquire::Retries "0";'],
    },
    emit: (event) => events.push(event),
  });
}

/** A repository like the good one, with something done to its suite. */
async function damaged(
  name: string,
  damage: (dists: string, repository: string) => Promise<unknown>,
  release: Record<string, string> = {},
): Promise<string> {
  const dists = await makeRepository(at(name), {
    suite: 'trixie',
    packages: PACKAGES.slice(1, 2),
    release,
    key,
  });
  await damage(dists, at(name));
  return name;
}

describe('a good archive', () => {
  test('is read, fetched from and not fetched from twice', async () => {
    const archive = await open('good');
    expect(await archive.refresh()).toMatchObject([{ suite: 'trixie', state: 'good' }]);
    const [release] = await archive.facts();
    expect(release).toMatchObject({ suite: 'trixie', codename: 'trixie' });
    expect(release?.validUntil).toBeUndefined();
    expect(Math.abs(Date.parse(release?.date ?? '') - Date.now())).toBeLessThan(600_000);
    const [index, ...others] = await archive.indices();
    expect(others).toEqual([]);
    expect(index).toMatchObject({
      base: `${address}/good/`,
      suite: 'trixie',
      component: 'main',
      architecture: 'amd64',
    });
    const chunks: Uint8Array[] = [];
    for await (const chunk of index === undefined ? [] : archive.readIndex(index)) {
      chunks.push(chunk);
    }
    expect(Buffer.concat(chunks)).toEqual(
      await fs.readFile(at('good/dists/trixie/main/binary-amd64/Packages')),
    );

    const closure = await archive.closure(['linux-image-amd64']);
    const facts = closure.map(({ name, version }) => `${name} ${version}`);
    expect(facts.toSorted()).toEqual([
      ...['base 1.0+x~1', 'linux-image-amd64 1:1.0-1', 'tool 2.0-1'],
    ]);
    const files = await archive.fetch(closure);
    for (const [position, file] of files.entries()) {
      expect(await sha256File(file)).toBe(closure[position]?.sha256);
      expect((await fs.stat(file)).size).toBe(closure[position]?.size);
    }
    expect((await fs.readdir(path.dirname(files[0] ?? ''))).length).toBe(3);
    const before = requests.length;
    expect(await archive.fetch(closure)).toEqual(files);
    expect(requests.length).toBe(before);
  });

  test('refuses names that it does not have, and dependencies that cannot be met', async () => {
    const archive = await open('good');
    await archive.refresh();
    const error = await lockstepErrorOf(() => archive.closure(['base', 'no-such-package']));
    expect(error.code).toBe('PACKAGE_UNKNOWN');
    expect(error.message).toContain('no-such-package');
  });

  test('an index that cannot be read to its end is an error', async () => {
    const archive = await open('good');
    await archive.refresh();
    const [index] = await archive.indices();
    const file = index?.file ?? '';
    await fs.writeFile(file, (await fs.readFile(file)).subarray(0, -20));
    const reading = (async () => {
      let bytes = 0;
      for await (const chunk of index === undefined ? [] : archive.readIndex(index)) {
        bytes += chunk.length;
      }
      return bytes;
    })();
    await expect(reading).rejects.toThrow('cat-file');
  });
});

describe('an archive with something wrong', () => {
  const code = async (archive: Promise<ArchiveGroup>): Promise<string> => {
    const opened = await archive;
    const error = await lockstepErrorOf(() => opened.refresh());
    expect(error.hint).toBeTypeOf('string');
    return error.code;
  };

  test('past its Valid-Until', async () => {
    const past = new Date(Date.now() - 86_400_000).toUTCString();
    const name = await damaged('expired', async () => undefined, { 'Valid-Until': past });
    expect(await code(open(name))).toBe('ARCHIVE_EXPIRED');
    const archive = await open(name, { checkValidUntil: false });
    events.length = 0;
    await archive.refresh();
    expect(events).toMatchObject([{ type: 'warning', code: 'ARCHIVE_EXPIRED' }]);
  });

  test('no such suite, no such component', async () => {
    expect(await code(open('good', { suites: ['forky'] }))).toBe('SUITE_UNKNOWN');
    expect(await code(open('good', { components: ['main', 'contrib'] }))).toBe('SUITE_UNKNOWN');
  });

  test('not signed, signed by another key, altered after it was signed, cut short', async () => {
    await makeRepository(at('unsigned'), { suite: 'trixie', packages: [], key: undefined });
    expect(await code(open('unsigned'))).toBe('ARCHIVE_UNSIGNED');
    const other = await makeKey(at('other-key'));
    expect(await code(open('good', { keyring: other.keyring }))).toBe('ARCHIVE_UNSIGNED');
    const edit = (change: (text: string) => string) => async (dists: string) => {
      const file = path.join(dists, 'InRelease');
      await fs.writeFile(file, change(await fs.readFile(file, 'utf8')));
    };
    const changed = edit((text) => text.replace('Components: main', 'Components: mine'));
    expect(await code(open(await damaged('changed', changed)))).toBe('ARCHIVE_UNSIGNED');
    const short = edit((text) => text.slice(0, 300));
    expect(['ARCHIVE_ALTERED', 'ARCHIVE_UNSIGNED']).toContain(
      await code(open(await damaged('short', short))),
    );
  });

  test('indices that are not what the Release file says', async () => {
    const edit = (change: (content: Buffer) => Buffer) => async (dists: string) => {
      for (const name of ['Packages', 'Packages.gz']) {
        const file = path.join(dists, 'main/binary-amd64', name);
        await fs.writeFile(file, change(await fs.readFile(file)));
      }
    };
    const flip = edit((content) => {
      content.writeUInt8(content.readUInt8(30) === 65 ? 66 : 65, 30);
      return content;
    });
    expect(await code(open(await damaged('flipped', flip)))).toBe('ARCHIVE_ALTERED');
    const longer = edit((content) => Buffer.concat([content, content]));
    expect(await code(open(await damaged('longer', longer)))).toBe('ARCHIVE_ALTERED');
  });

  test('out of reach', async () => {
    const nowhere = { mirror: 'http://127.0.0.1:9' };
    expect(await code(open('good', nowhere))).toBe('ARCHIVE_UNREACHABLE');
    const unknown = { mirror: 'http://no-such-host.invalid' };
    expect(await code(open('good', unknown))).toBe('ARCHIVE_UNREACHABLE');
    const gone = await damaged('gone', (dists) =>
      fs.rm(path.join(dists, 'main'), { recursive: true }),
    );
    expect(await code(open(gone))).toBe('ARCHIVE_UNREACHABLE');
  });

  test('packages that are altered or gone are not kept', async () => {
    for (const [name, expected] of [
      ['altered', 'ARCHIVE_ALTERED'],
      ['missing', 'ARCHIVE_UNREACHABLE'],
    ]) {
      await makeRepository(at(name ?? ''), { suite: 'trixie', packages: PACKAGES, key });
      const archive = await open(name ?? '');
      await archive.refresh();
      const closure = await archive.closure(['linux-image-amd64']);
      const file = at(name ?? '', 'pool/tool_2.0-1_amd64.deb');
      if (name === 'altered') {
        const content = await fs.readFile(file);
        content.writeUInt8(content.readUInt8(200) === 65 ? 66 : 65, 200);
        await fs.writeFile(file, content);
      } else {
        await fs.rm(file);
      }
      const error = await lockstepErrorOf(() => archive.fetch(closure));
      expect(error.code).toBe(expected);
      const kept = await fs.readdir(archive.options.debs);
      expect(kept.filter((entry) => entry.endsWith('.deb'))).toEqual([]);
    }
  });

  test('a keyring that is missing is named', async () => {
    const error = await lockstepErrorOf(() => open('good', { keyring: at('no.gpg') }));
    expect(error.code).toBe('ENVIRONMENT');
    expect(error.message).toContain(at('no.gpg'));
  });
});
