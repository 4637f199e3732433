import { formatStanza, parseStanza } from '../debian/control.ts';
import { type DebArchive, invalidDeb, openDeb, readDebArchives } from './deb-archive.ts';
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
  /** Its name as Contents has it: `kernel/foo-modules-amd64`. */
  qualified: string;
  /**
   * Paths of its files, without a slash at the beginning; each character is one byte. Without those that have a line
   * feed or the like in them: Contents has no way to say them.
   */
  files: string[];
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

/** Whether a name, each character of it a byte, has no control character of ASCII. */
function isPlainName(name: string): boolean {
  return !/[^\x20-\x7e\x80-\xff]/.test(name);
}

function metadataOf(
  { file, sha256, size }: { file: string; sha256: string; size: number },
  control: string,
  files: string[],
): DebMetadata {
  const stanza = parseStanza(control);
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
      throw invalidDeb(file, `Debian does not allow the ${what} ${JSON.stringify(value)}`);
    }
  }
  const fields = [...stanza].filter(([key]) => !INDEX_FIELDS.has(key.toLowerCase()));
  const section = field('Section');
  return {
    ...{ name, version, architecture, source, sha256, size },
    files: files.filter(isPlainName),
    control: formatStanza(fields),
    qualified: /^[a-z0-9+./-]+$/i.test(section) ? `${section}/${name}` : name,
  };
}

/**
 * Reads `.deb`s whole: hash, control fields, list of files.
 *
 * @throws LockstepError as {@link readOpened}; a file that is not there is the file system's own error
 */
export async function readDebs(files: readonly string[]): Promise<DebMetadata[]> {
  const archives: DebArchive[] = [];
  for (const file of files) {
    archives.push(await openDeb(file));
  }
  return await readOpened(archives);
}

/**
 * What packages that are open already say: control fields, list of files.
 *
 * @throws LockstepError REPOSITORY_INVALID when one is no whole package, or has a name, version or architecture
 *   that Debian Policy 5.6 does not allow
 */
export async function readOpened(archives: readonly DebArchive[]): Promise<DebMetadata[]> {
  const contents = await readDebArchives(archives);
  return contents.map(({ control, files: list }, at) => {
    const archive = archives[at];
    if (archive === undefined) {
      throw new Error('a package without its archive');
    }
    return metadataOf(archive, control, list);
  });
}
