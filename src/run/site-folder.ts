import * as fs from 'node:fs/promises';
import * as path from 'node:path';
import { explainDiskError, readFileOrUndefined, temporaryName } from '../core/files.ts';
import { paths, TOP } from '../site/paths.ts';
import { GENERATOR } from '../site/layout.ts';

/** What changed in the folder. */
export interface SiteChanges {
  written: number;
  removed: number;
  /** Files that are there now. */
  files: number;
}

/**
 * The site's files in a repository's folder: all below `status/`, and `index.html`. A file that has its bytes is left
 * alone; others get theirs by rename, so that nobody reads half a page. Pages can be made again at any time, so none is
 * forced to the disk.
 */
export class SiteFolder {
  readonly #directory: string;
  readonly #present: ReadonlySet<string>;
  readonly #named = new Set<string>();
  #written = 0;

  private constructor(directory: string, present: ReadonlySet<string>) {
    this.#directory = directory;
    this.#present = present;
  }

  /** @param directory the repository's root */
  static async open(directory: string): Promise<SiteFolder> {
    const top = path.join(directory, TOP);
    await fs.mkdir(top, { recursive: true });
    const entries = await fs.readdir(top, { withFileTypes: true, recursive: true });
    const present = entries
      .filter((entry) => !entry.isDirectory())
      .map((entry) => path.relative(directory, path.join(entry.parentPath, entry.name)));
    return new SiteFolder(directory, new Set(present));
  }

  /** Whether a file was there when the folder was opened. */
  has(file: string): boolean {
    return this.#present.has(file);
  }

  /** How many files were there below `status/` when the folder was opened. */
  get size(): number {
    return this.#present.size;
  }

  /** Leaves every file as it is that is not written. */
  keepAll(): void {
    for (const file of this.#present) {
      this.#named.add(file);
    }
  }

  /** Leaves a file as it is. */
  keep(file: string): void {
    this.#named.add(file);
  }

  /**
   * @throws LockstepError DISK_FULL; any error of the file system
   */
  async write(file: { path: string; content: string | Uint8Array }): Promise<void> {
    this.#named.add(file.path);
    const target = path.join(this.#directory, file.path);
    const wanted = Buffer.from(file.content);
    const there = await readFileOrUndefined(target);
    if (there?.equals(wanted) === true || isSomebodyElses(file.path, there)) {
      return;
    }
    await fs.mkdir(path.dirname(target), { recursive: true });
    const temporary = temporaryName(target);
    try {
      await fs.writeFile(temporary, wanted, { mode: 0o644, flag: 'wx' });
      await fs.rename(temporary, target);
    } catch (error) {
      await fs.rm(temporary, { force: true });
      throw explainDiskError(error, target);
    }
    this.#written += 1;
  }

  /** Removes what was there and was neither written nor kept. */
  async end(): Promise<SiteChanges> {
    const old = [...this.#present].filter((file) => !this.#named.has(file));
    for (const file of old) {
      await fs.rm(path.join(this.#directory, file), { force: true });
    }
    // Deepest first; a folder that still has something stays.
    const folders = new Set(old.flatMap((file) => foldersOf(file)));
    for (const folder of [...folders].toSorted((a, b) => b.length - a.length)) {
      await fs.rmdir(path.join(this.#directory, folder)).catch(() => undefined);
    }
    return { written: this.#written, removed: old.length, files: this.#named.size };
  }
}

/** A front page that was put there by somebody stays theirs. */
function isSomebodyElses(file: string, content: Buffer | undefined): boolean {
  return file === paths.front && content !== undefined && !content.includes(GENERATOR);
}

/** The folders above a file, within the site's own. */
function foldersOf(file: string): string[] {
  const folders: string[] = [];
  for (let folder = path.dirname(file); `${folder}/`.startsWith(TOP) && `${folder}/` !== TOP; ) {
    folders.push(folder);
    folder = path.dirname(folder);
  }
  return folders;
}
