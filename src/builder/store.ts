import * as fs from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import * as path from 'node:path';
import { LockstepError } from '../core/errors.ts';
import { exists, makeDirectoryAtomic } from '../core/files.ts';
import { sha256 } from '../core/hash.ts';
import type { DebRef } from '../model/packages.ts';
import { moduleLayers } from '../core/places.ts';
import type { ModuleSource } from '../model/sources.ts';
import { unpackDeb, unpackDebsInRoot } from '../programs/dpkg-deb.ts';
import { layOutHeaders } from './header-layout.ts';
import { mergeUsr, USR_FOLDERS } from './merged-usr.ts';
import { handToBuilds } from '../programs/hand-over.ts';
import { recipeHash, writeRecipeLayer } from '../programs/recipe.ts';

/** Fetches packages and says where they lie, in order. */
export type Fetch = (refs: readonly DebRef[]) => Promise<string[]>;

/**
 * Unpacked packages and build roots, shared by all builds and never copied. Each folder is made whole or not at all
 * and is named by what is in it, so any of them may be deleted between runs.
 */
export class Store {
  readonly #directory: string;
  readonly #fetch: Fetch;
  readonly #pending = new Map<string, Promise<string>>();

  /** @param directory folder of the cache; made when missing */
  constructor(directory: string, fetch: Fetch) {
    this.#directory = directory;
    this.#fetch = fetch;
  }

  /** One maker at a time for each folder; the others wait for it. */
  #once(directory: string, fill: (temporary: string) => Promise<void>): Promise<string> {
    const pending = this.#pending.get(directory);
    if (pending !== undefined) {
      return pending;
    }
    const made = makeDirectoryAtomic(directory, fill).then(async () => {
      // Says when it was used last.
      const now = new Date();
      await fs.utimes(directory, now, now);
      return directory;
    });
    this.#pending.set(directory, made);
    made.catch(() => this.#pending.delete(directory));
    return made;
  }

  /** The files of a package of a kernel's headers, as read-only material, in the folders that builds find them in. */
  headers(ref: DebRef): Promise<string> {
    return this.#once(path.join(this.#directory, 'headers', ref.sha256), async (temporary) => {
      const [deb = ''] = await this.#fetch([ref]);
      await unpackDeb(deb, temporary);
      await mergeUsr(temporary);
      await layOutHeaders(temporary);
    });
  }

  /**
   * A module's source, owned by the user that builds, since builds write beside it: a folder with
   * `usr/src/<name>-<version>` and, where the source has one, the copyright file in `usr/share/doc`.
   *
   * @throws LockstepError DKMS_CONF_INVALID when a package can't be unpacked; SOURCE_UNAVAILABLE when another source
   *   was not kept, since only a survey gets these
   */
  async moduleSource(source: ModuleSource): Promise<string> {
    const directory = path.join(moduleLayers(this.#directory), source.sha256);
    if (source.kind !== 'package') {
      if (!(await exists(directory))) {
        throw new LockstepError('SOURCE_UNAVAILABLE', `${directory} is missing`, {
          hint: 'lockstep plan reads the sources again',
        });
      }
      return directory;
    }
    return this.#once(directory, async (temporary) => {
      const [deb = ''] = await this.#fetch([source]);
      await unpackModulePackage(source, deb, temporary);
      await mergeUsr(temporary);
      await handToBuilds(temporary);
    });
  }

  /**
   * A root with some packages unpacked; no maintainer script is run. What scripts would have linked
   * and a build needs (awk, cc, which) is linked here.
   */
  root(refs: readonly DebRef[]): Promise<string> {
    const directory = this.#rootFolder(refs);
    return this.#once(directory, async (temporary) => {
      // The largest first, so that the last ones to end are small.
      const debs = await this.#fetch(refs.toSorted((a, b) => b.size - a.size));
      await linkMergedUsr(temporary);
      // One closure's packages share no file, so their order does not matter; decompression is nearly all the work.
      await unpackDebsInRoot(debs, temporary, availableParallelism());
      await linkAlternatives(temporary);
    });
  }

  /** The compiler's answers that builds begin with. @param hash of `answersHash` */
  answers(hash: string, fill: (temporary: string) => Promise<void>): Promise<string> {
    return this.#once(path.join(this.#directory, 'answers', hash), fill);
  }

  /** Whether {@link root} of these needs none of the packages themselves. */
  hasRoot(refs: readonly DebRef[]): Promise<boolean> {
    return exists(this.#rootFolder(refs));
  }

  #rootFolder(refs: readonly DebRef[]): string {
    return path.join(this.#directory, 'roots', rootHash(refs));
  }

  /** The recipe's own files: scripts, mount points, accounts. */
  recipe(): Promise<string> {
    const directory = path.join(this.#directory, 'recipes', recipeHash());
    return this.#once(directory, writeRecipeLayer);
  }
}

/** @throws LockstepError DKMS_CONF_INVALID when the package itself is at fault */
async function unpackModulePackage(ref: DebRef, deb: string, directory: string): Promise<void> {
  try {
    await unpackDeb(deb, directory);
  } catch (error) {
    if (
      error instanceof LockstepError &&
      error.code === 'PROGRAM_FAILED' &&
      !error.message.includes('No space left on device')
    ) {
      throw new LockstepError(
        'DKMS_CONF_INVALID',
        `the package ${ref.name} can't be unpacked: ${error.message.replace(/^setpriv/, 'dpkg-deb')}`,
        { cause: error, exitCode: 1 },
      );
    }
    throw error;
  }
}

/** What identifies a root: the packages in it. */
export function rootHash(refs: readonly DebRef[]): string {
  return sha256(
    refs
      .map((ref) => ref.sha256)
      .toSorted()
      .join('\n'),
  );
}

async function linkMergedUsr(root: string): Promise<void> {
  for (const name of USR_FOLDERS) {
    await fs.mkdir(path.join(root, 'usr', name), { recursive: true });
    await fs.symlink(`usr/${name}`, path.join(root, name));
  }
}

const ALTERNATIVES: readonly [link: string, target: string][] = [
  ['awk', 'mawk'],
  ['nawk', 'mawk'],
  ['cc', 'gcc'],
  ['which', 'which.debianutils'],
];

async function linkAlternatives(root: string): Promise<void> {
  for (const [link, target] of ALTERNATIVES) {
    const bin = path.join(root, 'usr/bin');
    const present = await fs.stat(path.join(bin, target)).catch(() => undefined);
    if (present !== undefined) {
      await fs.symlink(target, path.join(bin, link)).catch(() => undefined);
    }
  }
}
