import { buildCommand } from '@stricli/core';
import { formatSummary } from '../report/summary.ts';
import { indexTable, sourceTable } from '../report/tables.ts';
import { planAll, viewPlan } from '../run/plan.ts';
import { viewPushes } from '../run/push.ts';
import { exitCodeOf, run } from '../run/run.ts';
import { exampleTracks } from '../run/views.ts';
import { commonAliases, commonFlags, examples, waitFlag } from './flags.ts';
import { planText } from './texts.ts';
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
      'publishes. Ends with 0 when every target has a final verdict other than failed, 1 when some failed or an index could not be read, 2 for ' +
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
          const planned = await planAll(context, { refresh: true });
          return { json: viewPlan(planned), text: planText(planned) };
        }
        const result = await run(context);
        const { directory, url } = config.repository;
        return {
          json: {
            ...viewPlan(result),
            built: result.built,
            published: result.published,
            ...(result.pushes.length === 0 ? {} : { pushes: viewPushes(result.pushes) }),
            seconds: result.seconds,
          },
          text: formatSummary({
            targets: result.plan.targets,
            examples: exampleTracks(result),
            problems: [sourceTable(result.survey.sourceProblems), indexTable(result.problems)],
            url,
            slug: result.published.slug,
            directory: displayPath(directory),
            configFile: flags.config,
          }),
          exitCode: exitCodeOf(result),
        };
      },
    ),
});
