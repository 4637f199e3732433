import * as fs from 'node:fs/promises';
import * as path from 'node:path';
import { unpackDeb } from '../../src/programs/dpkg-deb.ts';
import { runProgram } from '../../src/programs/run.ts';
import { indexRoot } from './index-root.ts';
import type { Guest } from './initramfs.ts';
import { debianAccess } from './mirror.ts';

/** A kernel of any architecture, unpacked, and what it takes to boot it here: parts of `BootOptions`. */
export interface ForeignKernel {
  vmlinuz: string;
  modulesTree: string;
  guest: Guest;
}

/** The packages that bring a kernel's image and modules: one, or two where Debian splits them (sid). */
const IMAGES = [['linux-image-'], ['linux-binary-', 'linux-modules-']] as const;

/** A guest's script that ends with status 0 when v4l2loopback could be loaded, works and could be unloaded. */
export const V4L2LOOPBACK_SCRIPT = `set -e
uname -r
modprobe v4l2loopback
[ -e /dev/video0 ] && echo video
rmmod v4l2loopback
[ ! -e /sys/module/v4l2loopback ] && echo unloaded
dmesg | grep -i v4l2loopback | grep -iE 'disagrees|unknown symbol|version magic' || echo clean
`;

async function found(candidates: readonly string[]): Promise<string> {
  for (const file of candidates) {
    if ((await fs.stat(file).catch(() => undefined)) !== undefined) {
      return file;
    }
  }
  throw new Error(`none of ${candidates.join(', ')} is there`);
}

/**
 * Downloads and unpacks a kernel and a static busybox of its architecture, puts modules beside the kernel's own and
 * runs depmod.
 *
 * @param folder made when missing; the caller removes it
 * @param suites where apt looks for the packages
 * @param modules paths of `.ko` files
 */
export async function foreignKernel(
  folder: string,
  suites: readonly string[],
  architecture: string,
  release: string,
  modules: readonly string[],
): Promise<ForeignKernel> {
  const root = await indexRoot(
    path.join(folder, 'apt'),
    suites,
    architecture,
    await debianAccess(),
  );
  const problem = await root.update();
  if (problem !== undefined) {
    throw new Error(`${suites.join(', ')} ${architecture}: ${problem}`);
  }
  const debs = path.join(folder, 'debs');
  const tree = path.join(folder, 'tree');
  await fs.mkdir(debs, { recursive: true });
  await fs.mkdir(tree, { recursive: true });
  const { stdout: known } = await root.must('apt-cache', ['pkgnames', 'linux-']);
  const isSplit = known.split('\n').includes(`linux-binary-${release}`);
  const names = IMAGES[isSplit ? 1 : 0].map((prefix) => `${prefix}${release}`);
  await root.must('sh', [
    ...['-c', 'cd "$1" && shift && apt-get download -q "$@"', 'sh', debs],
    ...[...names, 'busybox-static'],
  ]);
  for (const name of await fs.readdir(debs)) {
    await unpackDeb(path.join(debs, name), tree);
  }
  const modulesTree = await found(
    ['usr/lib/modules', 'lib/modules'].map((at) => path.join(tree, at, release)),
  );
  await fs.mkdir(path.join(modulesTree, 'updates'));
  for (const file of modules) {
    await fs.copyFile(file, path.join(modulesTree, 'updates', path.basename(file)));
  }
  // depmod looks into /lib/modules of its base.
  const base = path.join(folder, 'depmod');
  await fs.mkdir(path.join(base, 'lib/modules'), { recursive: true });
  await fs.symlink(modulesTree, path.join(base, 'lib/modules', release));
  await runProgram('depmod', ['-b', base, release]);
  return {
    modulesTree,
    vmlinuz: await found([
      ...['vmlinuz', 'vmlinux'].map((name) => path.join(tree, 'boot', `${name}-${release}`)),
      ...['vmlinuz', 'vmlinux'].map((name) => path.join(modulesTree, name)),
    ]),
    guest: {
      architecture,
      busybox: await found(['usr/bin/busybox', 'bin/busybox'].map((at) => path.join(tree, at))),
    },
  };
}
