import { execFile } from 'node:child_process';
import * as fs from 'node:fs/promises';
import * as os from 'node:os';
import * as path from 'node:path';
import { promisify } from 'node:util';
import { canonicalJson, sha256 } from '../../src/core/hash.ts';
import { writeDeb } from '../../src/packager/deb-tree.ts';
import { runProgram } from '../../src/programs/run.ts';
import { commonPackages, kernelPackages, type PackageContent } from './kernel-packages.ts';
import { foreignStubs, otherPackages } from './stubs.ts';
import {
  guardPackage,
  type ModuleFor,
  modulePackages,
  packagerOptions,
} from './module-packages.ts';
import { FLAVOURS, I386_FLAVOUR, type Letter, STAND_INS, type SuiteName } from './suites.ts';

/** A package that repositories of the stage can offer. */
export interface PoolPackage {
  /** Path on this machine. */
  file: string;
  /** Its stanza of a Packages file; the file is `pool/<name of the file>`. */
  stanza: string;
  name: string;
  version: string;
  architecture: string;
}

/** Packages that are made when they are first asked for, and kept on disk. */
export class Pool {
  readonly #folder: string;
  readonly #made = new Map<string, Promise<PoolPackage[]>>();

  /** @param folder where packages are kept from call to call */
  constructor(folder: string) {
    this.#folder = folder;
  }

  #once(key: string, make: () => Promise<PoolPackage[]>): Promise<PoolPackage[]> {
    const made = this.#made.get(key) ?? make();
    this.#made.set(key, made);
    return made;
  }

  async #pack(contents: readonly PackageContent[]): Promise<PoolPackage[]> {
    const packages: PoolPackage[] = [];
    for (const content of contents) {
      const folder = path.join(this.#folder, sha256(canonicalJson(content)));
      packages.push(await entry(await writeDeb(folder, content)));
    }
    return packages;
  }

  /** The packages of a kernel's releases, or the metapackages that point to them. */
  kernel(suite: SuiteName, letter: Letter, part: 'own' | 'meta'): Promise<PoolPackage[]> {
    const kernel = STAND_INS[suite].kernels[letter];
    return this.#once(`${suite} ${letter} ${part}`, () =>
      this.#pack([
        ...FLAVOURS.flatMap((flavour) => kernelPackages(suite, kernel, flavour)[part]),
        ...(part === 'own' ? commonPackages(kernel) : []),
      ]),
    );
  }

  /** As `kernel`, of i386. */
  i386(suite: SuiteName, letter: Letter, part: 'own' | 'meta'): Promise<PoolPackage[]> {
    const kernel = STAND_INS[suite].kernels[letter];
    return this.#once(`${suite} ${letter} ${part} i386`, () =>
      this.#pack([
        ...kernelPackages(suite, kernel, I386_FLAVOUR, 'i386')[part],
        ...(part === 'own' ? [foreignStubs()] : []),
      ]),
    );
  }

  /** Stubs, and a package that has nothing to do with kernels. @param newest its newest version */
  async others(newest: string): Promise<PoolPackage[]> {
    const all = await this.#once('others', () => this.#pack(otherPackages()));
    return all.filter(({ version }) => version <= newest);
  }

  guard(): Promise<PoolPackage[]> {
    return this.#once('guard', async () => [
      await entry(await guardPackage(packagerOptions(this.#folder))),
    ]);
  }

  /** The packages of a module for a kernel: for its release, or the tracking package. */
  module(inputs: ModuleFor, part: 'own' | 'tracking'): Promise<PoolPackage[]> {
    return this.#once(canonicalJson([inputs, part]), async () => {
      const { own, tracking } = await modulePackages(inputs, packagerOptions(this.#folder));
      return await Promise.all((part === 'own' ? own : [tracking]).map(entry));
    });
  }
}

async function entry(file: string): Promise<PoolPackage> {
  const [{ stdout }, content] = await Promise.all([
    runProgram('dpkg-deb', ['--field', file]),
    fs.readFile(file),
  ]);
  const field = (name: string): string =>
    new RegExp(`^${name}: (?<value>.*)$`, 'm').exec(stdout)?.groups?.['value'] ?? '';
  const hash = sha256(content);
  const place = `pool/${hash.slice(0, 8)}_${path.basename(file)}`;
  return {
    file,
    stanza: `${stdout.trim()}\nFilename: ${place}\nSize: ${content.length}\nSHA256: ${hash}\n`,
    name: field('Package'),
    version: field('Version'),
    architecture: field('Architecture'),
  };
}

/** The name of a package's file in a machine's `/srv/pool`, which every repository calls its pool. */
export function poolName({ stanza }: PoolPackage): string {
  return /^Filename: pool\/(?<name>.*)$/m.exec(stanza)?.groups?.['name'] ?? '';
}

/** An archive of files under new names. @param files paths by these names */
export async function tarOf(files: ReadonlyMap<string, string>): Promise<Buffer> {
  const folder = await fs.mkdtemp(path.join(os.tmpdir(), 'lockstep-pool-'));
  try {
    for (const [name, file] of files) {
      await fs.copyFile(file, path.join(folder, name));
    }
    const { stdout } = await promisify(execFile)('tar', ['-C', folder, '-c', ...files.keys()], {
      encoding: 'buffer',
      maxBuffer: 64 * 1024 * 1024,
    });
    return stdout;
  } finally {
    await fs.rm(folder, { recursive: true });
  }
}
