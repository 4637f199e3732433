import { execFile } from 'node:child_process';
import * as fs from 'node:fs/promises';
import * as path from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, test } from 'vitest';
import { exists } from '../core/files.ts';
import { sha256 } from '../core/hash.ts';
import { lockstepErrorOf } from '../core/testing/errors.ts';
import { useScratch } from '../core/testing/scratch.ts';
import type { BuildRecord } from '../model/records.ts';
import { type BuildFiles, Ledger, parseRecord } from './ledger.ts';
import type { Publications } from './schema.ts';
import { makeRecord } from './testing/records.ts';

const at = useScratch('ledger');
const run = promisify(execFile);

async function filesOf(text: string): Promise<BuildFiles> {
  await fs.writeFile(at('log'), `log of ${text}\n`);
  return {
    modules: [{ name: 'demo.ko', content: Buffer.from(text) }],
    log: at('log'),
    copyright: Buffer.from(`copyright of ${text}`),
  };
}

async function put(ledger: Ledger, record: BuildRecord, text = record.reason): Promise<void> {
  await ledger.put(record, await filesOf(text));
}

describe('a record', () => {
  test('is got as it was put, with its files, also by another process', async () => {
    const record = makeRecord('demo');
    const { key } = record;
    {
      using ledger = await Ledger.open(at('one'));
      expect(ledger.get(key)).toBeUndefined();
      await put(ledger, record, 'content');
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
    await put(ledger, record, 'first');
    await fs.writeFile(path.join(ledger.folderOf(record.key), 'modules/old.ko'), '');
    const second = { ...record, outcome: 'built' as const, attempts: 2 };
    await put(ledger, second, 'second');
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
      await put(ledger, makeRecord(`${name}`, { finished: `2026-01-01T00:0${minute}:00.000Z` }));
    }
    expect(ledger.all().map((record) => record.module)).toEqual(['a', 'b', 'c']);
  });
});

describe('the index', () => {
  const states: [string, (file: string) => Promise<void>][] = [
    ['deleted', (file) => fs.rm(file)],
    ['emptied', (file) => fs.truncate(file)],
    ['no database', (file) => fs.writeFile(file, 'x'.repeat(10_000))],
    [
      'cut short',
      async (file) => {
        await fs.truncate(file, Math.floor((await fs.stat(file)).size / 2) + 7);
      },
    ],
    [
      'overwritten after its header',
      async (file) => {
        const content = await fs.readFile(file);
        await fs.writeFile(file, content.fill(0xaa, 100));
      },
    ],
    [
      'of another version',
      async (file) => {
        const { DatabaseSync } = await import('node:sqlite');
        const database = new DatabaseSync(file);
        database.exec('DROP TABLE records; CREATE TABLE records (x); PRAGMA user_version = 99');
        database.close();
      },
    ],
  ];

  test.each(states)('that was %s is made anew from the records', async (name, damage) => {
    const folder = at(`index ${name}`);
    const records = ['a', 'b', 'c'].map((module) => makeRecord(module));
    {
      using ledger = await Ledger.open(folder);
      for (const record of records) {
        await put(ledger, record);
      }
    }
    await damage(path.join(folder, 'index.sqlite'));
    using again = await Ledger.open(folder);
    expect(
      again
        .all()
        .map((record) => record.module)
        .toSorted(),
    ).toEqual(['a', 'b', 'c']);
    expect(again.get(records[1]?.key ?? '')).toEqual(records[1]);
    await put(again, makeRecord('d'));
    expect(again.all()).toHaveLength(4);
  });

  test('passes over what is no record', async () => {
    const folder = at('damaged');
    const keys: string[] = [];
    {
      using ledger = await Ledger.open(folder);
      for (const name of ['good', 'cut', 'other', 'missing', 'moved']) {
        const record = makeRecord(name);
        keys.push(record.key);
        await put(ledger, record);
      }
    }
    const [good = '', cut = '', other = '', missing = '', moved = ''] = keys.map((key) =>
      path.join(folder, 'builds', key.slice(0, 2), key),
    );
    await fs.truncate(path.join(cut, 'record.json'), 100);
    await fs.writeFile(path.join(other, 'record.json'), '{"key": 1}');
    await fs.rm(path.join(missing, 'record.json'));
    const elsewhere = JSON.stringify(makeRecord('elsewhere'));
    await fs.writeFile(path.join(moved, 'record.json'), elsewhere);
    await fs.writeFile(path.join(folder, 'builds/stray'), 'x');
    await fs.writeFile(path.join(path.dirname(good), 'stray'), 'x');
    await fs.rm(path.join(folder, 'index.sqlite'));
    using again = await Ledger.open(folder);
    expect(again.all().map((record) => record.module)).toEqual(['good']);
  });
});

test('text that is no record is none', () => {
  const good = JSON.stringify(makeRecord('demo'));
  expect(parseRecord(good)).toEqual(makeRecord('demo'));
  for (const [from, to] of [
    ['"built"', '"nonsense"'],
    ['"demo.ko"', '"../demo.ko"'],
    ['"demo.ko"', '"/etc/x.ko"'],
    ['"xz"', '"rar"'],
    ['"/usr/lib/modules"', '"/etc"'],
    ['2026-01-01T00:00:00.000Z', 'yesterday'],
    ['"inputs":"', '"inputs":"x'],
  ]) {
    const text = good.replace(from ?? '', to ?? '');
    expect(text).not.toBe(good);
    expect(parseRecord(text)).toBeUndefined();
  }
  for (const json of ['', '{', '[]', 'null', 7, undefined, null]) {
    expect(parseRecord(json)).toBeUndefined();
  }
});

test('a record of an earlier version lacks what that did not keep', () => {
  const { inputs: _inputs, root: _root, ...old } = makeRecord('demo');
  expect(parseRecord(JSON.stringify(old))).toEqual({ ...old, inputs: '', root: '' });
});

describe('putting that is killed', () => {
  test('leaves the old build, the new one or none, and never a record without its files', async () => {
    const child = path.join(import.meta.dirname, 'testing/put-child.ts');
    const first = makeRecord('demo', { reason: 'first', outcome: 'broken' });
    await fs.writeFile(at('log'), 'log');
    const prepare = async (folder: string): Promise<void> => {
      await fs.rm(folder, { recursive: true, force: true });
      using ledger = await Ledger.open(folder);
      await put(ledger, first, 'first');
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
        await put(ledger, makeRecord('demo', { reason: 'third' }), 'third');
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
