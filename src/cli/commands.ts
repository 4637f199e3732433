import { buildCommand } from '@stricli/core';
import { configJsonSchema } from '../config/schema.ts';
import { actionOf } from '../model/actions.ts';
import { historyText, historyView } from '../report/history.ts';
import { explanation, indexTable, kernelTable } from '../report/tables.ts';
import { printable } from '../report/text.ts';
import { diagnose, formatDiagnosis } from '../run/doctor.ts';
import { executeTarget } from '../run/execute-target.ts';
import { KernelTrees } from '../run/kernel-trees.ts';
import { findTarget } from '../run/find-target.ts';
import { parseSinceFlag } from '../run/history.ts';
import { isWholeSurvey, planAll, problemsOf, viewPlan, viewTarget } from '../run/plan.ts';
import { openBuildShell } from '../run/shell.ts';
import { kernelViews, lagView } from '../run/views.ts';
import {
  commonAliases,
  commonFlags,
  examples,
  offlineFlag,
  targetArguments,
  waitFlag,
} from './flags.ts';
import { type CommonFlags, printOutput, withSession } from './session.ts';
import { planText } from './texts.ts';

interface ReadFlags extends CommonFlags {
  wait: number;
  offline: boolean;
}

const readFlags = { ...commonFlags, wait: waitFlag, offline: offlineFlag } as const;

interface KernelsFlags extends ReadFlags {
  since?: string;
}

export const kernelsCommand = buildCommand({
  docs: {
    brief: 'List the kernels of the suites, or what changed among them',
    customUsage: examples(
      ['kernels -c examples/quickstart.yaml --json', 'all kernels, as JSON'],
      ['kernels --since 2026-11-01', 'what came, went and moved since a day'],
      ['kernels --since 3d', 'since three days ago; also 12h, 2w'],
      ['kernels --since 12', 'since the twelfth run that saw a change'],
    ),
  },
  parameters: {
    flags: {
      ...readFlags,
      since: {
        kind: 'parsed',
        parse: String,
        brief: 'Show the changes since a date, an age (3d, 12h, 2w) or a run (its number)',
        placeholder: 'date|run',
        optional: true,
      },
    },
    aliases: commonAliases,
  },
  func: (flags: KernelsFlags) =>
    withSession(
      { command: 'kernels', flags, wait: flags.wait, exclusive: true },
      async (context) => {
        const from = flags.since === undefined ? undefined : parseSinceFlag(flags.since);
        const { survey } = await planAll(context, { refresh: !flags.offline });
        const problems = problemsOf(survey);
        const exitCode = problems.length === 0 ? 0 : 1;
        const indices = indexTable(problems);
        if (from !== undefined) {
          const runs = await context.ledger.history({ since: from });
          return { json: historyView(runs), text: `${historyText(runs)}${indices}`, exitCode };
        }
        const suites = survey.suites.map(({ suite, all }) => ({ suite, kernels: all }));
        return {
          json: kernelViews(survey),
          text: [kernelTable(suites), indices].filter((text) => text !== '').join('\n'),
          exitCode,
        };
      },
    ),
});

export const planCommand = buildCommand({
  docs: {
    brief: 'Show what a run would do, with a reason for every line',
    customUsage: examples(['plan -c lockstep.yaml', 'every module × kernel with its verdict']),
  },
  parameters: { flags: readFlags, aliases: commonAliases },
  func: (flags: ReadFlags) =>
    withSession({ command: 'plan', flags, wait: flags.wait, exclusive: true }, async (context) => {
      const planned = await planAll(context, { refresh: !flags.offline });
      return {
        json: viewPlan(planned),
        text: planText(planned),
        exitCode: isWholeSurvey(planned) ? 0 : 1,
      };
    }),
});

export const statusCommand = buildCommand({
  docs: {
    brief: 'Show the verdict of every target as it was left; fetches nothing, works beside a run',
    customUsage: examples(['status -c lockstep.yaml --json', 'for scripts']),
  },
  parameters: { flags: commonFlags, aliases: commonAliases },
  func: (flags: CommonFlags) =>
    withSession({ command: 'status', flags, exclusive: false }, async (context) => {
      const planned = await planAll(context, { refresh: false });
      const lag = await lagView(context, planned.survey);
      return { json: { ...viewPlan(planned), lag }, text: planText(planned) };
    }),
});

export const whyCommand = buildCommand({
  docs: {
    brief: 'Explain the verdict of one target',
    customUsage: examples([
      'why v4l2loopback 6.12.117+deb13-cloud-amd64',
      'why there is no package',
    ]),
  },
  parameters: { flags: commonFlags, aliases: commonAliases, positional: targetArguments },
  func: (flags: CommonFlags, module: string, release: string) =>
    withSession({ command: 'why', flags, exclusive: false }, async (context) => {
      const target = findTarget(await planAll(context, { refresh: false }), module, release);
      const log =
        target.record === undefined ? undefined : context.ledger.logFile(target.record.key);
      const action = actionOf(target);
      return {
        json: { ...viewTarget(target), action, key: target.key, log },
        text: explanation(target, log),
      };
    }),
});

interface BuildFlags extends ReadFlags {
  shell: boolean;
}

export const buildTargetCommand = buildCommand({
  docs: {
    brief: 'Build one target now, whatever its verdict; publishes nothing',
    customUsage: examples(
      ['build v4l2loopback 6.12.117+deb13-amd64', 'build, verify and keep it'],
      [
        'build --shell v4l2loopback 6.12.117+deb13-amd64',
        "build, then a shell in the build's root",
      ],
    ),
  },
  parameters: {
    flags: {
      ...readFlags,
      shell: {
        kind: 'boolean',
        brief: "Open a shell in the build's root afterwards; nothing is kept",
        default: false,
        withNegated: false,
      },
    },
    aliases: commonAliases,
    positional: targetArguments,
  },
  func: (flags: BuildFlags, module: string, release: string) =>
    withSession({ command: 'build', flags, wait: flags.wait, exclusive: true }, async (context) => {
      const planned = await planAll(context, { refresh: !flags.offline });
      const { survey } = planned;
      const target = findTarget(planned, module, release);
      if (flags.shell) {
        await openBuildShell(context, survey, target, (text) => {
          process.stderr.write(`lockstep: ${printable(text)}\n`);
        });
        return { json: viewTarget(target), text: '' };
      }
      const { key } = target;
      if (key === undefined) {
        return { json: viewTarget(target), text: explanation(target, undefined), exitCode: 1 };
      }
      const trees = new KernelTrees(context.storeOf(survey.archiveOf(target.kernel)));
      const record = await executeTarget(context, survey, target, key, trees);
      const log = context.ledger.logFile(key);
      const failed = record.outcome === 'failed' || record.outcome === 'broken';
      return {
        json: { ...record, log },
        text: `${record.outcome}: ${record.reason}\nlog: ${log}\n${
          failed ? `shell: lockstep build --shell -c ${flags.config} ${module} ${release}\n` : ''
        }`,
        exitCode: failed ? 1 : 0,
      };
    }),
});

export const doctorCommand = buildCommand({
  docs: {
    brief: 'Check that this machine has what Lockstep needs',
    customUsage: examples(['doctor', 'programs, sandbox, disk and configuration']),
  },
  parameters: { flags: commonFlags, aliases: commonAliases },
  func: async (flags: CommonFlags) => {
    const checks = await diagnose(flags.config);
    const ok = checks.every((check) => check.ok);
    printOutput(
      { json: { ok, checks }, text: formatDiagnosis(checks), exitCode: ok ? 0 : 3 },
      flags.json,
    );
  },
});

export const schemaCommand = buildCommand({
  docs: {
    brief: 'Print the JSON Schema of the configuration, for editors',
    customUsage: examples(['schema > lockstep.schema.json', 'save it']),
  },
  parameters: {},
  func: () => {
    process.stdout.write(`${JSON.stringify(configJsonSchema(), undefined, 2)}\n`);
  },
});
