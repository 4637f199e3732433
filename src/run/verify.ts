import * as fs from 'node:fs/promises';
import * as path from 'node:path';
import { exists } from '../core/files.ts';
import { type Verification, verifyRepository } from '../publisher/verify.ts';
import { LockstepError } from '../core/errors.ts';
import type { Context } from './context.ts';
import { dropDamaged } from './damaged.ts';
import { planAll } from './plan.ts';
import { publishAll } from './publish.ts';
import { signingOf } from './signing.ts';
import { writeSiteAfterRun } from './write-site.ts';

export type { Verification } from '../publisher/verify.ts';

/** Verifies the published repository; changes nothing. */
export async function verifyPublished({ config, signal }: Context): Promise<Verification> {
  const { directory } = config.repository;
  if (!(await exists(path.join(directory, 'dists')))) {
    throw new LockstepError('REPOSITORY_INVALID', `nothing is published in ${directory}`, {
      hint: `lockstep run -c ${config.file}`,
    });
  }
  const { key } = await signingOf(config);
  return await verifyRepository(directory, key, new Date(), signal);
}

/**
 * Puts the repository back as the ledger and the kept packages say: what is damaged goes, everything is published anew.
 *
 * @returns what was wrong before, and what still is
 */
export async function repair(
  context: Context,
): Promise<{ before: Verification; after: Verification }> {
  const { repository } = context.config;
  let before: Verification;
  try {
    before = await verifyPublished(context);
  } catch (error) {
    if (!(error instanceof LockstepError) || error.code !== 'REPOSITORY_INVALID') {
      throw error;
    }
    before = { suites: 0, packages: 0, defects: [] };
    before.defects.push({ what: 'dists', problem: error.message, isDamaged: false });
    // A suite that can't be read names nothing any more: its indices are made anew, and its packages lie in the pool.
    await fs.rm(path.join(repository.directory, 'dists'), { recursive: true, force: true });
  }
  for (const { what, isDamaged } of before.defects) {
    if (isDamaged && !what.includes('..')) {
      await fs.rm(path.join(repository.directory, what), { force: true });
    }
  }
  await dropDamaged(
    context,
    before.defects.filter(({ isDamaged }) => isDamaged).map(({ what }) => path.basename(what)),
  );
  const planned = await planAll(context, { refresh: false });
  const { failure } = await publishAll(context, planned);
  await writeSiteAfterRun(context, planned.survey, planned.plan);
  if (failure !== undefined) {
    throw failure;
  }
  return { before, after: await verifyPublished(context) };
}
