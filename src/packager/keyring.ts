import { canonicalJson, sha256 } from '../core/hash.ts';
import type { DebContent } from './deb-tree.ts';
import { description, NOT_UPLOADED } from './documents.ts';
import {
  documents,
  fill,
  type MadePackage,
  type PackagerOptions,
  script,
  writePackage,
} from './parts.ts';
import { type OwnSource, ownSourceRef, sourceField } from './source-package.ts';

/** The keys of a repository as its machines are to know them. */
export interface KeyringInputs {
  /** `<origin>-archive-keyring` */
  name: string;
  version: string;
  /** Seconds since 1970 at which this set of keys began. */
  epoch: number;
  /** Address of the repository. */
  url: string;
  fingerprints: readonly string[];
  /** The keys one after the other, not armoured. */
  binary: Uint8Array;
  /** The block that the repository's `.sources` files carry. */
  armoured: string;
  /** Base64 of the blocks that they carried before, oldest first. */
  former: readonly string[];
}

const COPYRIGHT =
  Buffer.from(`Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/

Files: *
Copyright: The operators of the repository
License: public-domain
 The keys are facts, in which nobody has a copyright. The scripts beside them are in the public domain.
`);

const PARTS = ['keyring-postinst', 'keyring-prerm', 'keyring-renew', 'keyring-renew.awk'] as const;

function scripts(name: string): Record<(typeof PARTS)[number], string> {
  const [postinst, prerm, renew, awk] = PARTS;
  const filled = (part: (typeof PARTS)[number]): string => fill(script(part), { NAME: name });
  return {
    [postinst]: filled(postinst),
    [prerm]: filled(prerm),
    [renew]: script(renew),
    [awk]: script(awk),
  };
}

/** The source package of a keyring. @param origin of the repository */
export function keyringSource(inputs: KeyringInputs, origin: string): OwnSource {
  const { name, version, epoch, armoured, former, fingerprints, url } = inputs;
  return {
    ...{ name, version, epoch },
    change: 'Keys of this repository.',
    summary: summaryOf(origin),
    readme:
      'Keys and shell scripts: nothing is compiled. Lockstep puts the files where the package has them\n(src/packager/keyring.ts of Lockstep).\n',
    copyright: COPYRIGHT,
    files: [
      { at: 'keys.asc', content: armoured },
      { at: 'former', content: former.map((line) => `${line}\n`).join('') },
      { at: 'fingerprints', content: fingerprints.map((line) => `${line}\n`).join('') },
      { at: 'address', content: `${url}\n` },
      ...Object.entries(scripts(name)).map(([at, content]) => ({ at, content })),
    ],
  };
}

/** A synopsis (Policy 3.4.1). */
function summaryOf(origin: string): string {
  return `keys of the repository ${origin}`.slice(0, 79);
}

/** Hash of everything a keyring package is made of, but for its rebuild number. */
export function keyringPackageIdentity(inputs: KeyringInputs, options: PackagerOptions): string {
  return sha256(
    canonicalJson({
      ...inputs,
      binary: sha256(inputs.binary),
      scripts: scripts(inputs.name),
      source: ownSourceRef(keyringSource(inputs, options.origin), options.maintainer),
      maintainer: options.maintainer,
    }),
  );
}

/**
 * Builds the keyring package of the repository, the same for all suites and architectures; equal inputs give equal bytes.
 *
 * @param version its own version, which begins with that of the inputs
 */
export async function makeKeyringPackage(
  inputs: KeyringInputs,
  version: string,
  options: PackagerOptions,
): Promise<MadePackage> {
  const { name, epoch, url, fingerprints, former } = inputs;
  const texts = scripts(name);
  const change = `Keys: ${fingerprints.join(', ')}.`;
  const source = ownSourceRef(keyringSource(inputs, options.origin), options.maintainer);
  const papers = documents(name, version, epoch, change, options, source, COPYRIGHT, NOT_UPLOADED);
  const shared = `usr/share/${name}`;
  const content: DebContent = {
    control: [
      ['Package', name],
      ['Source', sourceField(source)],
      ['Version', version],
      ['Architecture', 'all'],
      ['Maintainer', options.maintainer],
      ['Section', 'misc'],
      ['Priority', 'optional'],
      ['Multi-Arch', 'foreign'],
      [
        'Description',
        description(summaryOf(options.origin), [
          `The OpenPGP keys that the apt repository ${options.origin} is signed with. When they change, this package brings the next ones: sources that name its keyring follow, and so do the files of sources.list.d that carry keys of the repository, which it brings up to date.`,
        ]),
      ],
    ],
    files: [
      { at: `usr/share/keyrings/${name}.pgp`, content: inputs.binary },
      { at: `${shared}/keys.asc`, content: inputs.armoured },
      { at: `${shared}/former`, content: former.map((line) => `${line}\n`).join('') },
      { at: `${shared}/fingerprints`, content: `${fingerprints.join(' and ')}\n` },
      { at: `${shared}/address`, content: `${url}\n` },
      { at: `${shared}/renew`, content: texts['keyring-renew'], mode: 0o755 },
      { at: `${shared}/renew.awk`, content: texts['keyring-renew.awk'] },
      ...papers,
    ],
    scripts: { postinst: texts['keyring-postinst'], prerm: texts['keyring-prerm'] },
    epoch,
  };
  return await writePackage(name, version, 'all', content, options);
}
