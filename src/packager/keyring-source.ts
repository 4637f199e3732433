import { canonicalJson, sha256 } from '../core/hash.ts';
import type { SourcePackageRef } from '../model/packages.ts';
import type { DebFile } from './deb-tree.ts';
import type { KeyringInputs } from './keyring.ts';
import type { PackagerOptions } from './parts.ts';
import { SOURCE_FORMAT, sourceVersion, writeSourcePackage } from './source-package.ts';

/** What a keyring package is put together from. */
export interface KeyringSource {
  inputs: KeyringInputs;
  scripts: Readonly<Record<string, string>>;
  copyright: Buffer;
}

function files({ inputs, scripts }: KeyringSource): DebFile[] {
  const { armoured, former, fingerprints, url } = inputs;
  return [
    { at: 'keys.asc', content: armoured },
    { at: 'former', content: former.map((line) => `${line}\n`).join('') },
    { at: 'fingerprints', content: fingerprints.map((line) => `${line}\n`).join('') },
    { at: 'address', content: `${url}\n` },
    ...Object.entries(scripts).map(([at, content]) => ({ at, content })),
  ];
}

/** Name and version of the source package of a keyring. */
export function keyringSource(
  source: KeyringSource,
  { maintainer }: Pick<PackagerOptions, 'maintainer'>,
): SourcePackageRef {
  const list = files(source).map(({ at, content }) => [at, sha256(content)]);
  const identity = sha256(canonicalJson([SOURCE_FORMAT, list, maintainer]));
  const { name, version } = source.inputs;
  return { name, version: sourceVersion(version, identity) };
}

/**
 * Makes the source package of a keyring.
 *
 * @param directory of its own
 * @returns the path of the `.dsc`
 */
export function writeKeyringSource(
  directory: string,
  source: KeyringSource,
  options: Pick<PackagerOptions, 'maintainer' | 'origin'>,
): Promise<string> {
  const { name, version } = keyringSource(source, options);
  return writeSourcePackage(
    directory,
    {
      ...{ name, maintainer: options.maintainer, homepage: undefined, binary: name },
      change: 'Keys of this repository.',
      summary: `keys of the repository ${options.origin}`.slice(0, 79),
      readme:
        'Keys and shell scripts: nothing is compiled. Lockstep puts the files where the package has them\n(src/packager/keyring.ts of Lockstep).\n',
      copyright: source.copyright,
      files: files(source),
      trees: {},
      epoch: source.inputs.epoch,
    },
    version,
  );
}
