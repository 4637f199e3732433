import * as fs from 'node:fs/promises';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { lockstepErrorOf } from '../core/testing/errors.ts';
import { useScratch } from '../core/testing/scratch.ts';
import { parsePrintedUris } from './debs.ts';
import { indexFilesOf } from './indices.ts';
import { parseRelease, readReleases } from './releases.ts';

const at = useScratch('archive-texts');
const HASH = 'a'.repeat(64);

describe('what apt-get --print-uris prints', () => {
  test('is read, with epochs and signs that file names encode', () => {
    const text = [
      `'http://mirror.example/pool/g/gcc-14_14.2.0-19_amd64.deb' gcc-14_14.2.0-19_amd64.deb 1234 SHA256:${HASH}`,
      `'http://mirror.example/pool/l/linux%2bx_1.deb' libc6_1%3a2.41-12+deb13u1_amd64.deb 5 SHA256:${HASH}`,
      '',
    ].join('\n');
    expect(parsePrintedUris(text)).toEqual([
      {
        name: 'gcc-14',
        version: '14.2.0-19',
        architecture: 'amd64',
        sha256: HASH,
        size: 1234,
        uri: 'http://mirror.example/pool/g/gcc-14_14.2.0-19_amd64.deb',
      },
      {
        name: 'libc6',
        version: '1:2.41-12+deb13u1',
        architecture: 'amd64',
        sha256: HASH,
        size: 5,
        uri: 'http://mirror.example/pool/l/linux%2bx_1.deb',
      },
    ]);
    expect(parsePrintedUris('')).toEqual([]);
  });

  test('without a SHA-256 is refused', async () => {
    for (const line of [
      "'http://mirror.example/a.deb' a_1_amd64.deb 12 ",
      "'http://mirror.example/a.deb' a_1_amd64.deb 12 MD5Sum:0123",
      `'http://mirror.example/a.deb' a_1.deb 12 SHA256:${HASH}`,
      `'http://mirror.example/a.deb' a_1_amd64.deb 12 SHA256:${HASH.slice(1)}`,
      'Reading package lists...',
    ]) {
      const error = await lockstepErrorOf(() => parsePrintedUris(line));
      expect(error.code).toBe('ARCHIVE_UNSIGNED');
      expect(error.message).toContain(line);
    }
  });
});

describe('what apt-get indextargets prints', () => {
  test('is read; lines that lack a field are passed over', () => {
    const good =
      '/lists/x_Packages.lz4\thttp://mirror.example/debian/\ttrixie\ttrixie\tmain\tamd64';
    const text = `${good}\n/lists/y\thttp://mirror.example/\t\t\tmain\tamd64\n\nhalf a line\n`;
    expect(indexFilesOf(text)).toEqual([
      {
        file: '/lists/x_Packages.lz4',
        base: 'http://mirror.example/debian/',
        suite: 'trixie',
        codename: 'trixie',
        component: 'main',
        architecture: 'amd64',
      },
    ]);
  });
});

describe('a Release file', () => {
  const body = [
    'Origin: Debian',
    'Suite: stable',
    'Codename: trixie',
    'Date: Sat, 06 Sep 2025 08:15:46 UTC',
    'Valid-Until: Sat, 13 Sep 2025 08:15:46 UTC',
    'SHA256:',
    ` ${HASH} 5 main/binary-amd64/Packages`,
    '',
  ].join('\n');

  test.each([
    ['plain', body],
    [
      'signed',
      `-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA512\n\n${body}-----BEGIN PGP SIGNATURE-----\n\nCodename: other\n-----END PGP SIGNATURE-----\n`,
    ],
    [
      'signed twice',
      `-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA512\nHash: SHA256\n\n${body}-----BEGIN PGP SIGNATURE-----\nx\n`,
    ],
  ])('%s', (_name, text) => {
    const facts = parseRelease(text);
    expect(facts).toEqual({
      suite: 'stable',
      codename: 'trixie',
      date: new Date('2025-09-06T08:15:46Z'),
      validUntil: new Date('2025-09-13T08:15:46Z'),
    });
  });

  test('may lack fields', () => {
    expect(parseRelease('Suite: x\n')).toMatchObject({ codename: '', validUntil: undefined });
    fc.assert(fc.property(fc.string(), (text) => parseRelease(text).suite.length >= 0));
  });

  test('all of a folder, and nothing else there', async () => {
    await fs.writeFile(at('m_dists_trixie_InRelease'), body);
    await fs.writeFile(at('m_dists_a_Release'), body.replace('trixie', 'a'));
    await fs.writeFile(at('m_dists_b_Release.gpg'), 'x');
    await fs.writeFile(at('m_dists_b_main_Packages'), 'x');
    expect((await readReleases(at())).map((release) => release.codename)).toEqual(['a', 'trixie']);
  });
});
