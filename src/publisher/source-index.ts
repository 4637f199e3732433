import { createHash } from 'node:crypto';
import * as fs from 'node:fs/promises';
import * as path from 'node:path';
import { compareText } from '../core/compare.ts';
import { errnoOf, LockstepError } from '../core/errors.ts';
import { sha256 } from '../core/hash.ts';
import { formatStanza, parseStanza, type Stanza } from '../debian/control.ts';
import { compareVersions } from '../debian/version.ts';
import type { IndexEntry } from './blocks.ts';
import { packageStanzas } from './indices.ts';
import { isPackageName, isVersion, poolFolder } from './names.ts';

/** A file of the pool beside the packages: of a source package, or a `.buildinfo`. */
export interface PoolFile {
  /** Absolute path of its bytes. */
  file: string;
  /** Path below the repository's root. */
  filename: string;
  /** Hex SHA-256. */
  sha256: string;
}

/** What a published index says of such a file. */
export interface PublishedFile {
  filename: string;
  sha256: string;
  /** Bytes; undefined where the index does not say. */
  size: number | undefined;
}

/** A source package as its suite's index has it. */
export interface IndexedSource {
  name: string;
  version: string;
  /** The index's paragraph, each line ended. */
  control: string;
  files: PoolFile[];
}

/** Names of files of a source package: one folder's, and nothing that a shell or a URI would read otherwise. */
const FILE_NAME = /^[A-Za-z0-9][A-Za-z0-9+.~_-]*$/;
const MAX_DSC_BYTES = 1024 * 1024;
/** Lists of a `.dsc` that an index has with the `.dsc` itself in them, those that are needed. */
const LISTS = [
  ['Checksums-Sha256', 'sha256'],
  ['Files', 'md5'],
] as const;
const LEFT_OUT = new Set(['source', 'files', 'checksums-sha1', 'checksums-sha256', 'directory']);

function invalid(file: string, why: string, cause?: unknown): LockstepError {
  return new LockstepError('REPOSITORY_INVALID', `${file} can't be published: ${why}`, {
    hint: `rm -r '${path.dirname(file)}', then run again: the source package is got or made anew`,
    cause,
  });
}

/** The text of a `.dsc` without the signature around it; that one stays in the file. */
function unsigned(text: string): string {
  const groups =
    /^-----BEGIN PGP SIGNED MESSAGE-----\n(?:[^\n]+\n)*\n(?<body>[^]*?)\n-----BEGIN PGP SIGNATURE-----/m.exec(
      text,
    )?.groups;
  return (groups?.['body'] ?? text).replace(/^- /gm, '').trim();
}

interface Listed {
  hash: string;
  size: number;
  name: string;
}

function listOf(stanza: Stanza, field: string): Listed[] {
  return (stanza.get(field) ?? '').split('\n').flatMap((line) => {
    const [hash, size, name] = line.trim().split(/\s+/);
    return hash === undefined || size === undefined || name === undefined
      ? []
      : [{ hash, size: Number(size), name }];
  });
}

/** A source package of a `.dsc`: name, version and files, by its SHA-256 list. Undefined when it has no such list. */
export function parseDsc(
  text: string,
): { name: string; version: string; stanza: Stanza; files: Listed[] } | undefined {
  const stanza = parseStanza(unsigned(text));
  const name = stanza.get('Source') ?? '';
  const version = stanza.get('Version') ?? '';
  const files = listOf(stanza, 'Checksums-Sha256');
  const isGood =
    isPackageName(name) &&
    isVersion(version) &&
    files.length > 0 &&
    files.every((entry) => FILE_NAME.test(entry.name));
  return isGood ? { name, version, stanza, files } : undefined;
}

/**
 * Reads a source package, whose files lie beside its `.dsc`.
 *
 * @param hashOfFile SHA-256 of a file; undefined when it is not there
 *
 * @throws LockstepError REPOSITORY_INVALID when a file is missing or is not what the `.dsc` says
 */
export async function readSource(
  dsc: string,
  component: string,
  hashOfFile: (file: string) => Promise<string | undefined>,
): Promise<IndexedSource> {
  try {
    const content = await fs.readFile(dsc);
    const parsed = content.length > MAX_DSC_BYTES ? undefined : parseDsc(content.toString('utf8'));
    if (parsed === undefined) {
      throw invalid(dsc, 'it is no .dsc with a list of SHA-256');
    }
    const { name, version, stanza } = parsed;
    const folder = poolFolder(component, name);
    const own = { name: path.basename(dsc), size: content.length, sha256: sha256(content) };
    const files: PoolFile[] = [];
    for (const { name: base, hash, size } of parsed.files) {
      const file = path.join(path.dirname(dsc), base);
      const found = await hashOfFile(file);
      if (found === undefined) {
        throw invalid(dsc, `${base} is missing`);
      }
      if (found !== hash || (await fs.stat(file)).size !== size) {
        throw invalid(file, `it is not what ${own.name} says`);
      }
      files.push({ file, filename: `${folder}/${base}`, sha256: hash });
    }
    files.push({ file: dsc, filename: `${folder}/${own.name}`, sha256: own.sha256 });
    const md5 = createHash('md5').update(content).digest('hex');
    const hashes = { sha256: own.sha256, md5 };
    const control = formatStanza([
      ['Package', name],
      ...[...stanza].filter(([field]) => !LEFT_OUT.has(field.toLowerCase())),
      ['Directory', folder],
      ...LISTS.map(([field, kind]): [string, string] => [
        field,
        `\n ${hashes[kind]} ${own.size} ${own.name}${stanza.get(field) ?? ''}`,
      ]),
    ]);
    return { name, version, control, files };
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') {
      throw invalid(dsc, 'it is not there', error);
    }
    throw error;
  }
}

/** Paths of the indices, below a component's folder. */
export const SOURCES = '/source/Sources';
export const BUILDINFOS = '/buildinfo/SHA256SUMS';

/** Stand in the place of an architecture in the publisher's store, where no package's can: files that are no packages. */
export const FILE_ARCHITECTURES = { source: '.source', buildinfo: '.buildinfo' } as const;

/** The entries of a `Sources` index, in order, by name; a package that is there twice counts once. */
export function sourceEntries(sources: readonly IndexedSource[]): IndexEntry[] {
  const unique = new Map(sources.map((source) => [`${source.name}_${source.version}`, source]));
  return [...unique.values()]
    .toSorted(
      (a, b) =>
        compareText(a.name, b.name) ||
        compareVersions(a.version, b.version) ||
        compareText(a.version, b.version),
    )
    .map(({ name, control }) => [name, `${control}\n`]);
}

/** A line of the index of `.buildinfo` files, as `sha256sum --check` reads it in the repository's folder. */
export function formatSum(hash: string, filename: string): string {
  return `${hash}  ${filename}\n`;
}

/** Whether an index tells of files that are no packages. @param name its path without the compression's end */
export function isFileIndex(name: string): boolean {
  return name.endsWith(SOURCES) || name.endsWith(BUILDINFOS);
}

/** The files that such an index names. @param name its path without the compression's end */
export function parseFileIndex(name: string, text: string): PublishedFile[] {
  if (name.endsWith(BUILDINFOS)) {
    return text
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => ({ sha256: line.slice(0, 64), filename: line.slice(66), size: undefined }));
  }
  return packageStanzas(text).flatMap((stanza) =>
    listOf(stanza, 'Checksums-Sha256').map(({ hash, size, name: base }) => ({
      filename: `${stanza.get('Directory') ?? ''}/${base}`,
      sha256: hash,
      size,
    })),
  );
}

/** Files of binary and source packages, by their names. */
export const POOL_FILE = /\.(?:deb|dsc|buildinfo|diff\.gz|tar\.[a-z0-9]+(?:\.asc)?)$/;
