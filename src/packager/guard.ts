import { readdirSync, readFileSync } from 'node:fs';
import * as path from 'node:path';
import { gzipSync } from 'node:zlib';
import { canonicalJson, sha256 } from '../core/hash.ts';
import { parseVersion } from '../debian/version.ts';
import type { DebContent, DebFile } from './deb-tree.ts';
import { description, NOT_UPLOADED } from './documents.ts';
import { documents, type MadePackage, type PackagerOptions, writePackage } from './parts.ts';
import { type OwnSource, ownSourceRef, sourceField } from './source-package.ts';

export const GUARD_PACKAGE = 'lockstep-guard';

/** Rises when the guard changes; tracking packages ask for the first one that knows their file. */
const GUARD_VERSION = '1.0-1';

/** Seconds since 1970 of its files. */
const EPOCH = 1_795_737_600;

const SOURCE = path.join(import.meta.dirname, '../../guard');

function read(at: string): Buffer {
  return readFileSync(path.join(SOURCE, at));
}

/** Files of a folder of guard/, below the package's own folder; scripts can be run. */
function shared(folder: string): DebFile[] {
  return readdirSync(path.join(SOURCE, folder))
    .toSorted()
    .map((name) => {
      const content = read(`${folder}/${name}`);
      const mode = content.toString('latin1').startsWith('#!') ? 0o755 : 0o644;
      return { at: `usr/share/${GUARD_PACKAGE}/${folder}/${name}`, content, mode };
    });
}

function files(): DebFile[] {
  const units = [
    'lockstep-guard.service',
    'lockstep-guard.timer',
    'lockstep-guard-inhibit.service',
  ];
  return [
    { at: 'usr/sbin/lockstep-guard', content: read('lockstep-guard'), mode: 0o755 },
    { at: `usr/share/${GUARD_PACKAGE}/apt-gate`, content: read('apt-gate'), mode: 0o755 },
    ...shared('lib'),
    ...shared('hooks'),
    { at: 'etc/lockstep/guard.conf', content: read('etc/guard.conf') },
    ...units.map((name) => ({ at: `usr/lib/systemd/system/${name}`, content: read(name) })),
    {
      at: 'usr/share/man/man8/lockstep-guard.8.gz',
      content: gzipSync(read('lockstep-guard.8'), { level: 9 }),
    },
  ];
}

function scripts(): Record<string, string> {
  return Object.fromEntries(
    ['postinst', 'prerm', 'postrm'].map((name) => [name, read(`maintainer/${name}.sh`).toString()]),
  );
}

/** Hash of everything the guard is made of, but for its rebuild number. */
export function guardPackageIdentity(options: PackagerOptions): string {
  return sha256(
    canonicalJson({
      files: files().map(({ at, content, mode }) => [at, sha256(content), mode ?? 0]),
      scripts: scripts(),
      triggers: read('triggers').toString(),
      version: GUARD_VERSION,
      source: ownSourceRef(guardSource(), options.maintainer),
      maintainer: options.maintainer,
    }),
  );
}

/** Files of the guard's source: all of guard/. */
function sourceFiles(): DebFile[] {
  return readdirSync(SOURCE, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => {
      const at = path.relative(SOURCE, path.join(entry.parentPath, entry.name));
      const content = read(at);
      const mode = content.toString('latin1').startsWith('#!') ? 0o755 : 0o644;
      return { at, content, mode };
    })
    .toSorted((a, b) => (a.at < b.at ? -1 : 1));
}

let source: OwnSource | undefined;

/** The guard's source package. */
export function guardSource(): OwnSource {
  source ??= {
    ...{ name: GUARD_PACKAGE, version: parseVersion(GUARD_VERSION).upstream },
    change: 'Guard of this repository.',
    summary: 'keeps the machine from booting a kernel that lacks a module it wants',
    readme:
      'Shell alone: nothing is compiled. Lockstep puts the files where the package has them\n(src/packager/guard.ts of Lockstep).\n',
    copyright: read('copyright'),
    files: sourceFiles(),
    epoch: EPOCH,
  };
  return source;
}

/**
 * Builds the guard, the same for all suites and architectures; equal inputs give equal bytes.
 *
 * @param rebuild as in `packageVersion`
 */
export async function makeGuardPackage(
  rebuild: number,
  options: PackagerOptions,
): Promise<MadePackage> {
  const ref = ownSourceRef(guardSource(), options.maintainer);
  const version = rebuild === 0 ? GUARD_VERSION : `${GUARD_VERSION}+b${rebuild}`;
  const content: DebContent = {
    control: [
      ['Package', GUARD_PACKAGE],
      ['Source', sourceField(ref)],
      ['Version', version],
      ['Architecture', 'all'],
      ['Maintainer', options.maintainer],
      ['Section', 'admin'],
      ['Priority', 'optional'],
      [
        'Description',
        description('keeps the machine from booting a kernel that lacks a module it wants', [
          'Holds kernels back as long as a module that this machine wants is not published for them, says why and since when, and keeps the boot loader on a kernel that has all of them.',
          'It acts only where a package of prebuilt modules is installed that follows the newest kernel; such packages bring it.',
        ]),
      ],
    ],
    files: [
      ...files(),
      ...documents(
        GUARD_PACKAGE,
        version,
        EPOCH,
        'Guard of this repository.',
        options,
        ref,
        read('copyright'),
        NOT_UPLOADED,
      ),
    ],
    scripts: scripts(),
    lists: { conffiles: '/etc/lockstep/guard.conf\n', triggers: read('triggers').toString() },
    epoch: EPOCH,
  };
  return await writePackage(GUARD_PACKAGE, version, 'all', content, options);
}
