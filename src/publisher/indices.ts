import { compareText } from '../core/compare.ts';
import { promisify } from 'node:util';
import { constants, gzip } from 'node:zlib';
import { sha256 } from '../core/hash.ts';
import { formatStanza, parseStanza, type Stanza } from '../debian/control.ts';
import { compareVersions } from '../debian/version.ts';
import { compressXz } from '../programs/xz.ts';
import type { DebMetadata } from './deb.ts';

const gzipAsync = promisify(gzip);

/** A package in its place. */
export interface PooledDeb extends DebMetadata {
  /** Path below the repository's root. */
  filename: string;
}

/** A file that a Release lists. */
export interface IndexFile {
  /** Path below the suite's folder: `main/binary-amd64/Packages.xz`. */
  path: string;
  sha256: string;
  size: number;
}

/** What a published index says of one package. */
export interface PublishedDeb {
  /** `name_version_architecture`, with the epoch. */
  id: string;
  filename: string;
  sha256: string;
}

export function debId(deb: { name: string; version: string; architecture: string }): string {
  return `${deb.name}_${deb.version}_${deb.architecture}`;
}

/** The order of packages in an index: name, version as dpkg orders it, architecture, then any that makes it total. */
export function compareDebs(left: PooledDeb, right: PooledDeb): number {
  return (
    compareText(left.name, right.name) ||
    compareVersions(left.version, right.version) ||
    compareText(left.version, right.version) ||
    compareText(left.architecture, right.architecture)
  );
}

/**
 * The text of a `Packages` index: the packages of one architecture and those for all.
 *
 * @param debs in the order of `compareDebs`
 */
export function formatPackages(debs: readonly PooledDeb[], architecture: string): string {
  return debs
    .filter((deb) => deb.architecture === architecture || deb.architecture === 'all')
    .map((deb) => {
      const place = formatStanza([
        ['Filename', deb.filename],
        ['Size', String(deb.size)],
        ['SHA256', deb.sha256],
      ]);
      return `${deb.control}${place}\n`;
    })
    .join('');
}

/** The stanzas of what `formatPackages` wrote. */
export function packageStanzas(text: string): Stanza[] {
  return text
    .split('\n\n')
    .filter((paragraph) => paragraph.trim() !== '')
    .map(parseStanza);
}

/** Reads back what `formatPackages` wrote. */
export function parsePackages(text: string): PublishedDeb[] {
  return packageStanzas(text).map((stanza) => {
    const field = (name: string): string => stanza.get(name) ?? '';
    return {
      id: `${field('Package')}_${field('Version')}_${field('Architecture')}`,
      filename: field('Filename'),
      sha256: field('SHA256'),
    };
  });
}

/** The compressed forms of an index beside its plain one, by the end of their names. Equal text gives equal bytes. */
export async function compressIndex(plain: Buffer): Promise<ReadonlyMap<string, Buffer>> {
  const [gz, xz] = await Promise.all([
    gzipAsync(plain, { level: constants.Z_BEST_COMPRESSION }),
    compressXz(plain),
  ]);
  return new Map([
    ['.gz', gz],
    ['.xz', Buffer.from(xz)],
  ]);
}

export function describeIndex(path: string, content: Uint8Array): IndexFile {
  return { path, sha256: sha256(content), size: content.length };
}
