import * as fs from 'node:fs/promises';
import * as os from 'node:os';
import * as path from 'node:path';
import { wantedFile } from '../../src/packager/wanted-file.ts';
import { runProgram, type RunResult } from '../../src/programs/run.ts';
import { slow } from '../support/tier.ts';

const GUARD = path.join(import.meta.dirname, '../../guard');

const OTHER_SHELLS = [['busybox', 'sh']];
/** The shells that the guard works with: what comes before a script's path. */
export const SHELLS: readonly (readonly string[])[] = [['dash'], ...(slow ? OTHER_SHELLS : [])];

export interface Wanted {
  module: string;
  flavour: string;
  /** Names of its module files; the module's own unless given. */
  files?: string;
  inTree?: string;
  origin?: string;
}

/** A folder that stands for a machine's `/` while the guard's shell is tried, without a root and without root's rights. */
export interface GuardFolder extends AsyncDisposable {
  readonly path: string;
  /** Puts a kernel there, with module packages' files of some modules. */
  kernel(release: string, modules?: readonly string[]): Promise<void>;
  removeKernel(release: string): Promise<void>;
  want(wanted: Wanted): Promise<void>;
  write(file: string, content: string | Uint8Array, mode?: number): Promise<void>;
  /** A text file's content; undefined when there is none. */
  read(file: string): Promise<string | undefined>;
  /** Every file but the guard's folder of states: path and content. */
  tree(): Promise<Record<string, string>>;
  /** A program in the place of the machine's. */
  stub(name: string, script: string): Promise<void>;
  /** Runs `lockstep-guard` with some arguments. */
  run(...args: string[]): Promise<RunResult>;
  /** Runs lines of shell that know the functions of guard/lib. */
  sh(script: string): Promise<RunResult>;
}

/** @param shell one of SHELLS */
export async function guardFolder(shell: readonly string[]): Promise<GuardFolder> {
  const scratch = await fs.mkdtemp(path.join(os.tmpdir(), 'lockstep-guard-'));
  const root = path.join(scratch, 'root');
  const bin = path.join(scratch, 'bin');
  const at = (file: string): string => path.join(root, file);
  const env = {
    PATH: `${bin}:/usr/sbin:/usr/bin:/sbin:/bin`,
    LOCKSTEP_GUARD_ROOT: root,
    LOCKSTEP_GUARD_SHARE: GUARD,
  };
  const [program = '', ...words] = shell;
  const main = await fs.readFile(path.join(GUARD, 'lockstep-guard'), 'utf8');
  const parts = /^for part in (?<names>.*); do$/m.exec(main)?.groups?.['names'] ?? '';
  const folder: GuardFolder = {
    path: root,
    async kernel(release, modules = []) {
      await folder.write(`boot/vmlinuz-${release}`, '');
      for (const name of modules) {
        await folder.write(`usr/lib/modules/${release}/updates/${name}/${name}.ko.xz`, '');
      }
    },
    async removeKernel(release) {
      await fs.rm(at(`boot/vmlinuz-${release}`));
      await fs.rm(at(`usr/lib/modules/${release}`), { recursive: true, force: true });
    },
    async want({ module, flavour, files = module, inTree, origin = 'Tests' }) {
      const file = wantedFile(
        {
          ...{ module: { name: module }, kernel: { release: inTree ?? '', flavour } },
          ...{ track: flavour, moduleVersion: inTree === undefined ? '1' : undefined },
          files: files.split(' ').filter((name) => name !== ''),
        },
        { origin },
      );
      await folder.write(file.at, file.content);
    },
    async write(file, content, mode = 0o644) {
      await fs.mkdir(path.dirname(at(file)), { recursive: true });
      await fs.writeFile(at(file), content);
      await fs.chmod(at(file), mode);
    },
    async read(file) {
      return fs.readFile(at(file), 'utf8').catch(() => undefined);
    },
    async tree() {
      const names = await fs.readdir(root, { recursive: true, withFileTypes: true });
      const files = names
        .filter((entry) => entry.isFile())
        .map((entry) => path.relative(root, path.join(entry.parentPath, entry.name)))
        .filter((name) => !name.startsWith('var/lib/lockstep-guard/'));
      const texts = files
        .toSorted()
        .map(async (name) => [name, await fs.readFile(at(name), 'utf8')] as const);
      return Object.fromEntries(await Promise.all(texts));
    },
    async stub(name, script) {
      await fs.writeFile(path.join(bin, name), `#!/bin/sh\n${script}\n`, { mode: 0o755 });
    },
    run: (...args) =>
      runProgram(program, [...words, path.join(GUARD, 'lockstep-guard'), ...args], {
        env,
        allowFailure: true,
      }),
    sh: (script) =>
      runProgram(
        program,
        [
          ...words,
          '-uc',
          `for part in ${parts}; do
             . "$LOCKSTEP_GUARD_SHARE/lib/$part.sh"
           done
           read_settings
           ${script}`,
        ],
        { env, allowFailure: true },
      ),
    async [Symbol.asyncDispose]() {
      await fs.rm(scratch, { recursive: true, force: true });
    },
  };
  await fs.mkdir(bin, { recursive: true });
  await fs.mkdir(root);
  for (const name of ['dpkg-query', 'apt-cache', 'apt-config']) {
    await folder.stub(name, 'exit 1');
  }
  await folder.stub('dpkg', 'echo amd64');
  return folder;
}
