import * as fs from 'node:fs/promises';
import * as path from 'node:path';
import { sha256 } from '../core/hash.ts';
import { parseStanza, type Stanza } from '../debian/control.ts';

/** What an archive says of itself in a Release file that apt has verified. */
export interface ReleaseFacts {
  suite: string;
  codename: string;
  date: Date;
  validUntil: Date | undefined;
}

/** The fields of an (In)Release file's text; signatures are apt's business. */
function fieldsOf(text: string): Stanza {
  const body = text.replace(/^-----BEGIN PGP SIGNED MESSAGE-----\n(?:[^\n]+\n)*\n/, '');
  return parseStanza(body.split('\n-----BEGIN PGP SIGNATURE-----')[0] ?? '');
}

/** Reads one (In)Release file's text. */
export function parseRelease(text: string): ReleaseFacts {
  const fields = fieldsOf(text);
  const until = fields.get('Valid-Until');
  return {
    suite: fields.get('Suite') ?? '',
    codename: fields.get('Codename') ?? '',
    date: new Date(fields.get('Date') ?? 0),
    validUntil: until === undefined ? undefined : new Date(until),
  };
}

/** What a suite says of itself, as far as it decides what is read and what a machine installs. */
export interface SuiteFacts {
  /** As the configuration names it. */
  suite: string;
  codename: string;
  /** Without `all` and `source`. */
  architectures: string[];
  components: string[];
  /** ISO 8601. */
  date: string;
  validUntil: string | undefined;
  /** apt installs nothing from it unless asked (`NotAutomatic: yes`), */
  notAutomatic: boolean;
  /** but upgrades what came from it. */
  butAutomaticUpgrades: boolean;
}

/** A Release file's statement on the indices of a suite. */
export interface SuiteRelease {
  facts: SuiteFacts;
  /** What an index holds, by its name there (`main/binary-amd64/Packages`); undefined when it has none. */
  contentOf(key: string): { id: string; isEmpty: boolean } | undefined;
}

const HASHED = /^ *(?<hash>[0-9a-f]{64}) +(?<size>\d+) +(?<name>\S+)$/;

function words(text: string | undefined): string[] {
  return (text ?? '').split(/\s+/).filter((word) => word !== '');
}

function dateOf(text: string | undefined): string | undefined {
  const date = new Date(text ?? Number.NaN);
  return Number.isNaN(date.getTime()) ? undefined : date.toISOString();
}

/** Reads one (In)Release file's text. @param suite as the configuration names it */
export function parseSuiteRelease(text: string, suite: string): SuiteRelease {
  const fields = fieldsOf(text);
  const hashes = new Map<string, { hash: string; size: number }>();
  for (const line of (fields.get('SHA256') ?? '').split('\n')) {
    const { hash, size, name } = HASHED.exec(line)?.groups ?? {};
    if (hash !== undefined && name !== undefined) {
      hashes.set(name, { hash, size: Number(size) });
    }
  }
  const listed = words(fields.get('Architectures'));
  const found = [...hashes.keys()].flatMap((name) => /\/binary-([^/]+)\//.exec(name)?.[1] ?? []);
  return {
    facts: {
      suite,
      codename: fields.get('Codename') ?? '',
      architectures: [...new Set(listed.length > 0 ? listed : found)]
        .filter((name) => name !== 'all' && name !== 'source')
        .toSorted(),
      // The security archive names its components so; sources name them without.
      components: words(fields.get('Components')).map((name) => name.replace(/^updates\//, '')),
      date: dateOf(fields.get('Date')) ?? new Date(0).toISOString(),
      validUntil: dateOf(fields.get('Valid-Until')),
      notAutomatic: fields.get('NotAutomatic') === 'yes',
      butAutomaticUpgrades: fields.get('ButAutomaticUpgrades') === 'yes',
    },
    contentOf(key) {
      const plain = hashes.get(key);
      if (plain !== undefined) {
        return { id: plain.hash, isEmpty: plain.size === 0 };
      }
      const packed = ['.xz', '.gz', '.bz2', '.zst', '.lzma', '.lz4'].find((end) =>
        hashes.has(key + end),
      );
      const hash = hashes.get(key + (packed ?? ''))?.hash;
      return hash === undefined ? undefined : { id: sha256(`${packed} ${hash}`), isEmpty: false };
    },
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
