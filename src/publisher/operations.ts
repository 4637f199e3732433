import { constants } from 'node:fs';
import * as fs from 'node:fs/promises';
import * as path from 'node:path';
import { errnoOf } from '../core/errors.ts';
import { readFileOrUndefined, syncDirectory, temporaryName } from '../core/files.ts';

/** The system calls by which a repository changes. */
export type DiskStep =
  | 'mkdir'
  | 'create'
  | 'write'
  | 'utimes'
  | 'sync'
  | 'link'
  | 'copy'
  | 'rename'
  | 'sync-directory'
  | 'unlink'
  | 'rmdir';

/** Called right before each step; what it throws is taken for the step's own error. */
export type StepHook = (step: DiskStep, file: string) => void;

export interface Placement {
  source: string;
  target: string;
}

/** Everything that changes files in a repository. */
export interface FileOperations {
  /** How many files were written or placed so far. */
  readonly written: number;
  /**
   * Gives `target` these bytes by temporary file, fsync and rename, unless it has them already.
   *
   * @param mtime modification time in seconds since 1970
   */
  write(target: string, content: string | Uint8Array, mtime?: number): Promise<void>;
  /**
   * Gives each `target` the content of its `source`, by a hard link where that works, else by a copy. All are made under
   * temporary names, then all are synced, then all get their names: the first fsync does most of the work of the others.
   */
  place(files: readonly Placement[]): Promise<void>;
  /** Removes a file; one that is gone already is no error. */
  remove(file: string): Promise<void>;
  /** Removes a folder with all that is in it. */
  removeTree(directory: string): Promise<void>;
  /** Removes a folder if it is empty. */
  removeEmpty(directory: string): Promise<void>;
  /** Has the next `flush` make a folder's names durable, whoever changed them. */
  touch(directory: string): void;
  /** Makes the names changed since the last call durable: fsync of their folders. */
  flush(): Promise<void>;
}

/** Temporary names that there may be at once. */
const PLACED_AT_ONCE = 500;
const READABLE_BY_ALL = 0o444;
/** Errors of link(2) that a copy has no part in. */
const LINK_IMPOSSIBLE = new Set(['EXDEV', 'EPERM', 'EMLINK', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS']);

/** @param before the hook; the default does nothing */
export function fileOperations(before: StepHook = () => undefined): FileOperations {
  const touched = new Set<string>();
  let written = 0;

  async function makeDirectory(directory: string): Promise<void> {
    try {
      if ((await fs.stat(directory)).isDirectory()) {
        return;
      }
    } catch (error) {
      if (errnoOf(error) !== 'ENOENT') {
        throw error;
      }
    }
    await makeDirectory(path.dirname(directory));
    before('mkdir', directory);
    await fs.mkdir(directory, { mode: 0o755 });
    touched.add(path.dirname(directory));
  }

  async function sync(file: string): Promise<void> {
    const handle = await fs.open(file, constants.O_RDONLY);
    try {
      before('sync', file);
      await handle.sync();
    } finally {
      await handle.close();
    }
  }

  /** Runs `fill` on a temporary name beside each target, which then takes the name. */
  async function replace(
    targets: readonly string[],
    fill: (temporary: string, at: number) => Promise<void>,
  ): Promise<void> {
    const temporaries: string[] = [];
    try {
      for (const [at, target] of targets.entries()) {
        await makeDirectory(path.dirname(target));
        const temporary = temporaryName(target);
        temporaries.push(temporary);
        await fill(temporary, at);
      }
      for (const temporary of temporaries) {
        await sync(temporary);
      }
      for (const [at, target] of targets.entries()) {
        before('rename', target);
        await fs.rename(temporaries[at] ?? '', target);
        touched.add(path.dirname(target));
        written += 1;
      }
    } catch (error) {
      await Promise.all(temporaries.map((temporary) => fs.rm(temporary, { force: true })));
      throw error;
    }
  }

  /** Links or copies a file to a name that is free. */
  async function copy(source: string, temporary: string): Promise<void> {
    const { mode } = await fs.stat(source);
    if ((mode & READABLE_BY_ALL) === READABLE_BY_ALL) {
      try {
        before('link', temporary);
        await fs.link(source, temporary);
        return;
      } catch (error) {
        if (!LINK_IMPOSSIBLE.has(errnoOf(error) ?? '')) {
          throw error;
        }
      }
    }
    before('copy', temporary);
    await fs.copyFile(source, temporary, constants.COPYFILE_EXCL);
    await fs.chmod(temporary, 0o644);
  }

  return {
    get written() {
      return written;
    },
    async write(target, content, mtime) {
      const bytes = Buffer.from(content);
      if ((await readFileOrUndefined(target))?.equals(bytes) === true) {
        return;
      }
      await replace([target], async (temporary) => {
        before('create', temporary);
        const handle = await fs.open(temporary, 'wx', 0o644);
        try {
          const middle = Math.ceil(bytes.length / 2);
          for (const part of [bytes.subarray(0, middle), bytes.subarray(middle)]) {
            before('write', temporary);
            await handle.writeFile(part);
          }
          if (mtime !== undefined) {
            before('utimes', temporary);
            await handle.utimes(mtime, mtime);
          }
        } finally {
          await handle.close();
        }
      });
    },
    async place(files) {
      for (let from = 0; from < files.length; from += PLACED_AT_ONCE) {
        const batch = files.slice(from, from + PLACED_AT_ONCE);
        await replace(
          batch.map(({ target }) => target),
          (temporary, at) => copy(batch[at]?.source ?? '', temporary),
        );
      }
    },
    async remove(file) {
      before('unlink', file);
      await fs.rm(file, { force: true });
      touched.add(path.dirname(file));
    },
    async removeTree(directory) {
      before('unlink', directory);
      await fs.rm(directory, { recursive: true, force: true });
      touched.add(path.dirname(directory));
    },
    async removeEmpty(directory) {
      before('rmdir', directory);
      try {
        await fs.rmdir(directory);
      } catch (error) {
        if (errnoOf(error) === 'ENOTEMPTY' || errnoOf(error) === 'EEXIST') {
          return;
        }
        throw error;
      }
      touched.delete(directory);
      touched.add(path.dirname(directory));
    },
    touch(directory) {
      touched.add(directory);
    },
    async flush() {
      for (const directory of touched) {
        before('sync-directory', directory);
        await syncDirectory(directory);
        touched.delete(directory);
      }
    },
  };
}
