import * as fs from 'node:fs/promises';
import * as path from 'node:path';

const PERIOD_MS = 500;
/** st_blocks counts such, whatever the file system. stat(2). */
const BLOCK_BYTES = 512;
/** The kind of a file system in memory. statfs(2). */
const TMPFS_MAGIC = 0x01021994;

async function numbersIn(directory: string): Promise<string[]> {
  const names = await fs.readdir(directory).catch((): string[] => []);
  return names.filter((name) => /^\d+$/.test(name));
}

async function namespaceOf(pid: string): Promise<string | undefined> {
  return fs.readlink(`/proc/${pid}/ns/pid`).catch(() => undefined);
}

/** A number of kilobytes in a file of /proc, as bytes; undefined when the line is missing. */
function bytesIn(text: string, name: string): number | undefined {
  const found = new RegExp(`^${name}:\\s*(\\d+) kB$`, 'm').exec(text)?.[1];
  return found === undefined ? undefined : Number(found) * 1024;
}

/** Bytes of a process but for files: its own, and its part of what it shares with others. proc(5). */
async function bytesOfProcess(pid: string): Promise<number> {
  const status = await fs.readFile(`/proc/${pid}/status`, 'latin1').catch(() => '');
  const own = bytesIn(status, 'RssAnon') ?? 0;
  const shared = bytesIn(status, 'RssShmem') ?? 0;
  if (shared === 0) {
    return own;
  }
  const parts = await fs.readFile(`/proc/${pid}/smaps_rollup`, 'latin1').catch(() => '');
  return own + (bytesIn(parts, 'Pss_Shmem') ?? shared);
}

/** Adds the files in memory that a process holds open without a name (memfd_create(2)), by device and inode. */
async function addMemoryFiles(pid: string, files: Map<string, number>): Promise<void> {
  const folder = `/proc/${pid}/fd`;
  for (const name of await numbersIn(folder)) {
    const file = path.join(folder, name);
    const target = await fs.readlink(file).catch(() => '');
    const stat = target.startsWith('/memfd:') ? await fs.stat(file).catch(() => undefined) : null;
    if (stat) {
      files.set(`${stat.dev} ${stat.ino}`, stat.blocks * BLOCK_BYTES);
    }
  }
}

/**
 * Bytes of the files that lie in a folder in memory of a process; 0 when it can't be looked into, and as long as the
 * process still sees this machine's own folder there, whose file system may have any size.
 */
async function bytesOfFolder(pid: string, folder: string): Promise<number> {
  const file = `/proc/${pid}/root${folder}`;
  const [own, theirs] = await Promise.all([
    fs.stat(folder).catch(() => undefined),
    fs.stat(file).catch(() => undefined),
  ]);
  if (theirs === undefined || theirs.dev === own?.dev) {
    return 0;
  }
  const stat = await fs.statfs(file).catch(() => undefined);
  return stat?.type === TMPFS_MAGIC ? (stat.blocks - stat.bfree) * stat.bsize : 0;
}

/**
 * Bytes that all processes of a process tree's namespace take together: what is their own, what they share, files
 * without a name, and the files of its folders in memory.
 *
 * @param pid a process of that namespace, as it is numbered here
 * @param folders where file systems in memory are mounted, as that process sees them
 */
export async function memoryOfNamespace(pid: string, folders: readonly string[]): Promise<number> {
  const namespace = await namespaceOf(pid);
  if (namespace === undefined) {
    return 0;
  }
  const files = new Map<string, number>();
  const processes = (await numbersIn('/proc')).map(async (other) => {
    if ((await namespaceOf(other)) !== namespace) {
      return 0;
    }
    await addMemoryFiles(other, files);
    return bytesOfProcess(other);
  });
  const mounts = folders.map((folder) => bytesOfFolder(pid, folder));
  const sizes = await Promise.all([...processes, ...mounts]);
  return [...sizes, ...files.values()].reduce((sum, size) => sum + size, 0);
}

/**
 * Looks twice a second at what a sandbox takes.
 *
 * @param pidOf its first process, as soon as that is known
 * @param folders its folders in memory
 * @returns ends the watch
 */
export function watchMemory(
  pidOf: () => string | undefined,
  folders: readonly string[],
  limit: number,
  exceeded: () => void,
): () => void {
  let isLooking = false;
  const look = async (): Promise<void> => {
    const pid = pidOf();
    if (pid === undefined || isLooking) {
      return;
    }
    isLooking = true;
    const bytes = await memoryOfNamespace(pid, folders);
    isLooking = false;
    if (bytes > limit) {
      exceeded();
    }
  };
  const timer = setInterval(() => {
    void look();
  }, PERIOD_MS);
  return () => {
    clearInterval(timer);
  };
}
