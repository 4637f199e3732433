import { LockstepError } from '../core/errors.ts';
import { renderLook, renderSite, siteAssets } from '../site/site.ts';
import type { Context } from './context.ts';
import { notify } from './notify.ts';
import { planSurvey, type SurveyPlan } from './plan.ts';
import { gatherSite } from './site.ts';
import { type SiteChanges, SiteFolder } from './site-folder.ts';
import { readSiteNote, siteKey, templatesHash, writeSiteNote } from './site-key.ts';
import { writeLogs } from './site-logs.ts';
import type { Survey } from './survey.ts';
import { noteOutcomes } from './timeline.ts';

/**
 * Notes how targets fared and brings the status site in the repository's folder up to date. When nothing is new, only
 * what tells of the time is written.
 *
 * @throws LockstepError DISK_FULL, REPOSITORY_INVALID; any error of the file system
 */
export async function writeSite(context: Context, plan: SurveyPlan): Promise<SiteChanges> {
  await notify(context, await noteOutcomes(context, plan.plan));
  const data = await gatherSite(context, plan);
  const { state, repository } = context.config;
  const folder = await SiteFolder.open(repository.directory);
  const templates = await templatesHash();
  const key = siteKey(data, templates);
  const note = await readSiteNote(state);
  if (note?.key === key && note.files === folder.size) {
    folder.keepAll();
    for (const file of renderLook(data)) {
      await folder.write(file);
    }
    return folder.end();
  }
  await writeSiteNote(state, undefined);
  for (const asset of await siteAssets()) {
    await folder.write(asset);
  }
  const logs = await writeLogs(context, folder, data, templates);
  for (const file of renderSite({ ...data, logs })) {
    await folder.write(file);
  }
  const changes = await folder.end();
  await writeSiteNote(state, { key, files: (await SiteFolder.open(repository.directory)).size });
  return changes;
}

/** As {@link writeSite}, at the end of a run: what goes wrong with the site is told, and takes nothing of the run back. */
export async function writeSiteAfterRun(
  context: Context,
  survey: Survey,
  plan?: SurveyPlan['plan'],
): Promise<void> {
  if (context.signal.aborted) {
    return;
  }
  try {
    await writeSite(context, { survey, plan: plan ?? (await planSurvey(context, survey)) });
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    const code = error instanceof LockstepError ? error.code : 'SITE_FAILED';
    context.emit({ type: 'warning', code, message: `status site: ${message}` });
  }
}
