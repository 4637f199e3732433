import { execFileSync } from 'node:child_process';
import * as fs from 'node:fs/promises';
import * as path from 'node:path';

const MOUNT_POINTS = ['dev', 'out', 'proc', 'run', 'tmp', 'var/lib/dkms', 'var/tmp', 'usr/bin'];

/** Makes a root for sandboxes out of the static busybox and nothing else. */
export async function makeTinyRoot(root: string): Promise<void> {
  for (const at of MOUNT_POINTS) {
    await fs.mkdir(path.join(root, at), { recursive: true });
  }
  await fs.symlink('usr/bin', path.join(root, 'bin'));
  const busybox = '/bin/busybox';
  await fs.copyFile(busybox, path.join(root, 'usr/bin/busybox'));
  const applets = execFileSync(busybox, ['--list'], { encoding: 'utf8' }).trim().split('\n');
  for (const applet of applets.filter((name) => name !== 'busybox')) {
    await fs.symlink('busybox', path.join(root, 'usr/bin', applet));
  }
}

/** Adds programs of this machine, with the libraries that ldd(1) names for them. */
export async function addPrograms(root: string, programs: readonly string[]): Promise<void> {
  const libraries = programs.flatMap(
    (program) => execFileSync('ldd', [program], { encoding: 'utf8' }).match(/\/\S+/g) ?? [],
  );
  for (const file of new Set(libraries)) {
    await fs.mkdir(path.join(root, path.dirname(file)), { recursive: true });
    await fs.copyFile(file, path.join(root, file));
  }
  await fs.mkdir(path.join(root, 'usr/bin'), { recursive: true });
  for (const program of programs) {
    const at = path.join(root, 'usr/bin', path.basename(program));
    await fs.rm(at, { force: true });
    await fs.copyFile(program, at);
  }
}
