import * as fs from 'node:fs/promises';
import * as path from 'node:path';
import { expect, test } from 'vitest';
import { useScratch } from '../core/testing/scratch.ts';
import { makeSiteData } from '../site/testing/site-data.ts';
import { readSiteNote, siteKey, templatesHash, writeSiteNote } from './site-key.ts';

const at = useScratch('site-key');
const SIZE = { modules: 2, kernels: 6 };

test('the key is that of all that is shown, but for the time', async () => {
  const data = makeSiteData(SIZE);
  const key = siteKey(data, 'a');
  expect(siteKey({ ...makeSiteData(SIZE), at: '2030-01-01T00:00:00.000Z' }, 'a')).toBe(key);
  expect(siteKey(data, await templatesHash())).not.toBe(key);
  expect(await templatesHash()).toBe(await templatesHash());
  const [cell, ...cells] = data.cells;
  const [kernel, ...kernels] = data.kernels;
  const [outcome] = data.outcomes;
  const changed = [
    { ...data, cells: [Object.assign({}, cell, { reason: 'another' }), ...cells] },
    { ...data, cells: [Object.assign({}, cell, { kernel: data.kernels[1] }), ...cells] },
    { ...data, kernels: [Object.assign({}, kernel, { suites: new Map() }), ...kernels] },
    { ...data, problems: [{ what: 'x', message: 'y', lastGood: undefined }] },
    { ...data, outcomes: data.outcomes.concat(outcome ?? []) },
    { ...data, tracking: [] },
    { ...data, url: 'https://other.example/' },
  ];
  const keys = changed.map((other) => siteKey(other, 'a'));
  expect(new Set([key, ...keys]).size).toBe(changed.length + 1);
});

test('a note is read as it was written; a damaged or missing one is none', async () => {
  const state = at('state');
  expect(await readSiteNote(state)).toBeUndefined();
  await writeSiteNote(state, { key: 'k', files: 3 });
  expect(await readSiteNote(state)).toEqual({ key: 'k', files: 3 });
  await fs.writeFile(path.join(state, 'site.json'), '{"key":');
  expect(await readSiteNote(state)).toBeUndefined();
  await writeSiteNote(state, undefined);
  expect(await fs.readdir(state)).toEqual([]);
});
