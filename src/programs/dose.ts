import { parse } from 'yaml';
import { z } from 'zod';
import { LockstepError } from '../core/errors.ts';
import { hasProgram, runProgram } from './run.ts';

/** A package that can't be installed. */
export interface BrokenPackage {
  name: string;
  version: string;
  /** What is missing or in the way, each in one line. */
  reasons: string[];
}

const packageSchema = z.object({
  package: z.string(),
  version: z.string(),
  'unsat-dependency': z.string().optional(),
  'unsat-conflict': z.string().optional(),
});

const brokenSchema = packageSchema.extend({
  status: z.literal('broken'),
  reasons: z.array(
    z.union([
      z.object({ missing: z.object({ pkg: packageSchema }) }),
      z.object({ conflict: z.object({ pkg1: packageSchema, pkg2: packageSchema }) }),
    ]),
  ),
});

/** A report on nothing is empty. */
const reportSchema = z.object({ report: z.union([z.array(brokenSchema), z.literal('')]) });

/** Whether `dose-debcheck` is there. */
export function hasDebcheck(): Promise<boolean> {
  return hasProgram('dose-debcheck');
}

/** `name:architecture (operator version)` without the architecture. */
function withoutArchitecture(dependency: string): string {
  return dependency.replace(/:[a-z0-9-]+/g, '');
}

/** Broken packages are no failure of its own; statuses from 64 on are. */
const FAILED = 64;

/**
 * Asks `dose-debcheck` (dose-distcheck(1)) which packages can't be installed, each by itself.
 *
 * @param foreground file with the stanzas of the packages that are asked about
 * @param background files with those that they may need
 * @throws LockstepError ENVIRONMENT when it is not installed, PROGRAM_FAILED, INTERRUPTED
 */
export async function debcheck(
  architecture: string,
  foreground: string,
  background: readonly string[],
  signal?: AbortSignal,
): Promise<BrokenPackage[]> {
  const { exitCode, stdout, stderr } = await runProgram(
    'dose-debcheck',
    [
      `--deb-native-arch=${architecture}`,
      ...['--quiet', '--failures', '--explain', '--explain-minimal'],
      `--fg=${foreground}`,
      ...background.map((file) => `--bg=${file}`),
    ],
    { allowFailure: true, ...(signal === undefined ? {} : { signal }) },
  );
  const report = exitCode < FAILED ? reportSchema.safeParse(parseReport(stdout)) : undefined;
  if (report?.success !== true) {
    const said = stderr.trim() || report?.error.message || 'it printed no report';
    throw new LockstepError('PROGRAM_FAILED', `dose-debcheck ended with ${exitCode}: ${said}`);
  }
  return (report.data.report || []).map(({ package: name, version, reasons }) => ({
    name,
    version,
    reasons: [
      ...new Set(
        reasons.map((reason) =>
          'missing' in reason
            ? `${reason.missing.pkg.package} needs ${withoutArchitecture(reason.missing.pkg['unsat-dependency'] ?? '')}`
            : `${reason.conflict.pkg1.package} ${reason.conflict.pkg1.version} and ${reason.conflict.pkg2.package} ${reason.conflict.pkg2.version} exclude each other`,
        ),
      ),
    ],
  }));
}

/** Every value is text: YAML would read the version `1.10` as a number. */
function parseReport(text: string): unknown {
  return parse(text, { schema: 'failsafe' });
}
