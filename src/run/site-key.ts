import { createHash } from 'node:crypto';
import * as fs from 'node:fs/promises';
import * as path from 'node:path';
import { z } from 'zod';
import { readFileOrUndefined, writeFileAtomic } from '../core/files.ts';
import type { SiteData, SiteKernel } from '../site/data.ts';

const SITE = path.join(import.meta.dirname, '../site');

/** Names the templates: pages of the same data differ where it does. SHA-256, in hex. */
export async function templatesHash(): Promise<string> {
  const hash = createHash('sha256');
  for (const name of (await fs.readdir(SITE, { recursive: true })).toSorted()) {
    const file = path.join(SITE, name);
    if ((await fs.stat(file)).isFile()) {
      hash.update(`${name}\0`).update(await fs.readFile(file));
    }
  }
  return hash.digest('hex');
}

/**
 * Names all that the pages are made of, but for the time. Of what only grows the lengths count.
 *
 * @param templates what `templatesHash` gives
 * @returns SHA-256, in hex
 */
export function siteKey(data: SiteData, templates: string): string {
  const hash = createHash('sha256').update(templates);
  const { origin, url, slug, suites, modules, tracking, absent, problems, outcomes, lags } = data;
  const counts = { outcomes: outcomes.length, lags: lags.length };
  const rest = { modules, tracking, absent, problems, counts };
  hash.update(JSON.stringify({ origin, url, slug, suites, ...rest }));
  const places = new Map<SiteKernel, number>();
  for (const kernel of data.kernels) {
    places.set(kernel, places.size);
    hash.update(JSON.stringify([kernel, [...kernel.suites]]));
  }
  for (const { kernel, ...cell } of data.cells) {
    hash.update(JSON.stringify([places.get(kernel), cell]));
  }
  return hash.digest('hex');
}

/** What the site in the repository was written from, and how many files it has below `status/`. */
const noteSchema = z.object({ key: z.string(), files: z.number() });
export type SiteNote = z.output<typeof noteSchema>;

function noteFile(state: string): string {
  return path.join(state, 'site.json');
}

/** The note of the last writing; undefined when there is none, or it can't be read: then all is written anew. */
export async function readSiteNote(state: string): Promise<SiteNote | undefined> {
  try {
    const text = (await readFileOrUndefined(noteFile(state)))?.toString('utf8') ?? '';
    return noteSchema.parse(JSON.parse(text));
  } catch {
    return undefined;
  }
}

/** @param note undefined while files are written: whoever is killed then leaves no note */
export async function writeSiteNote(state: string, note: SiteNote | undefined): Promise<void> {
  if (note === undefined) {
    await fs.rm(noteFile(state), { force: true });
    return;
  }
  await writeFileAtomic(noteFile(state), `${JSON.stringify(note)}\n`, { onlyIfChanged: true });
}
