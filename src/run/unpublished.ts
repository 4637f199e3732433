import * as fs from 'node:fs/promises';
import * as path from 'node:path';
import type { Publications } from '../ledger/schema.ts';
import { sourceFileName } from '../packager/source-package.ts';
import { sourceFolder } from './source-files.ts';

async function foldersBut(used: ReadonlySet<string>, directory: string): Promise<string[]> {
  const names = await fs.readdir(directory).catch((): string[] => []);
  return names.filter((name) => !used.has(name)).map((name) => path.join(directory, name));
}

/** Folders of made packages and source packages that no publication names any more; the pool keeps its own files. */
export async function unpublishedFolders(
  state: string,
  publications: Publications,
): Promise<string[]> {
  const entries = Object.values(publications).flatMap((suite) => Object.values(suite));
  const packages = new Set(entries.map(({ file }) => path.dirname(file)));
  const sources = new Set(entries.flatMap((entry) => (entry.sources ?? []).map(sourceFileName)));
  return [
    ...(await foldersBut(packages, path.join(state, 'packages'))),
    ...(await foldersBut(sources, sourceFolder(state))),
  ];
}
