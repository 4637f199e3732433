import * as fs from 'node:fs/promises';
import * as path from 'node:path';
import { z } from 'zod';
import { compareText } from '../core/compare.ts';
import { exists, readFileOrUndefined, writeFileAtomic } from '../core/files.ts';
import type { SiteBuild, SiteCell, SiteData } from '../site/data.ts';
import { logPage, type LogSubject } from '../site/log-page.ts';
import { paths } from '../site/paths.ts';
import type { Context } from './context.ts';
import type { SiteFolder } from './site-folder.ts';

const noteSchema = z.object({
  /** What the pages were made by. */
  templates: z.string(),
  /** Build key → when the build ended whose log is there. */
  logs: z.record(z.string(), z.string()),
});

/** Which logs are in the repository, so that they are not read again at every run; a note that is lost is made anew. */
async function readNote(file: string, templates: string): Promise<Map<string, string>> {
  try {
    const text = (await readFileOrUndefined(file))?.toString('utf8') ?? '';
    const note = noteSchema.parse(JSON.parse(text));
    return new Map(note.templates === templates ? Object.entries(note.logs) : []);
  } catch {
    return new Map();
  }
}

interface LoggedBuild {
  cell: SiteCell;
  version: string;
  reason: string;
  build: SiteBuild;
}

/** Every build that a page names, each once. */
function* buildsOf(cells: readonly SiteCell[]): Generator<LoggedBuild> {
  const seen = new Set<string>();
  for (const cell of cells) {
    const { version, reason, build, passedOver } = cell;
    for (const entry of [{ version, reason, build }, ...passedOver]) {
      if (entry.build !== undefined && !seen.has(entry.build.key)) {
        seen.add(entry.build.key);
        yield { cell, version: entry.version, reason: entry.reason, build: entry.build };
      }
    }
  }
}

/**
 * Writes the pages of the builds' logs, and the logs themselves beside them.
 *
 * @param templates names what pages are made by: those of other templates are made anew
 * @returns the keys of the builds whose logs are there
 */
export async function writeLogs(
  { ledger, config }: Context,
  folder: SiteFolder,
  data: SiteData,
  templates: string,
): Promise<Set<string>> {
  const noteFile = path.join(config.state, 'site-logs.json');
  const before = await readNote(noteFile, templates);
  const after = new Map<string, string>();
  for (const { cell, version, reason, build } of buildsOf(data.cells)) {
    const { key, finished } = build;
    const [page, text] = [paths.log(key), paths.logText(key)];
    if (before.get(key) === finished && folder.has(page) && folder.has(text)) {
      folder.keep(page);
      folder.keep(text);
      after.set(key, finished);
      continue;
    }
    const log = ledger.logFile(key);
    const bytes = (await exists(log)) ? await readFileOrUndefined(log) : undefined;
    if (bytes === undefined) {
      continue;
    }
    const { release, architecture, version: kernelVersion } = cell.kernel;
    const subject: LogSubject = {
      ...{ module: cell.module, version, release, architecture, kernelVersion, reason, build },
    };
    await folder.write(logPage(data, subject, bytes.toString('utf8')));
    await folder.write({ path: text, content: bytes });
    after.set(key, finished);
  }
  await fs.mkdir(config.state, { recursive: true });
  const sorted = [...after].toSorted(([a], [b]) => compareText(a, b));
  const note = { templates, logs: Object.fromEntries(sorted) };
  await writeFileAtomic(noteFile, `${JSON.stringify(note)}\n`, { onlyIfChanged: true });
  return new Set(after.keys());
}
