import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, statSync } from 'node:fs';
import * as path from 'node:path';
import { gunzipSync } from 'node:zlib';
import { sha256 } from '../../core/hash.ts';

/** Whether an index is there, and not only listed. */
function isPublished(name: string): boolean {
  return /\.(?:gz|xz)$/.test(name);
}

function unxz(bytes: Buffer): Buffer {
  return execFileSync('xz', ['-dc'], { input: bytes, maxBuffer: 1024 ** 3 });
}

/**
 * Follows a repository from a suite's InRelease as a client does: each index under its hash, each package it names.
 * Written apart from the publisher's own readers.
 *
 * @returns InRelease's text
 * @throws Error at the first thing that is not as InRelease says
 */
export function checkSuite(directory: string, suite: string): string {
  const folder = path.join(directory, 'dists', suite);
  const inRelease = readFileSync(path.join(folder, 'InRelease'), 'utf8');
  const lines = [...inRelease.matchAll(/^ ([0-9a-f]{64}) (\d+) (\S+)$/gm)];
  const plain = new Map(lines.map(([, hash = '', , name = '']) => [name, hash]));
  const published = lines.filter(([, , , name = '']) => isPublished(name));
  if (published.length === 0) {
    throw new Error('InRelease lists nothing');
  }
  for (const [, hash = '', size = '', name = ''] of published) {
    const bytes = readFileSync(path.join(folder, path.dirname(name), 'by-hash/SHA256', hash));
    if (sha256(bytes) !== hash || bytes.length !== Number(size)) {
      throw new Error(`${name} differs from its hash`);
    }
    const text = name.endsWith('.gz') ? gunzipSync(bytes) : unxz(bytes);
    if (sha256(text) !== plain.get(name.replace(/\.\w+$/, ''))) {
      throw new Error(`${name} is not what the plain one is said to be`);
    }
    if (name.endsWith('Packages.gz')) {
      for (const paragraph of text.toString('utf8').split('\n\n').slice(0, -1)) {
        const field = (key: string): string =>
          new RegExp(`^${key}: (.*)$`, 'm').exec(paragraph)?.[1] ?? `no ${key}`;
        const deb = path.join(directory, field('Filename'));
        if (String(statSync(deb).size) !== field('Size')) {
          throw new Error(`${deb} has another size`);
        }
        if (sha256(readFileSync(deb)) !== field('SHA256')) {
          throw new Error(`${deb} differs from its hash`);
        }
      }
    }
  }
  return inRelease;
}

/** Whether a client that does not use by-hash, too, finds all as InRelease says. */
export function checkPlainNames(directory: string, suite: string): void {
  const folder = path.join(directory, 'dists', suite);
  const inRelease = checkSuite(directory, suite);
  for (const [, hash = '', , name = ''] of inRelease.matchAll(/^ ([0-9a-f]{64}) (\d+) (\S+)$/gm)) {
    if (!isPublished(name)) {
      if (existsSync(path.join(folder, name))) {
        throw new Error(`${name} is there, uncompressed`);
      }
    } else if (sha256(readFileSync(path.join(folder, name))) !== hash) {
      throw new Error(`${name} differs from its hash`);
    }
  }
  const release = readFileSync(path.join(folder, 'Release'), 'utf8');
  if (!inRelease.includes(`\n\n${release}-----BEGIN PGP SIGNATURE-----`)) {
    throw new Error('Release differs from InRelease');
  }
}
