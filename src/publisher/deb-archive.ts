import { createHash } from 'node:crypto';
import { pipeline } from 'node:stream/promises';
import { createGunzip, createZstdDecompress } from 'node:zlib';
import { LockstepError } from '../core/errors.ts';
import { decompressXz } from '../programs/xz.ts';
import { FileBytes } from './file-bytes.ts';
import { TarScan } from './tar-scan.ts';
import { xzSize } from './xz-format.ts';

/** A part of a file. */
export interface Member {
  bytes: FileBytes;
  /** `control.tar.xz` */
  name: string;
  /** In bytes. */
  offset: number;
  length: number;
}

/** A `.deb` as its bytes are, deb(5): its hash, and where its two archives lie. */
export interface DebArchive {
  file: string;
  sha256: string;
  size: number;
  control: Member;
  data: Member;
}

/** What the archives of a `.deb` say. */
export interface DebContent {
  /** Text of `control`. */
  control: string;
  /** Paths of its files, without a slash at the beginning; each character is one byte. */
  files: string[];
}

const AR_MAGIC = '!<arch>\n';
const AR_HEADER_BYTES = 60;

export function invalidDeb(file: string, why: string, cause?: unknown): LockstepError {
  return new LockstepError('REPOSITORY_INVALID', `${file} can't be published: ${why}`, {
    hint: `build the package again, or take it out of what is published (dpkg-deb --info '${file}')`,
    cause,
  });
}

/** The members of an ar archive, which have to fill the file exactly. */
function membersOf(bytes: FileBytes): Member[] {
  const { file, size } = bytes;
  if (bytes.at(0, AR_MAGIC.length).toString('latin1') !== AR_MAGIC) {
    throw invalidDeb(file, 'it is not a Debian package');
  }
  const members: Member[] = [];
  let offset = AR_MAGIC.length;
  while (offset < size) {
    const header = bytes.at(offset, AR_HEADER_BYTES);
    const length = header.toString('latin1', 48, 58).trim();
    if (header.length !== AR_HEADER_BYTES || !/^\d+$/.test(length)) {
      throw invalidDeb(file, 'it is damaged');
    }
    const end = offset + AR_HEADER_BYTES + Number(length);
    if (end > size) {
      throw invalidDeb(file, 'its end is missing');
    }
    const name = header.toString('latin1', 0, 16).trim().replace(/\/$/, '');
    members.push({ bytes, name, offset: offset + AR_HEADER_BYTES, length: Number(length) });
    offset = end + (end % 2);
  }
  if (members.length < 3) {
    throw invalidDeb(file, 'its end is missing');
  }
  return members;
}

/**
 * Reads a `.deb` once: its hash, and its parts.
 *
 * @throws LockstepError REPOSITORY_INVALID when it is no whole package
 */
export async function openDeb(file: string): Promise<DebArchive> {
  const bytes = new FileBytes(file);
  const members = membersOf(bytes);
  const find = (stem: string): Member => {
    const member = members.find(({ name }) => name === stem || name.startsWith(`${stem}.`));
    if (member === undefined) {
      throw invalidDeb(file, `it has no ${stem}`);
    }
    return member;
  };
  const hash = createHash('sha256');
  for await (const piece of bytes.pieces()) {
    hash.update(piece);
  }
  return {
    ...{ file, size: bytes.size, sha256: hash.digest('hex') },
    control: find('control.tar'),
    data: find('data.tar'),
  };
}

/** Reads one archive that is compressed in a way that Node.js knows. */
async function scanMember(member: Member, scan: TarScan): Promise<void> {
  const suffix = member.name.slice(member.name.indexOf('.tar') + 4);
  const filter =
    suffix === '.gz' ? createGunzip() : suffix === '.zst' ? createZstdDecompress() : undefined;
  if (filter === undefined && suffix !== '') {
    throw new Error(`${member.name} is compressed in a way that is not known here`);
  }
  const scanned = async (chunks: AsyncIterable<Buffer>): Promise<void> => {
    for await (const chunk of chunks) {
      scan.feed(chunk);
    }
  };
  await (filter === undefined
    ? scanned(member.bytes.pieces(member.offset, member.length))
    : pipeline(member.bytes.pieces(member.offset, member.length), filter, scanned));
}

async function* inTurn(members: readonly Member[]): AsyncGenerator<Buffer> {
  for (const member of members) {
    yield* member.bytes.pieces(member.offset, member.length);
  }
}

/** Reads archives that are compressed by xz, all of them in one process. */
async function scanXz(jobs: readonly { member: Member; scan: TarScan }[]): Promise<void> {
  const sizes: number[] = [];
  for (const { member } of jobs) {
    sizes.push(xzSize(member));
  }
  let index = 0;
  let left = sizes[0] ?? 0;
  for await (const bytes of decompressXz(inTurn(jobs.map(({ member }) => member)))) {
    let chunk = bytes;
    while (chunk.length > 0) {
      if (left === 0) {
        index += 1;
        left = sizes[index] ?? Number.POSITIVE_INFINITY;
        continue;
      }
      const part = chunk.subarray(0, left);
      jobs[index]?.scan.feed(part);
      left -= part.length;
      chunk = chunk.subarray(part.length);
    }
  }
}

async function readAll(archives: readonly DebArchive[]): Promise<DebContent[]> {
  const scans = archives.map(({ file, control, data }) => ({
    file,
    jobs: [
      { member: control, scan: new TarScan('control') },
      { member: data, scan: new TarScan() },
    ] as const,
  }));
  const jobs = scans.flatMap((scan) => scan.jobs);
  const isXz = ({ member }: (typeof jobs)[number]): boolean => member.name.endsWith('.xz');
  for (const { member, scan } of jobs.filter((job) => !isXz(job))) {
    await scanMember(member, scan);
  }
  const packed = jobs.filter(isXz);
  if (packed.length > 0) {
    await scanXz(packed);
  }
  return scans.map(({ file, jobs: [control, data] }) => {
    const text = control.scan.captured?.toString('utf8');
    if (text === undefined || !control.scan.isComplete || !data.scan.isComplete) {
      throw invalidDeb(file, 'it is damaged');
    }
    return { control: text, files: data.scan.files };
  });
}

/**
 * What the packages say of themselves, in their order; a package's archives pass by and are not kept.
 *
 * @throws LockstepError REPOSITORY_INVALID that names the package which can't be read, ENVIRONMENT
 */
export async function readDebArchives(archives: readonly DebArchive[]): Promise<DebContent[]> {
  try {
    return await readAll(archives);
  } catch (error) {
    if (error instanceof LockstepError && error.code !== 'PROGRAM_FAILED') {
      throw error;
    }
    const [first, ...more] = archives;
    if (first !== undefined && more.length === 0) {
      throw invalidDeb(first.file, 'it is damaged', error);
    }
    // One of them is to blame; alone it says so.
    const contents: DebContent[] = [];
    for (const archive of archives) {
      contents.push(...(await readDebArchives([archive])));
    }
    return contents;
  }
}
