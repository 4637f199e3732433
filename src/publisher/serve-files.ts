import type { Stats } from 'node:fs';
import { constants } from 'node:fs';
import * as fs from 'node:fs/promises';
import * as path from 'node:path';
import { Readable } from 'node:stream';
import { errnoOf } from '../core/errors.ts';

/** Errors of opening that mean "there is nothing under this name", for a client. */
const ABSENT = new Set(['ENOENT', 'ENOTDIR', 'ELOOP', 'ENAMETOOLONG', 'EACCES', 'ENXIO']);

const CONTENT_TYPES: Record<string, string> = {
  '.asc': 'application/pgp-keys',
  '.css': 'text/css; charset=utf-8',
  '.deb': 'application/vnd.debian.binary-package',
  '.gz': 'application/gzip',
  '.html': 'text/html; charset=utf-8',
  '.ico': 'image/x-icon',
  '.js': 'text/javascript; charset=utf-8',
  '.json': 'application/json',
  '.png': 'image/png',
  '.svg': 'image/svg+xml',
  '.xml': 'application/xml',
  '.xz': 'application/x-xz',
};
const TEXTS = new Set(['InRelease', 'Release', 'Packages']);

function contentTypeOf(file: string): string {
  const extension = path.extname(file);
  if (extension === '.sources' || extension === '.txt' || TEXTS.has(path.basename(file))) {
    return 'text/plain; charset=utf-8';
  }
  return CONTENT_TYPES[extension] ?? 'application/octet-stream';
}

/**
 * The path that a URL's path names below a root, or undefined when there can be none: `..`, hidden names, an encoded
 * slash, bad encoding. A `+` is a plus.
 */
export function decodePath(pathname: string): string | undefined {
  const segments: string[] = [];
  for (const raw of pathname.split('/').filter((segment) => segment !== '')) {
    let segment: string;
    try {
      segment = decodeURIComponent(raw);
    } catch {
      return undefined;
    }
    if (segment.startsWith('.') || /[/\0]/.test(segment)) {
      return undefined;
    }
    segments.push(segment);
  }
  return segments.join('/');
}

/** What a name stands for, symbolic links followed, as long as it lies below the root. */
export async function findBelow(
  root: string,
  name: string,
): Promise<{ file: string; status: Stats } | undefined> {
  try {
    const top = await fs.realpath(root);
    const file = await fs.realpath(path.join(top, name));
    if (file !== top && !file.startsWith(top === '/' ? '/' : `${top}/`)) {
      return undefined;
    }
    return { file, status: await fs.lstat(file) };
  } catch (error) {
    if (ABSENT.has(errnoOf(error) ?? '')) {
      return undefined;
    }
    throw error;
  }
}

type Range = { start: number; end: number } | 'all' | 'unsatisfiable';

/** Reads a Range header with one range (RFC 9110, section 14); anything else means the whole. */
export function parseRange(header: string | undefined, size: number): Range {
  const match = /^bytes=(\d*)-(\d*)$/.exec(header?.trim() ?? '');
  const [first, last] = [match?.[1] ?? '', match?.[2] ?? ''];
  if (first === '' && last === '') {
    return 'all';
  }
  if (first === '') {
    const length = Math.min(Number(last), size);
    return length === 0 ? 'unsatisfiable' : { start: size - length, end: size - 1 };
  }
  const start = Number(first);
  const end = last === '' ? size - 1 : Math.min(Number(last), size - 1);
  if (last !== '' && Number(last) < start) {
    return 'all';
  }
  return start >= size ? 'unsatisfiable' : { start, end };
}

function isFresh(request: Headers, etag: string, modified: Date): boolean {
  const tags = request.get('if-none-match');
  if (tags !== null) {
    return tags.split(',').some((tag) => tag.trim() === etag || tag.trim() === '*');
  }
  const since = Date.parse(request.get('if-modified-since') ?? '');
  return modified.getTime() <= since;
}

/** Whether a partial answer fits what the client has (If-Range: a date or a tag). */
function mayBePartial(request: Headers, etag: string, modified: Date): boolean {
  const condition = request.get('if-range');
  return condition === null || condition === etag || condition === modified.toUTCString();
}

/** Answers a GET or HEAD for one regular file; undefined when it is none. */
export async function respondWithFile(
  file: string,
  request: Request,
): Promise<Response | undefined> {
  let handle: fs.FileHandle;
  try {
    handle = await fs.open(file, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  } catch (error) {
    if (ABSENT.has(errnoOf(error) ?? '')) {
      return undefined;
    }
    throw error;
  }
  let isHandedOn = false;
  try {
    const status = await handle.stat();
    if (!status.isFile()) {
      return undefined;
    }
    const { size } = status;
    const modified = new Date(Math.floor(status.mtimeMs / 1000) * 1000);
    const etag = `"${status.ino.toString(16)}-${status.mtimeMs.toString(16)}-${size.toString(16)}"`;
    const headers = new Headers({
      'Accept-Ranges': 'bytes',
      'Cache-Control': 'no-cache',
      'Content-Type': contentTypeOf(file),
      ETag: etag,
      'Last-Modified': modified.toUTCString(),
    });
    if (isFresh(request.headers, etag, modified)) {
      return new Response(null, { status: 304, headers });
    }
    const range = mayBePartial(request.headers, etag, modified)
      ? parseRange(request.headers.get('range') ?? undefined, size)
      : 'all';
    if (range === 'unsatisfiable') {
      headers.set('Content-Range', `bytes */${size}`);
      return new Response(null, { status: 416, headers });
    }
    const { start, end } = range === 'all' ? { start: 0, end: size - 1 } : range;
    headers.set('Content-Length', String(end - start + 1));
    if (range !== 'all') {
      headers.set('Content-Range', `bytes ${start}-${end}/${size}`);
    }
    const answer = { status: range === 'all' ? 200 : 206, headers };
    if (request.method === 'HEAD' || size === 0) {
      return new Response(null, answer);
    }
    const stream = handle.createReadStream({ start, end });
    isHandedOn = true;
    return new Response(Readable.toWeb(stream), answer);
  } finally {
    if (!isHandedOn) {
      await handle.close();
    }
  }
}
