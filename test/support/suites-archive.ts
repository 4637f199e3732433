import * as fs from 'node:fs/promises';
import * as path from 'node:path';
import { gzipSync } from 'node:zlib';
import { formatStanza, parseStanza, type Stanza } from '../../src/debian/control.ts';
import { sha256 } from '../../src/core/hash.ts';
import { withGpg } from '../../src/programs/gpg.ts';
import { runProgram } from '../../src/programs/run.ts';
import { readXz } from './read-xz.ts';
import { type OwnPackage, selectStanzas } from './small-archive.ts';
import type { SteerableMirror } from './steerable-mirror.ts';
import type { RealHeaders } from './test-kernels.ts';
import { editFile, repacked } from './test-packages.ts';

/** What a build takes beside a kernel's headers, and what a machine needs that installs its modules. */
const TOOLS = ['dpkg-dev', 'gcc', 'kmod', 'libc6-dev', 'make', 'patch', 'xz-utils'];

export interface SuiteContent {
  /** Packages of the test's own, each in the index of its architecture; those for all in every index. */
  packages: readonly OwnPackage[];
  /** `[amd64]` unless given. */
  architectures?: readonly string[];
  notAutomatic?: boolean;
  butAutomaticUpgrades?: boolean;
  /** Before that of the last change: apt does not go back. An hour ago, and later with each change, unless given. */
  date?: Date;
  validUntil?: Date;
}

/** A signed archive whose suites a test changes as it goes. */
export interface SuitesArchive {
  /** For an archive's `mirror:`. */
  url: string;
  /** For an archive's `keyring:`. */
  keyring: string;
  /** The newest real headers of trixie's cloud kernel; {@link testKernel} makes others from them. */
  headers: RealHeaders;
  /** A real package of the build root with a higher version. @param suffix ends its version */
  newer(name: string, suffix: string): Promise<OwnPackage>;
  /** Says what a suite has from now on, and signs it. */
  setSuite(name: string, content: SuiteContent): Promise<void>;
}

export interface SuitesArchiveOptions {
  /** Folder below the mirror's address; the archive is the mirror's own one unless given. */
  at?: string;
  /** Whether its suites have the real build tools; so unless given. */
  hasTools?: boolean;
}

/** The stanza and its fields of a package that the real trixie has. */
function stanzaOf(packages: string, name: string): Stanza {
  const text = packages.split('\n\n').findLast((stanza) => stanza.includes(`Package: ${name}\n`));
  if (text === undefined) {
    throw new Error(`trixie has no ${name}`);
  }
  return parseStanza(text);
}

async function headersOf(mirror: SteerableMirror, packages: string): Promise<RealHeaders> {
  const [name = ''] = (stanzaOf(packages, 'linux-headers-cloud-amd64').get('Depends') ?? '').split(
    ' ',
  );
  const stanza = stanzaOf(packages, name);
  return {
    deb: await mirror.original(stanza.get('Filename') ?? ''),
    release: name.replace('linux-headers-', ''),
    version: stanza.get('Version') ?? '',
    needs: (stanza.get('Depends') ?? '')
      .split(', ')
      .filter((need) => /^(?:linux-headers|linux-kbuild|gcc)-/.test(need)),
  };
}

/** Reads control files of packages once. */
class Controls {
  readonly #folder: string;
  readonly #known = new WeakMap<Buffer, Promise<Stanza>>();

  constructor(folder: string) {
    this.#folder = folder;
  }

  of(entry: OwnPackage): Promise<Stanza> {
    const known = this.#known.get(entry.deb) ?? this.#read(entry);
    this.#known.set(entry.deb, known);
    return known;
  }

  async #read({ deb }: OwnPackage): Promise<Stanza> {
    const file = path.join(this.#folder, `${sha256(deb)}.deb`);
    await fs.writeFile(file, deb);
    const { stdout } = await runProgram('dpkg-deb', ['--field', file]);
    await fs.rm(file);
    return parseStanza(stdout);
  }
}

/**
 * Makes an archive with no suites yet on a mirror, signed by a key of its own. Its suites have the few real packages
 * that a build for a cloud kernel needs, and what the test gives them.
 *
 * @param folder scratch folder, for keys and packages in work
 */
export async function suitesArchive(
  mirror: SteerableMirror,
  folder: string,
  { at = '', hasTools = true }: SuitesArchiveOptions = {},
): Promise<SuitesArchive> {
  const home = path.join(folder, `keys-${at}`);
  await fs.mkdir(home, { recursive: true, mode: 0o700 });
  const below = at === '' ? '' : `${at}/`;
  const all = await readXz(await mirror.original('dists/trixie/main/binary-amd64/Packages.xz'));
  const headers = await headersOf(mirror, all);
  const needs = headers.needs.map((need) => need.split(' ')[0] ?? '');
  const tools = hasTools ? selectStanzas(all, [...TOOLS, ...needs]) : '';
  const keyring = path.join(folder, `keyring${at}.asc`);
  const fingerprint = await withGpg(home, async (gpg) => {
    await gpg.generateKey('Archive of a test');
    const [key] = await gpg.secretKeys();
    const print = key?.fingerprint ?? '';
    await fs.writeFile(keyring, await gpg.exportKey(print));
    return print;
  });
  const controls = new Controls(folder);
  let date = Date.now() - 3_600_000;

  async function indexOf(content: SuiteContent, architecture: string): Promise<string> {
    const stanzas = architecture === 'amd64' && tools !== '' ? [tools] : [];
    for (const entry of content.packages) {
      const control = await controls.of(entry);
      const own = control.get('Architecture') ?? '';
      if (own === architecture || own === 'all') {
        const hash = sha256(entry.deb);
        const name = `pool/own/${hash.slice(0, 16)}/${entry.name}_${own}.deb`;
        mirror.put(`${below}${name}`, entry.deb);
        stanzas.push(
          formatStanza([
            ...control,
            ['Filename', name],
            ['Size', String(entry.deb.length)],
            ['SHA256', hash],
          ]),
        );
      }
    }
    return stanzas.map((text) => `${text.trim()}\n`).join('\n');
  }

  return {
    url: `${mirror.url}${at === '' ? '' : `/${at}`}`,
    keyring,
    headers,
    async newer(name, suffix) {
      const deb = await mirror.original(stanzaOf(all, name).get('Filename') ?? '');
      return repacked(folder, deb, name, (tree) =>
        editFile(path.join(tree, 'DEBIAN/control'), (text) =>
          text.replace(/^Version: (.*)$/m, `Version: $1${suffix}`),
        ),
      );
    },
    async setSuite(name, content) {
      const { architectures = ['amd64'] } = content;
      const hashes: string[] = [];
      for (const architecture of architectures) {
        const index = await indexOf(content, architecture);
        const zipped = gzipSync(index, { level: 1 });
        const file = `main/binary-${architecture}/Packages`;
        mirror.put(`${below}dists/${name}/${file}.gz`, zipped);
        hashes.push(` ${sha256(index)} ${Buffer.byteLength(index)} ${file}`);
        hashes.push(` ${sha256(zipped)} ${zipped.length} ${file}.gz`);
      }
      date += 1000;
      const release = [
        'Origin: Test',
        'Label: Test',
        `Suite: ${name}`,
        `Codename: ${name}`,
        `Date: ${(content.date ?? new Date(date)).toUTCString()}`,
        ...(content.validUntil === undefined
          ? []
          : [`Valid-Until: ${content.validUntil.toUTCString()}`]),
        ...(content.notAutomatic === true ? ['NotAutomatic: yes'] : []),
        ...(content.butAutomaticUpgrades === true ? ['ButAutomaticUpgrades: yes'] : []),
        `Architectures: ${architectures.join(' ')}`,
        'Components: main',
        'SHA256:',
        ...hashes,
        '',
      ].join('\n');
      const signed = await withGpg(home, (gpg) => gpg.clearsign(fingerprint, release));
      mirror.put(`${below}dists/${name}/InRelease`, signed);
    },
  };
}
