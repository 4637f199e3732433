import { createHash } from 'node:crypto';
import * as fs from 'node:fs/promises';
import * as path from 'node:path';
import { makeDirectoryAtomic } from '../core/files.ts';
import { canonicalJson, sha256 } from '../core/hash.ts';
import { formatStanza } from '../debian/control.ts';
import { parseVersion, withoutEpoch } from '../debian/version.ts';
import type { SourcePackageRef } from '../model/packages.ts';
import { copyTree, packTree, stampFolders } from '../programs/source-tar.ts';
import type { DebFile } from './deb-tree.ts';
import { changelogDate, description } from './documents.ts';

/** Rises when other source packages are made of the same inputs. */
export const SOURCE_FORMAT = 1;

/** Everything of a source package that Lockstep makes, but for its version. */
export interface SourceContent {
  name: string;
  maintainer: string;
  homepage: string | undefined;
  /** One line of its changelog. */
  change: string;
  summary: string;
  /** The binary package that its control file names. */
  binary: string;
  /** `README.source`. */
  readme: string;
  copyright: Uint8Array | string | undefined;
  /** Further files, below the top folder. */
  files: readonly DebFile[];
  /** Folders whose content is copied: place below the top folder → where it lies. Untrusted: no link is followed. */
  trees: Readonly<Record<string, string>>;
  /** Date of what has no date of its own, seconds since 1970. */
  epoch: number;
}

/**
 * The version of a source package: that of what is in it, and a hash, so that a version never stands for two contents.
 * A native source package has no revision: its hyphens are written as `+`.
 *
 * @param identity hash of everything that the package is made of
 */
export function sourceVersion(version: string, identity: string): string {
  const { epoch, upstream, revision } = parseVersion(version);
  const plain = [upstream, ...(revision === '' ? [] : [revision])].join('+').replaceAll('-', '+');
  return `${epoch === 0 ? '' : `${epoch}:`}${plain}+s${identity.slice(0, 12)}`;
}

/** Field `Source` of a package that is built from a source package (Policy 5.6.1): apt finds that one by it. */
export function sourceField({ name, version }: SourcePackageRef): string {
  return `${name} (${version})`;
}

/** Name of a source package's folder and, with an ending, of its files: no epoch in it. */
export function sourceFileName({ name, version }: SourcePackageRef): string {
  return `${name}_${withoutEpoch(version)}`;
}

const RULES = `#!/usr/bin/make -f
# The packages are put together by Lockstep, from what \`recipe/build\` makes: see debian/README.source.
clean build build-arch build-indep:
binary binary-arch binary-indep:
\t@echo 'see debian/README.source' >&2; exit 1
`;

function debianFiles(content: SourceContent, version: string): DebFile[] {
  const { name, maintainer, homepage, change, summary, binary, epoch } = content;
  return [
    {
      at: 'debian/changelog',
      content: `${name} (${version}) unstable; urgency=medium\n\n  * ${change}\n\n -- ${maintainer}  ${changelogDate(epoch)}\n`,
    },
    {
      at: 'debian/control',
      content: [
        formatStanza([
          ['Source', name],
          ['Section', 'kernel'],
          ['Priority', 'optional'],
          ['Maintainer', maintainer],
          ['Standards-Version', STANDARDS],
          ['Homepage', homepage],
          ['Rules-Requires-Root', 'no'],
        ]),
        formatStanza([
          ['Package', binary],
          ['Architecture', 'any'],
          ['Description', description(summary, ['See debian/README.source.'])],
        ]),
      ].join('\n'),
    },
    { at: 'debian/rules', content: RULES, mode: 0o755 },
    { at: 'debian/source/format', content: '3.0 (native)\n' },
    { at: 'debian/README.source', content: content.readme },
    ...(content.copyright === undefined
      ? []
      : [{ at: 'debian/copyright', content: content.copyright }]),
  ];
}

const STANDARDS = '4.7.2';

/**
 * Makes a source package (3.0 native) in a folder of its own, whole or not at all; one that is there is taken as it is.
 * Equal inputs give equal bytes.
 *
 * @param directory gets the `.dsc` and the tarball
 * @returns the path of the `.dsc`
 */
export async function writeSourcePackage(
  directory: string,
  content: SourceContent,
  version: string,
): Promise<string> {
  const { name, epoch } = content;
  const base = sourceFileName({ name, version });
  await makeDirectoryAtomic(directory, async (temporary) => {
    const top = `${name}-${withoutEpoch(version)}`;
    const tree = path.join(temporary, top);
    await fs.mkdir(tree);
    for (const file of [...debianFiles(content, version), ...content.files]) {
      const target = path.join(tree, file.at);
      await fs.mkdir(path.dirname(target), { recursive: true });
      await fs.writeFile(target, file.content);
      await fs.chmod(target, file.mode ?? 0o644);
      await fs.utimes(target, epoch, epoch);
    }
    for (const [at, from] of Object.entries(content.trees)) {
      await fs.mkdir(path.join(tree, at), { recursive: true });
      await copyTree(from, path.join(tree, at));
    }
    await stampFolders(tree, epoch);
    const tarball = path.join(temporary, `${base}.tar.xz`);
    await packTree(temporary, top, tarball);
    await fs.rm(tree, { recursive: true });
    const bytes = await fs.readFile(tarball);
    const listed = (hash: string): string => `\n ${hash} ${bytes.length} ${base}.tar.xz`;
    const dsc = formatStanza([
      ['Format', '3.0 (native)'],
      ['Source', name],
      ['Binary', content.binary],
      ['Architecture', 'any'],
      ['Version', version],
      ['Maintainer', content.maintainer],
      ['Homepage', content.homepage],
      ['Standards-Version', STANDARDS],
      ['Checksums-Sha256', listed(sha256(bytes))],
      ['Files', listed(createHash('md5').update(bytes).digest('hex'))],
    ]);
    await fs.writeFile(path.join(temporary, `${base}.dsc`), dsc);
  });
  return path.join(directory, `${base}.dsc`);
}

/** A source package of files alone. */
export interface OwnSource
  extends Pick<
    SourceContent,
    'name' | 'change' | 'summary' | 'readme' | 'copyright' | 'files' | 'epoch'
  > {
  /** The version of what is in it; that of the source package says its content besides. */
  version: string;
}

/** Name and version of a source package of files alone. */
export function ownSourceRef(
  { name, version, files }: OwnSource,
  maintainer: string,
): SourcePackageRef {
  const list = files.map(({ at, content, mode }) => [at, sha256(content), mode ?? 0]);
  const identity = sha256(canonicalJson([SOURCE_FORMAT, list, maintainer]));
  return { name, version: sourceVersion(version, identity) };
}

/**
 * Makes a source package of files alone.
 *
 * @param directory of its own
 * @returns the path of the `.dsc`
 */
export function writeOwnSource(
  directory: string,
  source: OwnSource,
  maintainer: string,
): Promise<string> {
  const { name, version } = ownSourceRef(source, maintainer);
  const content = { ...source, maintainer, homepage: undefined, binary: name, trees: {} };
  return writeSourcePackage(directory, content, version);
}
