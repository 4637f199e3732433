import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { useScratch } from '../core/testing/scratch.ts';
import { openRunLog } from './log.ts';

const at = useScratch('log');
const lineSchema = z.looseObject({ time: z.iso.datetime(), msg: z.string(), level: z.number() });

describe('the log of a run', () => {
  test('has a JSON object a line, each with its time', () => {
    const log = openRunLog(at('one'), 'run');
    log.present({ type: 'plan', total: 3, queued: 1 });
    log.present({ type: 'warning', code: 'X', message: 'two\nlines \u001b[31m' });
    log.error(new Error('why'));
    log.close();
    const lines = readFileSync(log.file, 'utf8')
      .trim()
      .split('\n')
      .map((line) => lineSchema.parse(JSON.parse(line)));
    expect(lines).toMatchObject([
      { msg: 'plan', type: 'plan', total: 3, queued: 1 },
      { msg: 'warning', message: 'two\nlines \u001b[31m' },
      { msg: 'error', err: { message: 'why' } },
    ]);
  });

  test('is one of the newest 30 that are kept; other files stay', () => {
    mkdirSync(at('many/log'), { recursive: true });
    for (let n = 10; n < 60; n += 1) {
      writeFileSync(at(`many/log/2020-01-${n}-run-1.jsonl`), '');
    }
    writeFileSync(at('many/log/notes.txt'), '');
    const log = openRunLog(at('many'), 'run');
    log.close();
    const names = readdirSync(at('many/log')).toSorted();
    expect(names).toHaveLength(31);
    expect(names).toContain('notes.txt');
    expect(names.filter((name) => name < '2020-01-31')).toEqual([]);
    expect(names.some((name) => log.file.endsWith(name))).toBe(true);
  });
});
