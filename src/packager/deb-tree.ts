import { createHash } from 'node:crypto';
import * as fs from 'node:fs/promises';
import * as path from 'node:path';
import { makeDirectoryAtomic } from '../core/files.ts';
import { formatStanza } from '../debian/control.ts';
import { withoutEpoch } from '../debian/version.ts';
import { buildDeb } from '../programs/dpkg-deb.ts';

export interface DebFile {
  /** Path in the package, without a slash at its beginning. */
  at: string;
  content: Uint8Array | string;
  /** 0644 unless given. */
  mode?: number;
}

export interface DebContent {
  control: readonly (readonly [string, string | undefined])[];
  files: readonly DebFile[];
  scripts: Readonly<Record<string, string>>;
  /** More files of `DEBIAN`, which are read and not run: `conffiles`, `triggers`. */
  lists?: Readonly<Record<string, string>>;
  /** Seconds since 1970, of every file. */
  epoch: number;
}

function field(content: DebContent, name: string): string {
  const value = content.control.find(([key]) => key === name)?.[1];
  if (value === undefined) {
    throw new Error(`a package without ${name}`);
  }
  return value;
}

/** The name of a package's file: no epoch in it. */
export function debFileName(content: DebContent): string {
  const version = withoutEpoch(field(content, 'Version'));
  return `${field(content, 'Package')}_${version}_${field(content, 'Architecture')}.deb`;
}

/**
 * Writes a package into a folder of its own, whole or not at all; one that is there already is taken as it is.
 *
 * @param directory the folder, named by what is in the package
 * @returns the path of the `.deb`
 */
export async function writeDeb(directory: string, content: DebContent): Promise<string> {
  const name = debFileName(content);
  await makeDirectoryAtomic(directory, async (temporary) => {
    const tree = path.join(temporary, 'tree');
    let bytes = 0;
    const sums: string[] = [];
    for (const file of content.files.toSorted((a, b) => (a.at < b.at ? -1 : 1))) {
      const target = path.join(tree, file.at);
      await fs.mkdir(path.dirname(target), { recursive: true, mode: 0o755 });
      await fs.writeFile(target, file.content);
      await fs.chmod(target, file.mode ?? 0o644);
      bytes += Buffer.byteLength(file.content);
      sums.push(`${createHash('md5').update(file.content).digest('hex')}  ${file.at}\n`);
    }
    await fs.mkdir(path.join(tree, 'DEBIAN'), { recursive: true, mode: 0o755 });
    const control = content.control.flatMap(([key, value]): [string, string | undefined][] =>
      key === 'Maintainer'
        ? [
            [key, value],
            ['Installed-Size', String(Math.max(1, Math.ceil(bytes / 1024)))],
          ]
        : [[key, value]],
    );
    await fs.writeFile(path.join(tree, 'DEBIAN/control'), formatStanza(control), { mode: 0o644 });
    await fs.writeFile(path.join(tree, 'DEBIAN/md5sums'), sums.join(''), { mode: 0o644 });
    for (const [script, text] of Object.entries(content.scripts)) {
      const target = path.join(tree, 'DEBIAN', script);
      await fs.writeFile(target, text);
      await fs.chmod(target, 0o755);
    }
    for (const [list, text] of Object.entries(content.lists ?? {})) {
      await fs.writeFile(path.join(tree, 'DEBIAN', list), text, { mode: 0o644 });
    }
    await normaliseModes(tree);
    await buildDeb(tree, path.join(temporary, name), content.epoch);
    await fs.rm(tree, { recursive: true });
  });
  return path.join(directory, name);
}

/** Folders 0755 and every time stamp no later than the epoch, whatever the umask. */
async function normaliseModes(directory: string): Promise<void> {
  await fs.chmod(directory, 0o755);
  for (const entry of await fs.readdir(directory, { withFileTypes: true })) {
    if (entry.isDirectory()) {
      await normaliseModes(path.join(directory, entry.name));
    }
  }
}
