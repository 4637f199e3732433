import * as fs from 'node:fs/promises';

const PERIOD_MS = 500;
const PAGE_BYTES = 4096;

async function numbersIn(directory: string): Promise<string[]> {
  const names = await fs.readdir(directory).catch((): string[] => []);
  return names.filter((name) => /^\d+$/.test(name));
}

async function namespaceOf(pid: string): Promise<string | undefined> {
  return fs.readlink(`/proc/${pid}/ns/pid`).catch(() => undefined);
}

/** Bytes of a process that are its own: resident, without files. proc_pid_statm(5). */
async function ownBytes(pid: string): Promise<number> {
  const text = await fs.readFile(`/proc/${pid}/statm`, 'latin1').catch(() => '');
  const [, resident = 0, shared = 0] = text.split(' ').map(Number);
  return Math.max(0, resident - shared) * PAGE_BYTES;
}

/**
 * Bytes that all processes of a process tree's namespace take together, as far as they are their own.
 *
 * @param pid a process of that namespace, as it is numbered here
 */
export async function memoryOfNamespace(pid: string): Promise<number> {
  const namespace = await namespaceOf(pid);
  if (namespace === undefined) {
    return 0;
  }
  const sizes = (await numbersIn('/proc')).map(async (other) =>
    (await namespaceOf(other)) === namespace ? ownBytes(other) : 0,
  );
  return (await Promise.all(sizes)).reduce((sum, size) => sum + size, 0);
}

/**
 * Looks twice a second at what a sandbox takes.
 *
 * @param pidOf its first process, as soon as that is known
 * @returns ends the watch
 */
export function watchMemory(
  pidOf: () => string | undefined,
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
    const bytes = await memoryOfNamespace(pid);
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
