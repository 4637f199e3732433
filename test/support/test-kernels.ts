import * as fs from 'node:fs/promises';
import * as path from 'node:path';
import type { OwnPackage } from './small-archive.ts';
import { editFile, repacked, testPackage } from './test-packages.ts';

/** The real headers package that the headers of a test's kernels are made from. */
export interface RealHeaders {
  deb: Buffer;
  release: string;
  version: string;
  /** What it depends on to build: common and kbuild packages and the compiler. */
  needs: readonly string[];
}

export interface TestKernel {
  release: string;
  flavour: string;
  version: string;
  architecture: string;
  image: OwnPackage;
  /** Undefined for the ones of other architectures. */
  headers: OwnPackage | undefined;
  /** Image and headers. */
  packages: OwnPackage[];
}

export interface KernelOptions {
  release: string;
  flavour?: string;
  version: string;
  /** Another one than the real headers' has no headers. */
  architecture?: string;
  /** Lines of `.config` that it has not: `CONFIG_WIREGUARD=m`. */
  without?: readonly string[];
}

/** Files of a headers package's flavour folder that name its release. */
const NAMING = [
  'Makefile',
  '.kernelvariables',
  '.config',
  'include/generated/utsrelease.h',
  'include/generated/autoconf.h',
  'include/generated/rustc_cfg',
  'include/config/auto.conf',
  'include/config/kernel.release',
];

/** The real headers under another release; common and kbuild packages stay the real ones. */
async function renamedHeaders(
  folder: string,
  real: RealHeaders,
  { release, version, without = [] }: KernelOptions,
): Promise<OwnPackage> {
  const name = `linux-headers-${release}`;
  return repacked(folder, real.deb, name, async (tree) => {
    const source = path.join(tree, 'usr/src', name);
    const modules = path.join(tree, 'usr/lib/modules');
    if (release !== real.release) {
      await fs.rename(path.join(tree, 'usr/src', `linux-headers-${real.release}`), source);
      await fs.rename(path.join(modules, real.release), path.join(modules, release));
    }
    await fs.rm(path.join(modules, release, 'build'));
    await fs.symlink(`../../../src/${name}`, path.join(modules, release, 'build'));
    for (const file of NAMING) {
      await editFile(path.join(source, file), (text) => text.replaceAll(real.release, release));
    }
    await editFile(path.join(source, '.config'), (text) =>
      text
        .split('\n')
        .filter((line) => !without.includes(line))
        .join('\n'),
    );
    // Most of its size, and only of use for BTF.
    await fs.rm(path.join(source, 'vmlinux'), { force: true });
    for (const file of ['usr/share', 'DEBIAN/postinst', 'DEBIAN/md5sums']) {
      await fs.rm(path.join(tree, file), { recursive: true, force: true });
    }
    const image = `linux-image-${release}`;
    const needs = [`${image} (= ${version}) | ${image}-unsigned (= ${version})`, ...real.needs];
    await editFile(path.join(tree, 'DEBIAN/control'), (text) =>
      text
        .replace(/^Package: .*$/m, `Package: ${name}`)
        .replace(/^Version: .*$/m, `Version: ${version}`)
        .replace(/^Depends: .*$/m, `Depends: ${needs.join(', ')}`),
    );
  });
}

/** Packs a kernel of the test's own: a tiny image, and headers with which modules are really built. */
export async function testKernel(
  folder: string,
  real: RealHeaders,
  options: KernelOptions,
): Promise<TestKernel> {
  const { release, version, architecture = 'amd64', flavour = `cloud-${architecture}` } = options;
  const image = await testPackage(
    folder,
    {
      Package: `linux-image-${release}`,
      Source: `linux-signed-${architecture} (${version.replace(/-(\d+)$/, '+$1')})`,
      Version: version,
      Architecture: architecture,
    },
    {
      [`boot/vmlinuz-${release}`]: `${release}\n`,
      [`usr/lib/modules/${release}/modules.order`]: '',
      [`usr/lib/modules/${release}/modules.builtin`]: '',
      [`usr/lib/modules/${release}/modules.builtin.modinfo`]: '',
    },
  );
  const headers =
    architecture === 'amd64' ? await renamedHeaders(folder, real, options) : undefined;
  const packages = headers === undefined ? [image] : [image, headers];
  return { release, flavour, version, architecture, image, headers, packages };
}

/** Packs the metapackage that points to a kernel. @param provides more names that it provides */
export async function metapackage(
  folder: string,
  { release, flavour, version, architecture }: TestKernel,
  provides: readonly string[] = [],
): Promise<OwnPackage> {
  return testPackage(folder, {
    Package: `linux-image-${flavour}`,
    Source: `linux-signed-${architecture} (${version.replace(/-(\d+)$/, '+$1')})`,
    Version: version,
    Architecture: architecture,
    Depends: `linux-image-${release} (= ${version})`,
    Provides: [`linux-latest-modules-${release}`, ...provides].join(', '),
  });
}
