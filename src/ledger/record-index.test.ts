import * as fs from 'node:fs/promises';
import * as path from 'node:path';
import { describe, expect, test } from 'vitest';
import { useScratch } from '../core/testing/scratch.ts';
import { Ledger } from './ledger.ts';
import { putRecord } from './testing/put.ts';
import { makeRecord } from './testing/records.ts';

const at = useScratch('record-index');

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
        await putRecord(ledger, record);
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
    await putRecord(again, makeRecord('d'));
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
        await putRecord(ledger, record);
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
