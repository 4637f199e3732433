import { compareText } from '../core/compare.ts';
import { formatStanza, parseStanza, type Stanza } from '../debian/control.ts';
import { compareVersions } from '../debian/version.ts';
import type { DebMetadata } from './deb.ts';

/** A package in its place, as far as an index has it. */
export interface PooledDeb
  extends Pick<DebMetadata, 'name' | 'version' | 'architecture' | 'size' | 'sha256' | 'control'> {
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
  name: string;
  version: string;
  architecture: string;
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

/** The stanza of a package in a `Packages` index, with the empty line after it. */
export function formatPackage(deb: PooledDeb): string {
  const place = formatStanza([
    ['Filename', deb.filename],
    ['Size', String(deb.size)],
    ['SHA256', deb.sha256],
  ]);
  return `${deb.control}${place}\n`;
}

/** The stanzas of a `Packages` index. */
export function packageStanzas(text: string): Stanza[] {
  return text
    .split('\n\n')
    .filter((paragraph) => paragraph.trim() !== '')
    .map(parseStanza);
}

/** What a `Packages` index says of its packages. */
export function parsePackages(text: string): PublishedDeb[] {
  return packageStanzas(text).map((stanza) => {
    const field = (name: string): string => stanza.get(name) ?? '';
    return {
      name: field('Package'),
      version: field('Version'),
      architecture: field('Architecture'),
      filename: field('Filename'),
      sha256: field('SHA256'),
    };
  });
}
