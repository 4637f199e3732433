import { execFile } from 'node:child_process';
import * as fs from 'node:fs/promises';
import * as path from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, test } from 'vitest';
import { exists } from '../core/files.ts';
import { sha256 } from '../core/hash.ts';
import { lockstepErrorOf } from '../core/testing/errors.ts';
import { useScratch } from '../core/testing/scratch.ts';
import { Ledger } from './ledger.ts';
import type { Publications } from './schema.ts';
import { putRecord } from './testing/put.ts';
import { makeRecord } from './testing/records.ts';

const at = useScratch('ledger');
const run = promisify(execFile);

describe('a record', () => {
  test('is got as it was put, with its files, also by another process', async () => {
    const record = makeRecord('demo');
    const { key } = record;
    {
      using ledger = await Ledger.open(at('one'));
      expect(ledger.get(key)).toBeUndefined();
      await putRecord(ledger, record, 'content');
      expect(ledger.get(key)).toEqual(record);
    }
    using again = await Ledger.open(at('one'));
    expect(again.get(key)).toEqual(record);
    expect(await fs.readFile(again.moduleFile(key, 'demo.ko'), 'utf8')).toBe('content');
    expect(await fs.readFile(again.logFile(key), 'utf8')).toBe('log of content\n');
    expect(String(await again.copyright(key))).toBe('copyright of content');
    expect(await again.copyright(sha256('other'))).toBeUndefined();
  });

  test('takes the place of the one before, and nothing of that is left', async () => {
    using ledger = await Ledger.open(at('two'));
    const record = makeRecord('demo', { outcome: 'broken' });
    await putRecord(ledger, record, 'first');
    await fs.writeFile(path.join(ledger.folderOf(record.key), 'modules/old.ko'), '');
    const second = { ...record, outcome: 'built' as const, attempts: 2 };
    await putRecord(ledger, second, 'second');
    expect(ledger.all()).toEqual([second]);
    expect(await fs.readdir(path.dirname(ledger.folderOf(record.key)))).toEqual([record.key]);
    expect(await fs.readdir(path.join(ledger.folderOf(record.key), 'modules'))).toEqual([
      'demo.ko',
    ]);
  });

  test('may have no log and no copyright', async () => {
    using ledger = await Ledger.open(at('bare'));
    const record = makeRecord('demo', { outcome: 'broken', modules: [] });
    await ledger.put(record, { modules: [], log: at('missing'), copyright: undefined });
    expect(ledger.get(record.key)).toEqual(record);
    expect(await exists(ledger.logFile(record.key))).toBe(false);
  });

  test('all come in the order in which they ended', async () => {
    using ledger = await Ledger.open(at('order'));
    for (const [name, minute] of [
      ['b', 2],
      ['c', 3],
      ['a', 1],
    ]) {
      await putRecord(
        ledger,
        makeRecord(`${name}`, { finished: `2026-01-01T00:0${minute}:00.000Z` }),
      );
    }
    expect(ledger.all().map((record) => record.module)).toEqual(['a', 'b', 'c']);
  });
});

test('the packages of a build root are there as long as a build names it', async () => {
  using ledger = await Ledger.open(at('roots'));
  const [one, other] = ['one', 'other'].map((name) => makeRecord(name, { root: sha256(name) }));
  const packages = [{ name: 'make', version: '4.4-1', architecture: 'amd64' }];
  for (const record of [one, other]) {
    await putRecord(ledger, record ?? makeRecord('none'));
    await ledger.putRoot(record?.root ?? '', packages);
  }
  expect(await ledger.root(sha256('one'))).toEqual(packages);
  expect(await ledger.unnamedRoots()).toEqual([]);
  const file = path.join(ledger.directory, 'roots', `${sha256('other')}.json`);
  expect(await ledger.unnamedRoots(new Set([other?.key ?? '']))).toEqual([file]);
  await ledger.remove(other?.key ?? '');
  expect(await ledger.unnamedRoots()).toEqual([file]);
});

describe('putting that is killed', () => {
  test('leaves the old build, the new one or none, and never a record without its files', async () => {
    const child = path.join(import.meta.dirname, 'testing/put-child.ts');
    const first = makeRecord('demo', { reason: 'first', outcome: 'broken' });
    await fs.writeFile(at('log'), 'log');
    const prepare = async (folder: string): Promise<void> => {
      await fs.rm(folder, { recursive: true, force: true });
      using ledger = await Ledger.open(folder);
      await putRecord(ledger, first, 'first');
    };
    const folder = at('killed');
    await prepare(folder);
    const trace = at('trace');
    const strace = (...inject: string[]): Promise<unknown> =>
      run(
        'strace',
        [
          ...['-f', '-qq', '-o', trace, '-e', 'trace=fsync,/^rename,/^unlink,?rmdir', ...inject],
          ...[process.execPath, child, folder, at('log')],
        ],
        { env: { ...process.env, UV_THREADPOOL_SIZE: '1' } },
      ).catch((error: unknown) => error);
    await strace();
    const counts = new Map<string, number>();
    for (const line of (await fs.readFile(trace, 'utf8')).split('\n')) {
      // The index is written by the main thread, everything else by the one file thread.
      const call = /^\d+ +(?<call>\w+)\(/.exec(line)?.groups?.['call'];
      if (call !== undefined && !line.includes('index.sqlite')) {
        counts.set(call, (counts.get(call) ?? 0) + 1);
      }
    }
    const renames = [...counts].find(([call]) => call.startsWith('rename'));
    expect(renames?.[1]).toBeGreaterThan(3);
    const seen = new Set<string>();
    for (const [call, count] of counts) {
      for (let when = 1; when <= count; when += 1) {
        await prepare(folder);
        await strace('-e', `inject=${call}:signal=SIGKILL:when=${when}`);
        using ledger = await Ledger.open(folder);
        const record = ledger.get(first.key);
        const file = ledger.moduleFile(first.key, 'demo.ko');
        const content = await fs.readFile(file, 'utf8').catch(() => 'none');
        // A folder without a record is as good as none: the next build of this key replaces it.
        expect(record?.reason ?? content).toBe(content);
        seen.add(record?.reason ?? 'none');
        await putRecord(ledger, makeRecord('demo', { reason: 'third' }), 'third');
        expect(await fs.readdir(path.dirname(ledger.folderOf(first.key)))).toEqual([first.key]);
        expect(await fs.readFile(file, 'utf8')).toBe('third');
      }
    }
    expect([...seen].toSorted()).toContain('none');
  });
});

describe('when kernels were first seen', () => {
  const early = new Date('2026-01-01T00:00:00Z');
  const late = new Date('2026-02-02T00:00:00Z');

  test('stays as it was', async () => {
    using ledger = await Ledger.open(at('seen'));
    await ledger.firstSeen(['a', 'b'], early);
    const seen = await ledger.firstSeen(['b', 'c'], late);
    expect(Object.fromEntries(seen)).toEqual({
      a: early.toISOString(),
      b: early.toISOString(),
      c: late.toISOString(),
    });
  });

  test.each(['{', '{"a": 1}', '[]', ''])('is asked for when the file has %j', async (text) => {
    using ledger = await Ledger.open(at('seen-damaged'));
    await fs.writeFile(at('seen-damaged/seen.json'), text);
    const error = await lockstepErrorOf(() => ledger.firstSeen(['a'], early));
    expect(error.code).toBe('REPOSITORY_INVALID');
    expect(error.message).toContain(at('seen-damaged/seen.json'));
  });
});

describe('publications', () => {
  const publications: Publications = {
    trixie: {
      'demo-modules-6.12-amd64:amd64': {
        version: '1.0-1+6.12.117+1',
        architecture: 'amd64',
        file: `${sha256('x')}/demo.deb`,
        sha256: sha256('deb'),
        identity: sha256('identity'),
        since: '2026-01-01T00:00:00.000Z',
        key: sha256('demo'),
        kind: 'module',
        module: 'demo',
        moduleVersion: '1.0-1',
        kernel: '6.12.117+deb13-amd64/amd64/6.12.117-1',
      },
      'demo-modules-rt-amd64:amd64': {
        version: '1',
        architecture: 'amd64',
        file: 'a/c.deb',
        sha256: sha256('deb'),
        identity: sha256('identity'),
        since: '2026-01-01T00:00:00.000Z',
        kind: 'tracking',
        module: 'demo',
        moduleVersion: '1.0-1',
        kernel: '6.12.117+deb13-rt-amd64/amd64/6.12.117-1',
        track: 'rt-amd64',
      },
      'demo-modules-amd64:amd64': {
        version: '1',
        architecture: 'amd64',
        file: 'a/b.deb',
        sha256: sha256('deb'),
        identity: sha256('identity'),
        since: '2026-01-01T00:00:00.000Z',
      },
    },
  };

  test('are what was set', async () => {
    using ledger = await Ledger.open(at('publications'));
    expect(await ledger.publications()).toEqual({});
    await ledger.setPublications(publications);
    expect(await ledger.publications()).toEqual(publications);
    const file = at('publications/publications.json');
    await fs.utimes(file, 1000, 1000);
    await ledger.setPublications(publications);
    expect((await fs.stat(file)).mtimeMs).toBe(1_000_000);
  });

  test.each(['{', '', '[]', '{"trixie": 1}', '{"trixie": {"a": {"version": "1"}}}'])(
    'that are damaged are an error for people: %j',
    async (text) => {
      using ledger = await Ledger.open(at('publications-damaged'));
      await fs.writeFile(at('publications-damaged/publications.json'), text);
      const error = await lockstepErrorOf(() => ledger.publications());
      expect(error.code).toBe('REPOSITORY_INVALID');
      expect(error.message).toContain('publications.json is damaged');
      expect(error.hint).toContain('remove it');
    },
  );
});
