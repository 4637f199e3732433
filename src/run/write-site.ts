import { LockstepError } from '../core/errors.ts';
import { renderSite, siteAssets } from '../site/site.ts';
import type { Context } from './context.ts';
import { notify } from './notify.ts';
import { planSurvey, type SurveyPlan } from './plan.ts';
import { gatherSite } from './site.ts';
import { type SiteChanges, SiteFolder } from './site-folder.ts';
import { writeLogs } from './site-logs.ts';
import type { Survey } from './survey.ts';
import { noteOutcomes } from './timeline.ts';

/**
 * Notes how targets fared and brings the status site in the repository's folder up to date.
 *
 * @throws LockstepError DISK_FULL, REPOSITORY_INVALID; any error of the file system
 */
export async function writeSite(context: Context, plan: SurveyPlan): Promise<SiteChanges> {
  await notify(context, await noteOutcomes(context, plan.plan));
  const data = await gatherSite(context, plan);
  const folder = await SiteFolder.open(context.config.repository.directory);
  for (const asset of await siteAssets()) {
    await folder.write(asset);
  }
  const logs = await writeLogs(context, folder, data);
  for (const file of renderSite({ ...data, logs })) {
    await folder.write(file);
  }
  return folder.end();
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
