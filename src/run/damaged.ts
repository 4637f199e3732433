import * as fs from 'node:fs/promises';
import * as path from 'node:path';
import { exists } from '../core/files.ts';
import { sha256File } from '../core/hash.ts';
import type { Context } from './context.ts';
import { sourceFolder } from './source-files.ts';

/**
 * Removes what the state has of the pool's damaged files: it is the same file where links can be made. Source packages
 * and `.buildinfo` files are made or got anew then.
 *
 * @param names file names of what is damaged in the pool
 */
export async function dropDamaged(
  { config, ledger }: Context,
  names: readonly string[],
): Promise<void> {
  const damaged = new Set(names);
  const sources = sourceFolder(config.state);
  for (const folder of await fs.readdir(sources).catch((): string[] => [])) {
    const files = await fs.readdir(path.join(sources, folder));
    if (files.some((name) => damaged.has(name))) {
      await fs.rm(path.join(sources, folder), { recursive: true, force: true });
    }
  }
  const suites = Object.values(await ledger.publications());
  for (const { buildinfo } of suites.flatMap((suite) => Object.values(suite))) {
    if (buildinfo !== undefined && damaged.has(path.basename(buildinfo.file))) {
      const file = path.join(config.state, 'packages', buildinfo.file);
      if ((await exists(file)) && (await sha256File(file)) !== buildinfo.sha256) {
        await fs.rm(file);
      }
    }
  }
}
