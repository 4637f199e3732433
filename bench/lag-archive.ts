import * as fs from 'node:fs/promises';
import * as path from 'node:path';
import { gzipSync } from 'node:zlib';
import { sha256 } from '../src/core/hash.ts';
import { parseStanza, type Stanza } from '../src/debian/control.ts';
import { withGpg } from '../src/programs/gpg.ts';
import { readXz } from '../test/support/read-xz.ts';
import { selectStanzas } from '../test/support/small-archive.ts';
import type { SteerableMirror } from '../test/support/steerable-mirror.ts';

const TOOLS = ['dpkg-dev', 'gcc', 'kmod', 'libc6-dev', 'make', 'patch', 'xz-utils'];
const FLAVOURS = ['amd64', 'cloud-amd64', 'rt-amd64'];
const METAPACKAGES = FLAVOURS.flatMap((flavour) => [
  `linux-image-${flavour}`,
  `linux-headers-${flavour}`,
]);
const COMPONENTS = ['main', 'contrib', 'non-free'];
const SECURITY = '/debian-security/';

/** trixie and trixie-security as Debian has them now, but for the security suite's kernels, which arrive when they are told to. */
export interface ReplayedArchive {
  keyring: string;
  /** The ABI that trixie has, and the one that arrives. */
  before: string;
  after: string;
  /** Signs a security suite with the new kernels. @returns the Date of its Release file, milliseconds since 1970 */
  arrive(): Promise<number>;
}

function abiOf(packages: string): string {
  const stanza = packages
    .split('\n\n')
    .map((text) => parseStanza(text))
    .find((fields: Stanza) => fields.get('Package') === 'linux-headers-amd64');
  const [name = ''] = (stanza?.get('Depends') ?? '').split(' ');
  return name.replace(/^linux-headers-/, '').replace(/-amd64$/, '');
}

/**
 * @param folder scratch folder, for the keys
 * @param modules DKMS packages of trixie
 */
export async function replayedArchive(
  mirror: SteerableMirror,
  folder: string,
  modules: readonly string[],
): Promise<ReplayedArchive> {
  const read = async (base: string, suite: string, component: string): Promise<string> =>
    await readXz(
      await mirror.original(`${base}dists/${suite}/${component}/binary-amd64/Packages.xz`),
    );
  const texts = await Promise.all(COMPONENTS.map((component) => read('', 'trixie', component)));
  const all = texts.map((text) => text.trim()).join('\n\n');
  const main = selectStanzas(all, [...TOOLS, ...METAPACKAGES, ...modules]);
  const security = selectStanzas(await read(SECURITY, 'trixie-security', 'main'), METAPACKAGES);
  const home = path.join(folder, 'keys');
  await fs.mkdir(home, { recursive: true, mode: 0o700 });
  const keyring = path.join(folder, 'keyring.asc');
  const fingerprint = await withGpg(home, async (gpg) => {
    await gpg.generateKey('Archive of a bench');
    const [key] = await gpg.secretKeys();
    const print = key?.fingerprint ?? '';
    await fs.writeFile(keyring, await gpg.exportKey(print));
    return print;
  });
  async function sign(base: string, suite: string, index: string, date: Date): Promise<void> {
    const zipped = gzipSync(index, { level: 1 });
    const release = [
      ...['Origin: Debian', 'Label: Debian', `Suite: ${suite}`, `Codename: ${suite}`],
      ...[`Date: ${date.toUTCString()}`, 'Architectures: amd64', 'Components: main', 'SHA256:'],
      ` ${sha256(index)} ${Buffer.byteLength(index)} main/binary-amd64/Packages`,
      ` ${sha256(zipped)} ${zipped.length} main/binary-amd64/Packages.gz`,
      '',
    ].join('\n');
    const signed = await withGpg(home, (gpg) => gpg.clearsign(fingerprint, release));
    mirror.put(`${base}dists/${suite}/main/binary-amd64/Packages.gz`, zipped);
    mirror.put(`${base}dists/${suite}/InRelease`, signed);
  }
  const hourAgo = new Date(Date.now() - 3_600_000);
  await sign('', 'trixie', main, hourAgo);
  await sign(SECURITY, 'trixie-security', '', hourAgo);
  return {
    keyring,
    before: abiOf(main),
    after: abiOf(security),
    async arrive() {
      // Downloads count: what earlier calls have fetched of the new kernel is fetched again.
      for (const [, file] of security.matchAll(/^Filename: (.*)$/gm)) {
        await mirror.forget(`${SECURITY}${file}`);
      }
      // A Release file's Date has whole seconds.
      const date = new Date(Math.floor(Date.now() / 1000) * 1000);
      await sign(SECURITY, 'trixie-security', security, date);
      return date.getTime();
    },
  };
}
