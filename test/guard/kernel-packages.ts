import type { DebContent } from '../../src/packager/deb-tree.ts';
import { imageScripts, modulesScripts } from './kernel-scripts.ts';
import type { StandIn, SuiteName } from './suites.ts';

/** A package before it is packed. */
export type PackageContent = DebContent;

const EPOCH = 1_790_000_000;
const BREAKS =
  'fwupdate (<< 12-7), initramfs-tools (<< 0.120+deb8u2), wireless-regdb (<< 2019.06.03-1~)';

type Fields = Readonly<Record<string, string | undefined>>;

/** A package of the stage's own. */
export function content(
  fields: Fields & { Package: string; Version: string },
  files: Readonly<Record<string, string>> = {},
  scripts: Readonly<Record<string, string>> = {},
): PackageContent {
  const { Package: name, Version: version, ...more } = fields;
  const control = {
    Package: name,
    Version: version,
    Architecture: 'amd64',
    Maintainer: 'Debian Kernel Team <debian-kernel@lists.debian.org>',
    Section: 'kernel',
    Priority: 'optional',
    ...more,
    Description: `${name}, as the stage has it`,
  };
  return {
    control: Object.entries(control),
    files: [
      { at: `usr/share/doc/${name}/README`, content: `${name} ${version}\n` },
      ...Object.entries(files).map(([at, text]) => ({ at, content: text })),
    ],
    scripts,
    epoch: EPOCH,
  };
}

/** Where a suite's kernels have their modules. */
export function modulesDirectory(suite: SuiteName): '/lib/modules' | '/usr/lib/modules' {
  return suite === 'bookworm' ? '/lib/modules' : '/usr/lib/modules';
}

function wholeImages(suite: SuiteName, kernel: StandIn, release: string): PackageContent[] {
  const { version } = kernel;
  const below = `${modulesDirectory(suite).slice(1)}/${release}`;
  return ['', '-unsigned'].map((suffix) => {
    const name = `linux-image-${release}`;
    const other = suffix === '' ? `${name}-unsigned` : name;
    // A release upgrade has bookworm's, since the stage has no other.
    const base = 'linux-base (>= 4.3~)';
    const initramfs = 'initramfs-tools (>= 0.120+deb8u2) | linux-initramfs-tool';
    const fields = {
      Package: `${name}${suffix}`,
      Source: suffix === '' ? `linux-signed-amd64 (${version.replace('-', '+')})` : 'linux',
      Version: version,
      Replaces: other,
      Conflicts: other,
      Breaks: BREAKS,
      Recommends: suite === 'bookworm' ? 'firmware-linux-free, apparmor' : 'apparmor',
      ...(suite === 'bookworm'
        ? { Depends: `kmod, ${base}, ${initramfs}` }
        : { Depends: `kmod, ${initramfs}`, 'Pre-Depends': base }),
    };
    return content(
      fields,
      {
        [`boot/vmlinuz-${release}`]: `${release} ${version}${suffix}\n`,
        [`boot/config-${release}`]: '# a stand-in\n',
        [`${below}/modules.builtin`]: '',
        [`${below}/modules.order`]: 'kernel/fs/none.ko\n',
        [`${below}/kernel/none`]: '',
      },
      imageScripts(suite, release, true),
    );
  });
}

function splitImages(suite: SuiteName, kernel: StandIn, release: string): PackageContent[] {
  const { version } = kernel;
  const exact = `(= ${version})`;
  const base = `linux-base-${release} ${exact}`;
  const below = `usr/lib/modules/${release}`;
  // A hook of sid's linux-base copies it to /boot.
  const image = suite === 'sid' ? `${below}/vmlinuz` : `boot/vmlinuz-${release}`;
  const common = { Source: `linux-signed-amd64 (${version.replace('-', '+')})`, Version: version };
  return [
    content(
      { Package: `linux-base-${release}`, ...common },
      {
        [`${below}/modules.builtin`]: '',
        [`${below}/modules.order`]: 'kernel/fs/none.ko\n',
        [`${below}/config`]: '# a stand-in\n',
      },
    ),
    content(
      { Package: `linux-binary-${release}`, ...common, Depends: base },
      { [image]: `${release} ${version}\n` },
    ),
    content(
      {
        Package: `linux-binary-unsigned-${release}`,
        Version: version,
        Depends: base,
        Conflicts: `linux-binary-${release}`,
        Replaces: `linux-binary-${release}`,
      },
      { [image]: `${release} ${version} unsigned\n` },
    ),
    content(
      { Package: `linux-modules-${release}`, ...common, Depends: `kmod, ${base}` },
      { [`${below}/kernel/none`]: '' },
      modulesScripts(release),
    ),
    content(
      {
        Package: `linux-image-${release}`,
        ...common,
        'Pre-Depends': 'linux-base (>= 4.3~)',
        Depends: `dracut | initramfs-tools (>= 0.120+deb8u2) | linux-initramfs-tool, ${base}, linux-binary-${release} ${exact}, linux-modules-${release} ${exact}`,
        Breaks: BREAKS,
        Recommends: 'apparmor',
      },
      {},
      imageScripts(suite, release, false),
    ),
  ];
}

function headers(suite: SuiteName, kernel: StandIn, release: string): PackageContent {
  const { abi, version, layout } = kernel;
  const exact = `(= ${version})`;
  const common = `linux-headers-${abi}-common ${exact}`;
  const image = `linux-image-${release} ${exact} | linux-image-${release}-unsigned ${exact}`;
  const depends =
    suite === 'bookworm'
      ? `${common}, linux-kbuild-6.1, linux-compiler-gcc-12-x86`
      : layout === 'whole'
        ? `linux-base (>= 4.3~), ${common}, ${image}, linux-kbuild-${abi}, gcc-14`
        : `gcc-16-for-host, linux-base (>= 4.3~), linux-base-${release} ${exact}, ${common}, linux-kbuild-${abi}`;
  return content({
    Package: `linux-headers-${release}`,
    Source: 'linux',
    Version: version,
    Depends: depends,
  });
}

function metapackages(kernel: StandIn, flavour: string): PackageContent[] {
  const { abi, version, layout } = kernel;
  const release = `${abi}-${flavour}`;
  const exact = `(= ${version})`;
  const common = { Source: `linux-signed-amd64 (${version.replace('-', '+')})`, Version: version };
  const base = layout === 'split' ? [`linux-base-${flavour} ${exact}`] : [];
  const generic = flavour === 'amd64' ? ['linux-image-generic'] : [];
  return [
    content({
      Package: `linux-image-${flavour}`,
      ...common,
      Provides: [
        ...generic,
        `linux-latest-modules-${release}`,
        'virtualbox-guest-modules',
        'wireguard-modules (= 1.0.0)',
      ].join(', '),
      Depends: [...base, `linux-image-${release} ${exact}`].join(', '),
    }),
    content({
      Package: `linux-headers-${flavour}`,
      ...common,
      Provides: flavour === 'amd64' ? 'linux-headers-generic' : undefined,
      Depends: [...base, `linux-headers-${release} ${exact}`].join(', '),
    }),
    ...(layout === 'whole'
      ? []
      : [
          content({
            Package: `linux-base-${flavour}`,
            ...common,
            Depends: `linux-base-${release} ${exact}`,
          }),
        ]),
  ];
}

/** A kernel's packages for one flavour: those of its release, and the metapackages that point to it. */
export interface KernelPackages {
  own: PackageContent[];
  meta: PackageContent[];
}

/** The packages of a kernel for one flavour, with the fields that Debian's have. */
export function kernelPackages(
  suite: SuiteName,
  kernel: StandIn,
  flavour: string,
  architecture = 'amd64',
): KernelPackages {
  const release = `${kernel.abi}-${flavour}`;
  const images = kernel.layout === 'whole' ? wholeImages : splitImages;
  const packages = {
    own: [...images(suite, kernel, release), headers(suite, kernel, release)],
    meta: metapackages(kernel, flavour),
  };
  const onto = (made: PackageContent): PackageContent => ({
    ...made,
    control: made.control.map(([key, value]) =>
      key === 'Architecture' ? [key, architecture] : [key, value],
    ),
  });
  return { own: packages.own.map(onto), meta: packages.meta.map(onto) };
}

/** What all flavours of a kernel share. */
export function commonPackages(kernel: StandIn): PackageContent[] {
  const { abi, version } = kernel;
  return [`linux-headers-${abi}-common`, `linux-kbuild-${abi}`].map((name) =>
    content({ Package: name, Source: 'linux', Version: version, Architecture: 'all' }),
  );
}
