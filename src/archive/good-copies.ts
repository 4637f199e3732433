import * as fs from 'node:fs/promises';
import * as path from 'node:path';
import { errnoOf } from '../core/errors.ts';
import { explainDiskError, temporaryName } from '../core/files.ts';
import { sha256 } from '../core/hash.ts';
import type { RootState, StoredCopy } from './root-state.ts';

/** Gives a file a second name, or a copy where the file system can't. Both names' bytes never change. */
async function linkOrCopy(from: string, to: string): Promise<void> {
  const temporary = temporaryName(to);
  try {
    await fs.link(from, temporary).catch(async (error: unknown) => {
      if (errnoOf(error) === 'ENOENT') {
        throw error;
      }
      await fs.copyFile(from, temporary);
    });
    await fs.rename(temporary, to);
  } catch (error) {
    throw explainDiskError(error, to);
  } finally {
    // Renaming a link onto another one of the same file leaves both.
    await fs.rm(temporary, { force: true });
  }
}

/** The indices of a root that were good when they were fetched, each named by its content. */
export class GoodCopies {
  readonly #folder: string;
  readonly #solvers: string;

  constructor(root: string) {
    this.#folder = path.join(root, 'good');
    this.#solvers = path.join(root, 'solver');
  }

  fileOf(name: string): string {
    return path.join(this.#folder, name);
  }

  solverFolder(name: string): string {
    return path.join(this.#solvers, name);
  }

  /** Whether a copy is there as it was. */
  async has(copy: StoredCopy): Promise<boolean> {
    if (copy.file === undefined) {
      return true;
    }
    const stat = await fs.stat(this.fileOf(copy.file)).catch(() => undefined);
    return stat?.size === copy.size;
  }

  /** Keeps an index of apt's lists. @param file its path there */
  async adopt(file: string, content: string): Promise<StoredCopy> {
    await fs.mkdir(this.#folder, { recursive: true });
    const list = path.basename(file);
    const ending = /_Packages(?<ending>\.\w+)?$/.exec(list)?.groups?.['ending'] ?? '';
    const name = `${content}${ending}`;
    const [source, present] = await Promise.all([
      fs.stat(file),
      fs.stat(this.fileOf(name)).catch(() => undefined),
    ]);
    if (present?.ino !== source.ino || present.dev !== source.dev) {
      await linkOrCopy(file, this.fileOf(name));
    }
    return { content, file: name, size: source.size, list };
  }

  /**
   * Makes the folder in which apt's solver finds Release files and indices as the state has them, whatever a refresh
   * that is under way does to apt's own lists.
   *
   * @param releases paths of Release files
   * @returns the folder's name
   */
  async makeSolverFolder(
    releases: readonly string[],
    copies: readonly StoredCopy[],
  ): Promise<string> {
    const stats = await Promise.all(
      releases.map(async (file) => {
        const { size, mtimeMs } = await fs.stat(file);
        return `${path.basename(file)} ${size} ${mtimeMs}`;
      }),
    );
    const contents = copies.map(({ list, content }) => `${list} ${content}`);
    const name = sha256([...stats, ...contents].toSorted().join('\n')).slice(0, 32);
    const folder = this.solverFolder(name);
    const partial = path.join(folder, 'partial');
    await fs.mkdir(partial, { recursive: true });
    for (const file of releases) {
      await linkOrCopy(file, path.join(folder, path.basename(file)));
    }
    for (const { file, list } of copies) {
      if (file !== undefined) {
        await linkOrCopy(this.fileOf(file), path.join(folder, list));
      }
    }
    return name;
  }

  /** Removes what none of some states names. The one before the newest is spared for those who read by it now. */
  async sweep(states: readonly RootState[]): Promise<void> {
    const kept = new Set(
      states.flatMap(({ indices, solver }) => [
        ...indices.flatMap(({ copy }) => copy?.file ?? []),
        ...(solver === undefined ? [] : [solver]),
      ]),
    );
    for (const folder of [this.#folder, this.#solvers]) {
      for (const name of await fs.readdir(folder).catch(() => [])) {
        if (!kept.has(name)) {
          await fs.rm(path.join(folder, name), { recursive: true, force: true });
        }
      }
    }
  }
}
