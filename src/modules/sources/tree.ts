import { createHash, type Hash } from 'node:crypto';
import { constants } from 'node:fs';
import * as fs from 'node:fs/promises';
import { errnoOf, LockstepError } from '../../core/errors.ts';
import { type TreeLimits, SOURCE_LIMITS } from '../../programs/tar.ts';

/** What a tree is, whatever lies around it. */
export interface TreeFacts {
  /** Hex SHA-256 over names, kinds, the owner's right to execute, contents and the targets of links. */
  sha256: string;
  /** Bytes of all files. */
  bytes: number;
}

const SLASH = Buffer.from('/');
const CHUNK = 1024 * 1024;
/** What version control keeps beside the files. */
const LEFT_OUT = Buffer.from('.git');

export interface ReadTreeOptions {
  /** An empty folder that gets the tree; the hash is of what is there then. */
  copyTo?: string | undefined;
  /** Absolute paths that are no part of the tree, wherever they lie. */
  leaveOut?: readonly string[] | undefined;
  limits?: TreeLimits | undefined;
}

interface Walk {
  hash: Hash;
  limits: TreeLimits;
  leaveOut: ReadonlySet<string>;
  entries: number;
  bytes: number;
}

function invalid(message: string): LockstepError {
  return new LockstepError('SOURCE_INVALID', message, {
    hint: 'name the folder that has the module alone, by `folder:`',
    exitCode: 1,
  });
}

/** One field of an entry: its length goes before it, so that no two trees have the same fields. */
function add(hash: Hash, field: Buffer | string): void {
  const bytes = Buffer.from(field);
  hash.update(`${bytes.length}:`).update(bytes);
}

/** Reads a file, never through a link, and copies it as it was read. @returns whether it is executable and its hash */
async function readFile(
  file: Buffer,
  copy: Buffer | undefined,
  walk: Walk,
): Promise<{ isExecutable: boolean; content: string }> {
  const flags = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;
  const handle = await fs.open(file, flags);
  let target: fs.FileHandle | undefined;
  try {
    const stat = await handle.stat();
    if (!stat.isFile()) {
      throw invalid(`${file.toString()} is no file any more`);
    }
    const isExecutable = (stat.mode & 0o100) !== 0;
    target = copy && (await fs.open(copy, 'wx', isExecutable ? 0o755 : 0o644));
    const hash = createHash('sha256');
    const buffer = Buffer.alloc(Math.min(CHUNK, stat.size + 1));
    for (;;) {
      const { bytesRead } = await handle.read(buffer, 0, buffer.length, null);
      if (bytesRead === 0) {
        return { isExecutable, content: hash.digest('hex') };
      }
      walk.bytes += bytesRead;
      if (walk.bytes > walk.limits.bytes) {
        throw invalid(`has more than ${walk.limits.bytes} bytes`);
      }
      const piece = buffer.subarray(0, bytesRead);
      hash.update(piece);
      await target?.writeFile(piece);
    }
  } finally {
    await target?.close();
    await handle.close();
  }
}

async function walkFolder(
  folder: Buffer,
  prefix: Buffer,
  copy: Buffer | undefined,
  walk: Walk,
): Promise<void> {
  const entries = await fs.readdir(folder, { withFileTypes: true, encoding: 'buffer' });
  for (const entry of entries.toSorted((a, b) => Buffer.compare(a.name, b.name))) {
    const path = Buffer.concat([folder, SLASH, entry.name]);
    if (entry.name.equals(LEFT_OUT) || walk.leaveOut.has(path.toString())) {
      continue;
    }
    walk.entries += 1;
    if (walk.entries > walk.limits.entries) {
      throw invalid(`has more than ${walk.limits.entries} files and folders`);
    }
    const name = Buffer.concat([prefix, entry.name]);
    const target = copy && Buffer.concat([copy, SLASH, entry.name]);
    const note = (kind: string, content: Buffer | string): void => {
      add(walk.hash, kind);
      add(walk.hash, name);
      add(walk.hash, content);
    };
    if (entry.isDirectory()) {
      note('folder', '');
      if (target !== undefined) {
        await fs.mkdir(target, 0o755);
      }
      await walkFolder(path, Buffer.concat([name, SLASH]), target, walk);
    } else if (entry.isSymbolicLink()) {
      const link = await fs.readlink(path, 'buffer');
      note('link', link);
      if (target !== undefined) {
        await fs.symlink(link, target);
      }
    } else if (entry.isFile()) {
      const { isExecutable, content } = await readFile(path, target, walk);
      note(isExecutable ? 'program' : 'file', content);
    }
  }
}

/**
 * Hashes a source tree, and copies it as it is read. `.git`, sockets, pipes and devices are left out; links are
 * links, none is followed.
 *
 * @param folder a real path
 * @throws LockstepError SOURCE_INVALID when it is too large, SOURCE_UNAVAILABLE when it can't be read
 */
export async function readTree(
  folder: string,
  { copyTo, leaveOut = [], limits = SOURCE_LIMITS }: ReadTreeOptions = {},
): Promise<TreeFacts> {
  const walk: Walk = {
    ...{ hash: createHash('sha256'), limits, entries: 0, bytes: 0 },
    leaveOut: new Set(leaveOut),
  };
  const target = copyTo === undefined ? undefined : Buffer.from(copyTo);
  try {
    await walkFolder(Buffer.from(folder), Buffer.alloc(0), target, walk);
  } catch (error) {
    const errno = errnoOf(error);
    if (errno !== undefined && /^(EACCES|ENOENT|ENOTDIR|ELOOP|EIO)$/.test(errno)) {
      throw new LockstepError('SOURCE_UNAVAILABLE', `${folder} can't be read (${errno})`, {
        exitCode: 1,
        cause: error,
      });
    }
    throw error;
  }
  return { sha256: walk.hash.digest('hex'), bytes: walk.bytes };
}
