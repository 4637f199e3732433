import { buildCommand } from '@stricli/core';
import { indexTable, targetTable } from '../report/tables.ts';
import { problemsOf, viewTarget } from '../run/plan.ts';
import { preflight } from '../run/preflight.ts';
import { commonAliases, commonFlags, examples, offlineFlag, waitFlag } from './flags.ts';
import { type CommonFlags, withSession } from './session.ts';

interface PreflightFlags extends CommonFlags {
  wait: number;
  offline: boolean;
  dryRun: boolean;
  for?: string;
}

export const preflightCommand = buildCommand({
  docs: {
    brief: 'Say which modules are ready for a kernel before it reaches a suite',
    fullDescription:
      'Builds every module for the named kernel, or for the newest kernels of the named suite, with the module ' +
      'versions of the suite that expects it (`ahead` in the configuration), and says which are ready and which fail, ' +
      'and how. Publishes nothing; the builds are there when the kernel arrives. Ends with 0 when all are ready, 1 ' +
      'when some are not.',
    customUsage: examples(
      ['preflight sid', 'the newest kernels of sid, for the suite that expects them'],
      ['preflight --for trixie 7.2.13+deb14-amd64', "one kernel, with trixie's modules"],
      ['preflight --dry-run experimental', 'only what is known already'],
    ),
  },
  parameters: {
    flags: {
      ...commonFlags,
      wait: waitFlag,
      offline: offlineFlag,
      dryRun: {
        kind: 'boolean',
        brief: 'Build nothing; say what is known already',
        default: false,
        withNegated: false,
      },
      for: {
        kind: 'parsed',
        parse: String,
        brief: 'The suite whose module versions are tried',
        placeholder: 'suite',
        optional: true,
      },
    },
    aliases: commonAliases,
    positional: {
      kind: 'tuple',
      parameters: [
        { brief: 'Kernel release, or a suite', parse: String, placeholder: 'release|suite' },
      ],
    },
  },
  func: (flags: PreflightFlags, what: string) =>
    withSession(
      { command: 'preflight', flags, wait: flags.wait, exclusive: true },
      async (context) => {
        const result = await preflight(context, what, {
          for: flags.for,
          build: !flags.dryRun,
          refresh: !flags.offline,
        });
        const { ready, failing, unknown, plan, survey } = result;
        const count = (list: readonly unknown[], word: string): string => `${list.length} ${word}`;
        const problems = problemsOf(survey);
        return {
          json: {
            ready: ready.map(viewTarget),
            failing: failing.map(viewTarget),
            unknown: unknown.map(viewTarget),
            absent: plan.absent,
            indices: problems,
          },
          text: [
            `${count(ready, 'ready')}, ${count(failing, 'failing')}, ${count(unknown, 'not known')}\n`,
            targetTable([...failing, ...unknown, ...ready]),
            indexTable(problems),
          ]
            .filter((text) => text !== '')
            .join('\n'),
          exitCode: failing.length + unknown.length === 0 ? 0 : 1,
        };
      },
    ),
});
