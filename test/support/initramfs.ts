import * as fs from 'node:fs/promises';
import * as path from 'node:path';
import { runProgram } from '../../src/programs/run.ts';

const INIT = path.join(import.meta.dirname, 'guest-init.sh');
const FOLDERS = [
  'bin',
  'dev',
  'etc',
  'proc',
  'root',
  'run',
  'sbin',
  'sys',
  'tmp',
  'usr/bin',
  'usr/sbin',
];
const KMOD_NAMES = ['depmod', 'insmod', 'lsmod', 'modinfo', 'modprobe', 'rmmod'];

/** Module names as the kernel has them: `snd-dummy` and `snd_dummy` are one. */
function canonical(name: string): string {
  return name.replaceAll('-', '_');
}

function moduleOf(file: string): string {
  return canonical(path.basename(file).replace(/\.ko(?:\.(?:xz|zst|gz))?$/, ''));
}

/**
 * The files that hold some modules and all that these need, by a tree's modules.dep.
 *
 * @param dep content of modules.dep (modules.dep(5))
 * @param builtin content of modules.builtin: what the kernel itself brings needs no file
 * @returns paths relative to the tree, sorted
 * @throws Error when a module is in neither
 */
export function resolveModules(names: readonly string[], dep: string, builtin: string): string[] {
  const needs = new Map<string, string[]>();
  for (const line of dep.split('\n')) {
    const colon = line.indexOf(':');
    if (colon > 0) {
      const file = line.slice(0, colon);
      const others = line
        .slice(colon + 1)
        .split(' ')
        .filter((other) => other !== '');
      needs.set(moduleOf(file), [file, ...others]);
    }
  }
  const builtins = new Set(builtin.split('\n').map(moduleOf));
  const files = names.flatMap((name) => {
    const found = needs.get(canonical(name));
    if (found === undefined && !builtins.has(canonical(name))) {
      throw new Error(`no module ${name} in this modules.dep`);
    }
    return found ?? [];
  });
  return [...new Set(files)].toSorted();
}

async function copy(from: string, root: string, to: string): Promise<void> {
  const target = path.join(root, to);
  await fs.mkdir(path.dirname(target), { recursive: true });
  await fs.copyFile(from, target);
}

/** One of this machine's programs, with the libraries that it is linked to. */
async function copyProgram(name: string, root: string, to: string): Promise<void> {
  const file = await fs.realpath(`/usr/bin/${name}`).catch(() => fs.realpath(`/bin/${name}`));
  await copy(file, root, to);
  const linked = await runProgram('ldd', [file], { allowFailure: true });
  for (const [library] of linked.stdout.matchAll(/\/\S+\.so\S*/g)) {
    await copy(library, root, library);
  }
}

/**
 * kmod reads compressed modules and modules.dep.bin as on a real machine, and dash runs it: busybox's own shell would
 * take busybox's modprobe instead, whatever lies in PATH.
 */
async function copyPrograms(root: string): Promise<void> {
  await copyProgram('busybox', root, 'bin/busybox');
  await copyProgram('dash', root, 'bin/sh');
  await copyProgram('kmod', root, 'sbin/kmod');
  for (const name of KMOD_NAMES) {
    await fs.symlink('kmod', path.join(root, 'sbin', name));
  }
}

async function copyModules(root: string, tree: string, modules: readonly string[]): Promise<void> {
  const at = path.join('lib/modules', path.basename(tree));
  const dep = await fs.readFile(path.join(tree, 'modules.dep'), 'utf8');
  const builtin = await fs.readFile(path.join(tree, 'modules.builtin'), 'utf8').catch(() => '');
  for (const file of resolveModules(modules, dep, builtin)) {
    await copy(path.join(tree, file), root, path.join(at, file));
  }
  for (const entry of await fs.readdir(tree, { withFileTypes: true })) {
    if (entry.isFile() && entry.name.startsWith('modules.')) {
      await copy(path.join(tree, entry.name), root, path.join(at, entry.name));
    }
  }
}

/** Decompresses the modules of a folder in their places, also in its modules.dep: busybox may not know how. */
async function decompressModules(folder: string): Promise<void> {
  for (const name of await fs.readdir(folder, { recursive: true })) {
    const program = { '.xz': 'xz', '.zst': 'zstd', '.gz': 'gzip' }[path.extname(name)];
    if (program !== undefined) {
      const file = path.join(folder, name);
      await runProgram(program, ['-d', '-q', '-f', file]);
      await fs.rm(file, { force: true });
    }
  }
  const dep = path.join(folder, 'modules.dep');
  const text = await fs.readFile(dep, 'utf8');
  await fs.writeFile(dep, text.replaceAll(/\.ko\.(?:xz|zst|gz)\b/g, '.ko'));
}

/** A guest of another architecture than this machine's: nothing of this machine runs in it. */
export interface Guest {
  /** Debian's name of it. */
  architecture: string;
  /** Path of its busybox, linked statically (`busybox-static`): all of the guest's commands. */
  busybox: string;
}

export interface InitramfsOptions {
  guest?: Guest | undefined;
  /** A kernel's modules, `.../usr/lib/modules/RELEASE`, after depmod; the last part is the release. */
  modulesTree: string;
  /** Names of the modules to take along; what they depend on comes with them. */
  modules: readonly string[];
  /** A script for sh, run as root; its output is what the boot is for. */
  script: string;
  /** More files: path in the guest → content. */
  files?: Readonly<Record<string, string | Uint8Array>>;
  /** Written around the script's output, so that nothing else can be taken for it. */
  token: string;
}

/** Fills a folder with the guest's files and packs it. @returns path of the packed file */
export async function makeInitramfs(scratch: string, options: InitramfsOptions): Promise<string> {
  const root = path.join(scratch, 'initramfs');
  for (const folder of FOLDERS) {
    await fs.mkdir(path.join(root, folder), { recursive: true });
  }
  await copyModules(root, options.modulesTree, options.modules);
  if (options.guest === undefined) {
    await copyPrograms(root);
  } else {
    await copy(options.guest.busybox, root, 'bin/busybox');
    await fs.symlink('busybox', path.join(root, 'bin/sh'));
    const release = path.basename(options.modulesTree);
    await decompressModules(path.join(root, 'lib/modules', release));
  }
  await copy(INIT, root, 'init');
  await fs.chmod(path.join(root, 'init'), 0o755);
  const files = { ...options.files, script: options.script, token: options.token };
  for (const [file, content] of Object.entries(files)) {
    await fs.mkdir(path.dirname(path.join(root, file)), { recursive: true });
    await fs.writeFile(path.join(root, file), content);
  }
  const packed = path.join(scratch, 'initramfs.cpio');
  const names = await fs.readdir(root, { recursive: true });
  await runProgram('cpio', ['--quiet', '-o', '-H', 'newc', '-R', '0:0', '-F', packed], {
    cwd: root,
    input: names
      .toSorted()
      .map((name) => `${name}\n`)
      .join(''),
  });
  return packed;
}
