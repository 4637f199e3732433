import { buildCommand } from '@stricli/core';
import { formatSummary } from '../report/summary.ts';
import { targetTable } from '../report/tables.ts';
import { planAll, viewTarget } from '../run/plan.ts';
import { exitCodeOf, run } from '../run/run.ts';
import { commonAliases, commonFlags, examples, waitFlag } from './flags.ts';
import { type CommonFlags, displayPath, withSession } from './session.ts';

interface RunFlags extends CommonFlags {
  wait: number;
  dryRun: boolean;
}

export const runCommand = buildCommand({
  docs: {
    brief: 'Build what is new and publish it: the main job',
    fullDescription:
      'Reads the archives, builds every module for every kernel that has no build yet, verifies, packages and ' +
      'publishes. Ends with 0 when every target has a final verdict other than failed, 1 when some failed, 2 for ' +
      'usage or configuration, 3 when the environment lacks something, 130 when interrupted. Run again to go on.',
    customUsage: examples(
      ['run -c examples/quickstart.yaml', 'the quickstart'],
      ['run --dry-run', 'only show what would be done'],
      ['run --wait 600 --json', 'wait for another run up to ten minutes; result as JSON'],
    ),
  },
  parameters: {
    flags: {
      ...commonFlags,
      wait: waitFlag,
      dryRun: {
        kind: 'boolean',
        brief: 'Show what would be done; build and publish nothing',
        default: false,
        withNegated: false,
      },
    },
    aliases: commonAliases,
  },
  func: (flags: RunFlags) =>
    withSession(
      { command: 'run', flags, wait: flags.wait, exclusive: true },
      async (context, config) => {
        if (flags.dryRun) {
          const targets = (await planAll(context, { refresh: true })).flatMap(
            ({ plan }) => plan.targets,
          );
          return { json: { targets: targets.map(viewTarget) }, text: targetTable(targets) };
        }
        const result = await run(context);
        const targets = result.plans.flatMap(({ plan }) => plan.targets);
        const { directory, url } = config.repository;
        return {
          json: {
            targets: targets.map(viewTarget),
            built: result.built,
            published: result.published,
            seconds: result.seconds,
          },
          text: formatSummary({
            targets,
            url,
            suites: result.plans.map(({ survey }) => survey.suite),
            slug: result.published.slug,
            directory: displayPath(directory),
            configFile: flags.config,
          }),
          exitCode: exitCodeOf(result.plans),
        };
      },
    ),
});
