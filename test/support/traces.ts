import * as fs from 'node:fs/promises';
import * as path from 'node:path';
import { sha256File } from '../../src/core/hash.ts';

/** Every file and link of a tree with its content's hash, its mode and its time: equal maps are equal bytes. */
export async function fingerprint(directory: string): Promise<Map<string, string>> {
  const found = new Map<string, string>();
  const entries = await fs.readdir(directory, { withFileTypes: true, recursive: true });
  for (const entry of entries) {
    const file = path.join(entry.parentPath, entry.name);
    const stat = await fs.lstat(file);
    const content = entry.isFile()
      ? await sha256File(file)
      : entry.isSymbolicLink()
        ? await fs.readlink(file)
        : 'folder';
    const time = entry.isFile() ? ` ${stat.mtimeMs}` : '';
    found.set(path.relative(directory, file), `${stat.mode.toString(8)} ${content}${time}`);
  }
  return new Map([...found].toSorted(([a], [b]) => (a < b ? -1 : 1)));
}

async function readOrNothing(file: string): Promise<string> {
  return fs.readFile(file, 'latin1').catch(() => '');
}

/**
 * Processes that have to do with a folder: its path stands in their command line, their environment or their mounts
 * (a sandbox's). The process that asks is not among them.
 */
export async function processesOf(folder: string): Promise<string[]> {
  const found: string[] = [];
  for (const pid of await fs.readdir('/proc')) {
    if (!/^\d+$/.test(pid) || Number(pid) === process.pid) {
      continue;
    }
    const [command, environment, mounts] = await Promise.all(
      ['cmdline', 'environ', 'mountinfo'].map((name) => readOrNothing(`/proc/${pid}/${name}`)),
    );
    if ([command, environment, mounts].some((text) => text?.includes(folder) === true)) {
      found.push(`${pid} ${(command ?? '').replaceAll('\0', ' ').slice(0, 200)}`);
    }
  }
  return found;
}

/** As {@link processesOf}, once they had a moment to end. */
export async function leftoversOf(folder: string, milliseconds = 2000): Promise<string[]> {
  const deadline = Date.now() + milliseconds;
  for (;;) {
    const found = await processesOf(folder);
    if (found.length === 0 || Date.now() > deadline) {
      return found;
    }
    await new Promise((resolve) => {
      setTimeout(resolve, 50);
    });
  }
}

/** Mounts of this machine below a folder. */
export async function mountsOf(folder: string): Promise<string[]> {
  const text = await fs.readFile('/proc/self/mountinfo', 'utf8');
  return text.split('\n').filter((line) => line.includes(folder));
}
