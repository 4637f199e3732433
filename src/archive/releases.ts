import * as fs from 'node:fs/promises';
import * as path from 'node:path';
import { parseStanza } from '../debian/control.ts';

/** What an archive says of itself in a Release file that apt has verified. */
export interface ReleaseFacts {
  suite: string;
  codename: string;
  date: Date;
  validUntil: Date | undefined;
}

/** Reads one (In)Release file's text; signatures are apt's business. */
export function parseRelease(text: string): ReleaseFacts {
  const body = text.replace(/^-----BEGIN PGP SIGNED MESSAGE-----\n(?:[^\n]+\n)*\n/, '');
  const fields = parseStanza(body.split('\n-----BEGIN PGP SIGNATURE-----')[0] ?? '');
  const until = fields.get('Valid-Until');
  return {
    suite: fields.get('Suite') ?? '',
    codename: fields.get('Codename') ?? '',
    date: new Date(fields.get('Date') ?? 0),
    validUntil: until === undefined ? undefined : new Date(until),
  };
}

/** Every Release file in a folder of apt lists, sorted by codename. */
export async function readReleases(lists: string): Promise<ReleaseFacts[]> {
  const names = (await fs.readdir(lists))
    .filter((name) => /_(?:In)?Release$/.test(name))
    .toSorted();
  const releases = await Promise.all(
    names.map(async (name) => parseRelease(await fs.readFile(path.join(lists, name), 'utf8'))),
  );
  return releases.toSorted((a, b) => (a.codename < b.codename ? -1 : 1));
}
