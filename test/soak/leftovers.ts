import * as fs from 'node:fs/promises';
import * as path from 'node:path';

async function environmentOf(pid: string): Promise<string> {
  return await fs.readFile(`/proc/${pid}/environ`, 'utf8').catch(() => '');
}

/** Processes that were started in a folder's environment and run still: their command lines. */
export async function leftProcesses(tmp: string): Promise<string[]> {
  const found: string[] = [];
  for (const pid of (await fs.readdir('/proc')).filter((name) => /^\d+$/.test(name))) {
    if ((await environmentOf(pid)).includes(`TMPDIR=${tmp}`)) {
      const command = await fs.readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '');
      found.push(`${pid}: ${command.replaceAll('\0', ' ').slice(0, 200)}`);
    }
  }
  return found;
}

/** Files in work that nobody works on: temporary files, half downloads, scratch folders. */
export async function leftFiles(home: string, tmp: string): Promise<string[]> {
  const names = await fs.readdir(home, { recursive: true });
  const inWork = names.filter(
    (name) =>
      /(?:^|\/)\.tmp-|\.partial|\.building$/.test(name) ||
      /^state\/(?:work|archives\/[^/]+\/[^/]+\/tmp)\/./.test(name),
  );
  const temporary = (await fs.readdir(tmp)).map((name) => path.join(tmp, name));
  return [...inWork, ...temporary];
}
