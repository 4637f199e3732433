import { parseStanza } from '../../debian/control.ts';
import { sha256 } from '../../core/hash.ts';
import type { SuiteInput } from '../catalogue.ts';
import { type IndexedPackage, type IndexPlace, packageOf } from '../scan.ts';

export const PLACE: IndexPlace = {
  base: 'http://mirror.example/debian/',
  suite: 'trixie',
  component: 'main',
};

/** Completes `Package: …` paragraphs with the fields that every entry of an index has. */
export function completeIndex(text: string, architecture: string): string {
  return text
    .trim()
    .split(/\n{2,}/)
    .map((paragraph) => {
      const fields = parseStanza(paragraph);
      const name = fields.get('Package') ?? '';
      const has = (field: string, value: string): string =>
        fields.has(field) ? '' : `\n${field}: ${value}`;
      return (
        paragraph +
        has('Architecture', name.includes('-common') ? 'all' : architecture) +
        has('Filename', `pool/main/l/linux/${name}_${fields.get('Version')}.deb`) +
        has('Size', '1000') +
        has('SHA256', sha256(paragraph))
      );
    })
    .join('\n\n')
    .concat('\n');
}

/** The packages of a hand-made index. */
export function packagesOf(
  text: string,
  architecture = 'amd64',
  place: Partial<IndexPlace> = {},
): IndexedPackage[] {
  return completeIndex(text, architecture)
    .split('\n\n')
    .flatMap((paragraph) => packageOf(parseStanza(paragraph), { ...PLACE, ...place }) ?? []);
}

/** A published suite of some packages; no index is stale unless said. */
export function suiteInput(
  suite: string,
  packages: readonly IndexedPackage[],
  stale: Readonly<Record<string, string>> = {},
): SuiteInput {
  return { suite, packages, stale: new Map(Object.entries(stale)) };
}

/** bookworm (bullseye alike): kbuild is shared by the ABIs of a version, the compiler package is empty. */
export const BOOKWORM = `
Package: linux-compiler-gcc-12-x86
Source: linux
Version: 6.1.176-1
Depends: gcc-12

Package: linux-kbuild-6.1
Source: linux
Version: 6.1.176-1
Depends: libc6 (>= 2.34), libelf1 (>= 0.142), libssl3 (>= 3.0.0)

Package: linux-headers-6.1.0-47-common
Source: linux
Version: 6.1.170-3

Package: linux-headers-6.1.0-47-amd64
Source: linux
Version: 6.1.170-3
Depends: linux-headers-6.1.0-47-common (= 6.1.170-3), linux-kbuild-6.1 (>= 6.1.170-3), linux-compiler-gcc-12-x86

Package: linux-headers-6.1.0-50-common
Source: linux
Version: 6.1.176-1

Package: linux-headers-6.1.0-50-amd64
Source: linux
Version: 6.1.176-1
Depends: linux-headers-6.1.0-50-common (= 6.1.176-1), linux-kbuild-6.1 (>= 6.1.176-1), linux-compiler-gcc-12-x86

Package: linux-image-6.1.0-47-amd64
Source: linux-signed-amd64 (6.1.170+3)
Version: 6.1.170-3
Depends: kmod, linux-base (>= 4.3~), initramfs-tools (>= 0.120+deb8u2) | linux-initramfs-tool

Package: linux-image-6.1.0-50-amd64-unsigned
Source: linux
Version: 6.1.176-1
Depends: kmod, linux-base (>= 4.3~)

Package: linux-image-6.1.0-50-amd64
Source: linux-signed-amd64 (6.1.176+1)
Version: 6.1.176-1
Depends: kmod, linux-base (>= 4.3~)

Package: linux-image-6.1.0-50-amd64-dbg
Source: linux
Version: 6.1.176-1

Package: linux-image-amd64-dbg
Source: linux
Version: 6.1.176-1
Depends: linux-image-6.1.0-50-amd64-dbg (= 6.1.176-1)
Provides: linux-image-generic-dbg

Package: linux-image-amd64-signed-template
Source: linux
Version: 6.1.176-1

Package: linux-headers-amd64
Source: linux-signed-amd64 (6.1.176+1)
Version: 6.1.176-1
Provides: linux-headers-generic
Depends: linux-headers-6.1.0-50-amd64 (= 6.1.176-1)

Package: linux-image-amd64
Source: linux-signed-amd64 (6.1.176+1)
Version: 6.1.176-1
Provides: linux-image-generic, linux-latest-modules-6.1.0-50-amd64, virtualbox-guest-modules, wireguard-modules (= 1.0.0)
Depends: linux-image-6.1.0-50-amd64 (= 6.1.176-1)
`;

/** trixie: kbuild by ABI, and headers that depend on the image, signed or not. */
export function trixie(abi: string, version: string, flavours: readonly string[]): string {
  const each = flavours.map(
    (flavour) => `
Package: linux-headers-${abi}-${flavour}
Source: linux
Version: ${version}
Depends: linux-base (>= 4.12~), linux-headers-${abi}-common (= ${version}), linux-image-${abi}-${flavour} (= ${version}) | linux-image-${abi}-${flavour}-unsigned (= ${version}), linux-kbuild-${abi}, gcc-14

Package: linux-image-${abi}-${flavour}-unsigned
Source: linux
Version: ${version}
Depends: kmod

Package: linux-image-${abi}-${flavour}
Source: linux-signed-amd64 (${version.replace('-', '+')})
Version: ${version}
Depends: kmod
`,
  );
  return `
Package: linux-headers-${abi}-common
Source: linux
Version: ${version}

Package: linux-kbuild-${abi}
Source: linux
Version: ${version}
Depends: libc6 (>= 2.38), libelf1t64 (>= 0.144), pahole
${each.join('\n')}`;
}

/** The metapackage of a flavour; its name differs where a suite has kernels of two versions. */
export function metapackage(
  flavour: string,
  abi: string,
  version: string,
  track = flavour,
): string {
  return `
Package: linux-image-${track}
Source: linux-signed-amd64 (${version.replace('-', '+')})
Version: ${version}
Provides: linux-image-generic, linux-latest-modules-${abi}-${flavour}, wireguard-modules (= 1.0.0)
Depends: linux-image-${abi}-${flavour} (= ${version})
`;
}

/** sid and forky: the image is split. */
export const SID = `
Package: linux-base-7.2.13+deb14-amd64
Source: linux
Version: 7.2.13-1

Package: linux-binary-7.2.13+deb14-amd64
Source: linux-signed-amd64 (7.2.13+1)
Version: 7.2.13-1
Depends: linux-base-7.2.13+deb14-amd64 (= 7.2.13-1)

Package: linux-modules-7.2.13+deb14-amd64
Source: linux
Version: 7.2.13-1
Depends: kmod, linux-base-7.2.13+deb14-amd64 (= 7.2.13-1)

Package: linux-headers-7.2.13+deb14-common
Source: linux
Version: 7.2.13-1

Package: linux-kbuild-7.2.13+deb14
Source: linux
Version: 7.2.13-1
Depends: pahole, libc6 (>= 2.38)

Package: linux-headers-7.2.13+deb14-amd64
Source: linux
Version: 7.2.13-1
Depends: gcc-16-for-host, linux-base (>= 4.12~), linux-base-7.2.13+deb14-amd64 (= 7.2.13-1), linux-headers-7.2.13+deb14-common (= 7.2.13-1), linux-kbuild-7.2.13+deb14

Package: linux-image-7.2.13+deb14-amd64
Source: linux-signed-amd64 (7.2.13+1)
Version: 7.2.13-1
Depends: dracut | initramfs-tools, linux-binary-7.2.13+deb14-amd64 (= 7.2.13-1), linux-modules-7.2.13+deb14-amd64 (= 7.2.13-1)

Package: linux-base-amd64
Source: linux-signed-amd64 (7.2.13+1)
Version: 7.2.13-1
Depends: linux-base-7.2.13+deb14-amd64 (= 7.2.13-1)

Package: linux-image-amd64
Source: linux-signed-amd64 (7.2.13+1)
Version: 7.2.13-1
Provides: linux-image-generic, linux-latest-modules-7.2.13+deb14-amd64, wireguard-modules (= 1.0.0)
Depends: linux-base-amd64 (= 7.2.13-1), linux-image-7.2.13+deb14-amd64 (= 7.2.13-1)
`;
