import * as fs from 'node:fs/promises';
import * as path from 'node:path';
import { LockstepError } from '../core/errors.ts';
import type { Kernel, KernelHeaders } from '../model/kernels.ts';
import type { PackageRef } from '../model/packages.ts';
import type { ModuleCompression } from '../model/records.ts';
import { wasOutsideUsr } from './merged-usr.ts';
import type { Store } from './store.ts';

/** A kernel's unpacked headers, and what was read from them. */
export interface KernelTree {
  kernel: Kernel;
  /** Folders for the sandbox's root, uppermost first. */
  layers: string[];
  /** Text of `.config`. */
  config: string;
  /** Text of `Module.symvers`. */
  symvers: string;
  compression: ModuleCompression;
  /** Where the suite's own modules lie: `/usr/lib/modules` where the kernel packages use it, else `/lib/modules`. */
  modulesDirectory: '/usr/lib/modules' | '/lib/modules';
}

/** `uname -m` of Debian's architectures, as a dkms.conf sees it in `$arch`. */
export function machineOf(architecture: string): string {
  const machines: Record<string, string> = {
    amd64: 'x86_64',
    arm64: 'aarch64',
    armel: 'armv5tel',
    armhf: 'armv7l',
    i386: 'i686',
    mips64el: 'mips64',
    mipsel: 'mips',
    ppc64el: 'ppc64le',
    loong64: 'loongarch64',
  };
  return machines[architecture] ?? architecture;
}

/** How a kernel's own modules are compressed, by its configuration (kbuild's MODULE_COMPRESS). */
export function compressionOf(config: string): ModuleCompression {
  const has = (option: string): boolean => config.includes(`\nCONFIG_MODULE_COMPRESS_${option}=y`);
  const all = has('ALL') || !config.includes('CONFIG_MODULE_COMPRESS_ALL');
  if (!all) {
    return 'none';
  }
  return has('XZ') ? 'xz' : has('ZSTD') ? 'zstd' : has('GZIP') ? 'gzip' : 'none';
}

/** The packages that are unpacked to build for a kernel, uppermost layer first. */
export function unpackedOf(headers: KernelHeaders | undefined): PackageRef[] {
  return headers === undefined ? [] : [...headers.packages, ...headers.tools];
}

/**
 * Unpacks a kernel's headers and reads what verification and packaging need.
 *
 * @throws LockstepError as the archive's fetch does; SANDBOX_FAILED when the packages lack what headers must have
 */
export async function openKernelTree(kernel: Kernel, store: Store): Promise<KernelTree> {
  const headers = kernel.headers;
  if (headers === undefined) {
    throw new Error(`${kernel.release} has no headers`);
  }
  const layers = await Promise.all(unpackedOf(headers).map((ref) => store.headers(ref)));
  const read = async (name: string): Promise<string> => {
    for (const layer of layers) {
      const file = path.join(layer, 'usr/src', `linux-headers-${kernel.release}`, name);
      const text = await fs.readFile(file, 'utf8').catch(() => undefined);
      if (text !== undefined) {
        return text;
      }
    }
    throw new LockstepError(
      'SANDBOX_FAILED',
      `the headers packages of ${kernel.release} have no /usr/src/linux-headers-${kernel.release}/${name}`,
    );
  };
  const config = await read('.config');
  const merged = await Promise.all(
    layers.map(async (layer) => {
      const isThere = await fs.stat(path.join(layer, 'usr/lib/modules')).catch(() => undefined);
      return isThere === undefined || (await wasOutsideUsr(layer)) ? undefined : isThere;
    }),
  );
  return {
    kernel,
    layers,
    config,
    symvers: await read('Module.symvers'),
    compression: compressionOf(config),
    modulesDirectory: merged.some((entry) => entry !== undefined)
      ? '/usr/lib/modules'
      : '/lib/modules',
  };
}
