import * as fs from 'node:fs/promises';
import * as path from 'node:path';
import type { SiteData } from '../../src/site/data.ts';
import { logPage } from '../../src/site/log-page.ts';
import { paths } from '../../src/site/paths.ts';
import { renderSite, siteAssets } from '../../src/site/site.ts';

/** Writes a site as a run does, with one log. @returns bytes of each file */
export async function writeSiteFolder(
  folder: string,
  data: SiteData,
  log?: string,
): Promise<Map<string, number>> {
  const sizes = new Map<string, number>();
  const made = new Set<string>();
  const write = async (name: string, content: string): Promise<void> => {
    const file = path.join(folder, name);
    if (!made.has(path.dirname(file))) {
      made.add(path.dirname(file));
      await fs.mkdir(path.dirname(file), { recursive: true });
    }
    await fs.writeFile(file, content);
    sizes.set(name, Buffer.byteLength(content));
  };
  for (const file of await siteAssets()) {
    await write(file.path, file.content);
  }
  for (const file of renderSite(data)) {
    await write(file.path, file.content);
  }
  const failed = data.cells.find(
    ({ verdict, build }) => verdict === 'failed' && build !== undefined,
  );
  if (failed?.build !== undefined && log !== undefined) {
    const { module, version, kernel, reason, build } = failed;
    const { release, architecture, version: kernelVersion } = kernel;
    const subject = { module, version, release, architecture, kernelVersion, reason, build };
    const page = logPage(data, subject, log);
    await write(page.path, page.content);
    await write(paths.logText(build.key), log);
  }
  return sizes;
}
