import * as fs from 'node:fs/promises';
import { LockstepError } from '../core/errors.ts';
import { handToBuilds } from './hand-over.ts';
import { runProgram } from './run.ts';
import { BUILD_USER, runsAsRoot } from './sandbox.ts';

/** What an unpacked source may be at most. */
export interface TreeLimits {
  /** Files, folders and links. */
  entries: number;
  /** Bytes of all files together. */
  bytes: number;
}

export const SOURCE_LIMITS: TreeLimits = { entries: 100_000, bytes: 2 * 1024 ** 3 };

const ENTER = 'cd -- "$2" && exec "${@:3}" <"$1"';

/** Milliseconds for each of listing and unpacking. */
const TIMEOUT = 300_000;
/** Memory of tar and of its decompressor, each. */
const MEMORY = 2 * 1024 ** 3;

const COMPRESSIONS: readonly [magic: string, option: string][] = [
  ['1f8b', '--gzip'],
  ['fd377a585a00', '--xz'],
  ['28b52ffd', '--zstd'],
  ['425a68', '--bzip2'],
];

/** The names by which tarballs are known; what they are is read from their first bytes. */
export const TARBALL_NAME = /\.(tar(\.(gz|xz|zst|bz2))?|tgz|txz|tzst|tbz2?)$/;

function invalid(message: string, cause?: unknown): LockstepError {
  return new LockstepError('SOURCE_INVALID', message, {
    hint: 'tar -tvf lists what is in it; nothing of it was kept',
    exitCode: 1,
    cause,
  });
}

async function compressionOf(file: string): Promise<string[]> {
  const handle = await fs.open(file, 'r');
  try {
    const { buffer } = await handle.read(Buffer.alloc(6), 0, 6, 0);
    const magic = buffer.toString('hex');
    return COMPRESSIONS.filter(([start]) => magic.startsWith(start)).map(([, option]) => option);
  } finally {
    await handle.close();
  }
}

/** tar as the user that builds, over a file and in a folder that only Lockstep's own user may be able to walk to. */
async function tar(
  file: string,
  folder: string,
  args: readonly string[],
  fileBytes: number,
): Promise<string> {
  const user = runsAsRoot()
    ? [`--reuid=${BUILD_USER}`, `--regid=${BUILD_USER}`, '--clear-groups', '--no-new-privs']
    : ['--no-new-privs'];
  const limits = ['--core=0', `--as=${MEMORY}`, `--fsize=${fileBytes}`];
  try {
    const { stdout } = await runProgram(
      'setpriv',
      [
        ...['--pdeathsig', 'KILL', '--', 'bash', '-c', ENTER, 'bash', file, folder],
        ...['setpriv', '--pdeathsig', 'KILL', ...user, '--', 'prlimit', ...limits, '--'],
        ...['tar', '-f', '-', ...(await compressionOf(file)), ...args],
      ],
      { env: { TAR_OPTIONS: '', XZ_OPT: '', XZ_DEFAULTS: '' }, timeout: TIMEOUT },
    );
    return stdout;
  } catch (error) {
    if (
      error instanceof LockstepError &&
      error.code === 'PROGRAM_FAILED' &&
      !error.message.includes('No space left on device')
    ) {
      throw invalid(`can't be unpacked: ${error.message.replace(/^setpriv/, 'tar')}`, error);
    }
    throw error;
  }
}

/** Refuses what no source has and what would be too much; by the listing alone, before anything is written. */
function checkListing(listing: string, limits: TreeLimits): void {
  const lines = listing.split('\n').filter((line) => line !== '');
  if (lines.length > limits.entries) {
    throw invalid(`has more than ${limits.entries} entries`);
  }
  let bytes = 0;
  for (const line of lines) {
    // type and mode, owner, size (of a device: its numbers), date, time, name
    const groups =
      /^(?<type>.)\S+ +\S+ +(?<size>\S+) +\S+ +\S+ (?<name>.*)$/.exec(line)?.groups ?? {};
    const name = groups['name'] ?? '';
    switch (groups['type']) {
      case '-':
      case 'd':
      case 'l':
        break;
      case 'h':
        throw invalid(`has a hard link: ${name}`);
      case undefined:
      default:
        throw invalid(`has what is no file, folder or symbolic link: ${name}`);
    }
    if (name.startsWith('/') || name.split(' -> ')[0]?.split('/').includes('..') === true) {
      throw invalid(`has a name that leads out of it: ${name}`);
    }
    bytes += Number(groups['size']);
    if (!(bytes <= limits.bytes)) {
      throw invalid(`has more than ${limits.bytes} bytes`);
    }
  }
}

/**
 * Unpacks a tarball that nobody vouches for into a folder of its own. tar runs as the user that builds; hard links,
 * devices, names that lead out and more than the limits are refused. Symbolic links stay as they are, wherever they
 * lead: whoever reads the tree must not follow any.
 *
 * @param file absolute path
 * @param directory made; its parent must be there
 * @throws LockstepError SOURCE_INVALID, ENVIRONMENT, DISK_FULL
 */
export async function unpackTarball(
  file: string,
  directory: string,
  limits: TreeLimits = SOURCE_LIMITS,
): Promise<void> {
  const listed = ['--list', '--verbose', '--absolute-names', '--numeric-owner'];
  checkListing(await tar(file, '/', [...listed, '--quoting-style=escape'], 0), limits);
  await fs.mkdir(directory);
  if (runsAsRoot()) {
    await fs.chown(directory, BUILD_USER, BUILD_USER);
  }
  const plain = ['--no-same-owner', '--no-same-permissions', '--no-acls', '--no-xattrs'];
  const options = [...plain, '--no-selinux', '--warning=no-timestamp'];
  await tar(file, directory, ['--extract', ...options], limits.bytes);
  await runProgram('chmod', ['-R', 'u-s,g-s,o-t', '--', directory]);
  await handToBuilds(directory);
}
