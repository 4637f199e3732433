import { splitStanzas, parseStanza, type Stanza } from '../debian/control.ts';
import type { PackageRef } from '../model/packages.ts';

/** A stanza of an index, with the place it stands in. */
export interface IndexedPackage {
  ref: PackageRef;
  fields: Stanza;
  suite: string;
  component: string;
}

/** Where an index comes from; what a stanza can't say itself. */
export interface IndexPlace {
  /** Base address of the repository. */
  base: string;
  suite: string;
  component: string;
}

/** The source package and version of a binary package (Policy 5.6.1: `Source: name (version)`). */
export function sourceOf(fields: Stanza): { source: string; sourceVersion: string } {
  const name = fields.get('Package') ?? '';
  const version = fields.get('Version') ?? '';
  const match = /^(?<source>\S+)(?:\s+\((?<version>[^)]+)\))?$/.exec(fields.get('Source') ?? name);
  return {
    source: match?.groups?.['source'] ?? name,
    sourceVersion: match?.groups?.['version'] ?? version,
  };
}

/** Turns a stanza into a package; undefined when a field that names or identifies it is missing. */
export function packageOf(fields: Stanza, place: IndexPlace): IndexedPackage | undefined {
  const name = fields.get('Package');
  const version = fields.get('Version');
  const architecture = fields.get('Architecture');
  const sha256 = fields.get('SHA256');
  const filename = fields.get('Filename');
  const size = /^\d{1,15}$/.test(fields.get('Size') ?? '') ? Number(fields.get('Size')) : undefined;
  if (!name || !version || !architecture || !sha256 || !filename || size === undefined) {
    return undefined;
  }
  // A name becomes part of paths here and of other packages' names (Policy 5.6.1).
  if (!/^[a-z0-9][a-z0-9+.-]+$/.test(name) || !/^[0-9a-f]{64}$/.test(sha256)) {
    return undefined;
  }
  const uri = `${place.base.replace(/\/*$/, '/')}${filename.split('/').map(encodeURIComponent).join('/')}`;
  return {
    ref: { name, version, architecture, sha256, size, uri, ...sourceOf(fields) },
    fields,
    suite: place.suite,
    component: place.component,
  };
}

const NAME_FIELD = Buffer.from('Package: ');

/**
 * Streams an index and keeps the packages whose name is wanted. Only the first line of a paragraph is looked at
 * to decide, so that an index costs little more than its decompression.
 */
export async function* scanIndex(
  chunks: AsyncIterable<Uint8Array>,
  place: IndexPlace,
  wanted: (name: string) => boolean,
): AsyncGenerator<IndexedPackage> {
  for await (const paragraph of splitStanzas(chunks)) {
    const start = paragraph.indexOf(NAME_FIELD);
    if (start === -1) {
      continue;
    }
    const end = paragraph.indexOf(10, start);
    const name = paragraph.toString(
      'latin1',
      start + NAME_FIELD.length,
      end === -1 ? paragraph.length : end,
    );
    if (!wanted(name)) {
      continue;
    }
    const found = packageOf(parseStanza(paragraph.toString('utf8')), place);
    if (found !== undefined) {
      yield found;
    }
  }
}
