import * as fs from 'node:fs/promises';
import * as path from 'node:path';
import { gzipSync } from 'node:zlib';
import { sha256 } from '../../src/core/hash.ts';
import { withGpg } from '../../src/programs/gpg.ts';
import { runProgram } from '../../src/programs/run.ts';
import { readXz } from './read-xz.ts';
import type { SteerableMirror } from './steerable-mirror.ts';

/** What a build for a cloud kernel takes, and modules that are quick to build for it. */
const WANTED = [
  'acpi-call-dkms',
  'dpkg-dev',
  'gcc',
  'kmod',
  'libc6-dev',
  'linux-headers-cloud-amd64',
  'linux-image-cloud-amd64',
  'make',
  'openvpn-dco-dkms',
  'patch',
  'xz-utils',
];

interface Stanza {
  text: string;
  name: string;
  essential: boolean;
  required: boolean;
  needs: string[];
  provides: string[];
}

function namesIn(text: string, field: string): string[] {
  const value = new RegExp(`^${field}: (.*)$`, 'm').exec(text)?.[1] ?? '';
  return value
    .split(/[,|]/)
    .map((entry) => entry.trim().split(/[ :]/)[0] ?? '')
    .filter((name) => name !== '');
}

function readStanza(text: string): Stanza {
  return {
    text,
    name: /^Package: (.*)$/m.exec(text)?.[1] ?? '',
    essential: text.includes('\nEssential: yes'),
    required: text.includes('\nPriority: required'),
    needs: [...namesIn(text, 'Pre-Depends'), ...namesIn(text, 'Depends')],
    provides: namesIn(text, 'Provides'),
  };
}

/** The stanzas of some packages and of everything that they could need, in the index's order. */
export function selectStanzas(packages: string, wanted: readonly string[]): string {
  const stanzas = packages
    .split('\n\n')
    .filter((text) => text !== '')
    .map(readStanza);
  const byName = new Map<string, Stanza[]>();
  for (const stanza of stanzas) {
    for (const name of new Set([stanza.name, ...stanza.provides])) {
      byName.set(name, [...(byName.get(name) ?? []), stanza]);
    }
  }
  const chosen = new Set<Stanza>();
  const queue = [
    ...stanzas.filter((stanza) => stanza.essential).map(({ name }) => name),
    ...wanted,
  ];
  for (let name = queue.pop(); name !== undefined; name = queue.pop()) {
    const found = byName.get(name) ?? [];
    // One provider of a virtual package is enough, the usual one; of real packages every version there is.
    const real = found.filter((stanza) => stanza.name === name);
    const providers = found.toSorted((a, b) => Number(b.required) - Number(a.required));
    for (const stanza of real.length > 0 ? real : providers.slice(0, 1)) {
      if (!chosen.has(stanza)) {
        chosen.add(stanza);
        queue.push(...stanza.needs);
      }
    }
  }
  return stanzas
    .filter((stanza) => chosen.has(stanza))
    .map(({ text }) => `${text.trim()}\n`)
    .join('\n');
}

/** A package of the test's own: its index entry without file fields, and the file. */
export interface OwnPackage {
  name: string;
  deb: Buffer;
}

export interface SmallArchive {
  /** File for an archive's `keyring:`. */
  keyring: string;
  /** Signs the suite's Release anew; `validUntil` may be past. */
  sign(options?: { date?: Date; validUntil?: Date | undefined }): Promise<void>;
}

async function controlOf(folder: string, entry: OwnPackage): Promise<string> {
  const file = path.join(folder, `${entry.name}.deb`);
  await fs.writeFile(file, entry.deb);
  const { stdout } = await runProgram('dpkg-deb', ['--field', file]);
  await fs.rm(file);
  return stdout.trim();
}

/**
 * Puts a suite `trixie` on a mirror that has the few real packages that a run for the newest cloud kernel needs, and
 * packages of the test's own beside them, signed by a key of the test's own.
 *
 * @param folder scratch folder, for the keys
 * @param sources text of an index of source packages; the archive has none unless given
 */
export async function smallArchive(
  mirror: SteerableMirror,
  folder: string,
  own: readonly OwnPackage[] = [],
  sources?: string,
): Promise<SmallArchive> {
  const home = path.join(folder, 'archive-keys');
  await fs.mkdir(home, { recursive: true, mode: 0o700 });
  const index = 'dists/trixie/main/binary-amd64/Packages.xz';
  let packages = selectStanzas(await readXz(await mirror.original(index)), WANTED);
  for (const entry of own) {
    const filename = `pool/own/${entry.name}.deb`;
    mirror.put(filename, entry.deb);
    const control = await controlOf(folder, entry);
    packages += `\n${control}\nFilename: ${filename}\nSize: ${entry.deb.length}\nSHA256: ${sha256(entry.deb)}\n`;
  }
  const zipped = gzipSync(packages, { level: 1 });
  mirror.put('dists/trixie/main/binary-amd64/Packages.gz', zipped);
  if (sources !== undefined) {
    mirror.put('dists/trixie/main/source/Sources', sources);
  }
  const keyring = path.join(folder, 'archive-keyring.asc');
  const fingerprint = await withGpg(home, async (gpg) => {
    await gpg.generateKey('Archive of a test');
    const [key] = await gpg.secretKeys();
    const print = key?.fingerprint ?? '';
    await fs.writeFile(keyring, await gpg.exportKey(print));
    return print;
  });
  const archive: SmallArchive = {
    keyring,
    async sign({ date = new Date(Date.now() - 3_600_000), validUntil } = {}) {
      const release = [
        'Origin: Test',
        'Label: Test',
        'Suite: stable',
        'Codename: trixie',
        `Date: ${date.toUTCString()}`,
        ...(validUntil === undefined ? [] : [`Valid-Until: ${validUntil.toUTCString()}`]),
        'Architectures: amd64',
        'Components: main',
        'SHA256:',
        ` ${sha256(packages)} ${Buffer.byteLength(packages)} main/binary-amd64/Packages`,
        ` ${sha256(zipped)} ${zipped.length} main/binary-amd64/Packages.gz`,
        ...(sources === undefined
          ? []
          : [` ${sha256(sources)} ${Buffer.byteLength(sources)} main/source/Sources`]),
        '',
      ].join('\n');
      const signed = await withGpg(home, (gpg) => gpg.clearsign(fingerprint, release));
      mirror.put('dists/trixie/InRelease', signed);
    },
  };
  await archive.sign();
  return archive;
}
