import * as fs from 'node:fs/promises';
import * as path from 'node:path';
import { LockstepError } from '../core/errors.ts';
import { formatStanza, parseStanza } from '../debian/control.ts';
import { runProgram } from '../programs/run.ts';
import { isArchitecture, isPackageName, isVersion } from './names.ts';

/** What an index says about a package, but for where it lies. */
export interface DebMetadata {
  name: string;
  version: string;
  architecture: string;
  /** Name of the source package. */
  source: string;
  /** Size in bytes. */
  size: number;
  /** Hex SHA-256. */
  sha256: string;
  /** The control fields as they go into an index, each line ended. */
  control: string;
}

/** Fields that only an index or dpkg's own database writes. */
const INDEX_FIELDS = new Set([
  'conffiles',
  'config-version',
  'filename',
  'md5sum',
  'sha1',
  'sha256',
  'sha512',
  'size',
  'status',
]);

const AR_MAGIC = '!<arch>\n';
const AR_HEADER_BYTES = 60;

function invalid(file: string, why: string, cause?: unknown): LockstepError {
  return new LockstepError('REPOSITORY_INVALID', `${file} can't be published: ${why}`, {
    hint: `build the package again, or take it out of what is published (dpkg-deb --info '${file}')`,
    cause,
  });
}

/**
 * Checks that the members of the ar archive (deb(5)) fill the file exactly: `dpkg-deb --field` does not notice
 * that the end is missing.
 *
 * @throws LockstepError REPOSITORY_INVALID
 */
async function checkComplete(file: string): Promise<void> {
  await using handle = await fs.open(file, 'r');
  const { size } = await handle.stat();
  const header = Buffer.alloc(AR_HEADER_BYTES);
  await handle.read(header, 0, AR_MAGIC.length, 0);
  if (header.toString('latin1', 0, AR_MAGIC.length) !== AR_MAGIC) {
    throw invalid(file, 'it is not a Debian package');
  }
  let offset = AR_MAGIC.length;
  let members = 0;
  while (offset < size) {
    const { bytesRead } = await handle.read(header, 0, AR_HEADER_BYTES, offset);
    const length = header.toString('latin1', 48, 58).trim();
    if (bytesRead !== AR_HEADER_BYTES || !/^\d+$/.test(length)) {
      throw invalid(file, 'it is damaged');
    }
    const end = offset + AR_HEADER_BYTES + Number(length);
    if (end > size) {
      throw invalid(file, 'its end is missing');
    }
    offset = end + (end % 2);
    members += 1;
  }
  if (members < 3) {
    throw invalid(file, 'its end is missing');
  }
}

/**
 * Reads a `.deb`'s control fields by `dpkg-deb`.
 *
 * @param identity hash and size of the same file
 * @throws LockstepError REPOSITORY_INVALID when it is no whole package, or has a name, version or architecture
 *   that Debian Policy 5.6 does not allow
 */
export async function readDeb(
  file: string,
  identity: { sha256: string; size: number },
  signal?: AbortSignal,
): Promise<DebMetadata> {
  await checkComplete(file);
  const result = await runProgram('dpkg-deb', ['--field', path.resolve(file)], {
    allowFailure: true,
    ...(signal === undefined ? {} : { signal }),
  });
  if (result.exitCode !== 0) {
    throw invalid(file, result.stderr.trim().replace(/^dpkg-deb: error: /, ''));
  }
  const stanza = parseStanza(result.stdout);
  const field = (name: string): string => stanza.get(name) ?? '';
  const name = field('Package');
  const version = field('Version');
  const architecture = field('Architecture');
  const source = (stanza.get('Source') ?? name).replace(/\s*\(.*\)$/, '');
  for (const [what, value, isAllowed] of [
    ['package name', name, isPackageName],
    ['source name', source, isPackageName],
    ['version', version, isVersion],
    ['architecture', architecture, isArchitecture],
  ] as const) {
    if (!isAllowed(value)) {
      throw invalid(file, `Debian does not allow the ${what} ${JSON.stringify(value)}`);
    }
  }
  const fields = [...stanza].filter(([key]) => !INDEX_FIELDS.has(key.toLowerCase()));
  return { name, version, architecture, source, ...identity, control: formatStanza(fields) };
}
