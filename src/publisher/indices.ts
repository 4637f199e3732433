import { parseStanza, type Stanza } from '../debian/control.ts';

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
