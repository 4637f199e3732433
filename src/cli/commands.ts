import { buildCommand } from '@stricli/core';
import { configJsonSchema } from '../config/schema.ts';
import { VERDICT_MEANINGS } from '../model/verdicts.ts';
import { explanation, kernelTable, targetTable } from '../report/tables.ts';
import { printable } from '../report/text.ts';
import { diagnose, formatDiagnosis } from '../run/doctor.ts';
import { executeTarget, KernelTrees } from '../run/execute-target.ts';
import { findTarget } from '../run/find-target.ts';
import { planAll, type SurveyPlan, viewTarget } from '../run/plan.ts';
import { openBuildShell } from '../run/shell.ts';
import { kernelView } from '../run/views.ts';
import {
  commonAliases,
  commonFlags,
  examples,
  offlineFlag,
  targetArguments,
  waitFlag,
} from './flags.ts';
import { type CommonFlags, printOutput, withSession } from './session.ts';

interface ReadFlags extends CommonFlags {
  wait: number;
  offline: boolean;
}

const readFlags = { ...commonFlags, wait: waitFlag, offline: offlineFlag } as const;

function targetsOf(plans: readonly SurveyPlan[]) {
  return plans.flatMap(({ plan }) => plan.targets);
}

export const kernelsCommand = buildCommand({
  docs: {
    brief: 'List the kernels of the suites',
    customUsage: examples(['kernels -c examples/quickstart.yaml --json', 'all kernels, as JSON']),
  },
  parameters: { flags: readFlags, aliases: commonAliases },
  func: (flags: ReadFlags) =>
    withSession(
      { command: 'kernels', flags, wait: flags.wait, exclusive: true },
      async (context) => {
        const plans = await planAll(context, { refresh: !flags.offline });
        const kernels = plans.flatMap(({ survey }) => survey.allKernels);
        return { json: kernels.map(kernelView), text: kernelTable(kernels) };
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
      const targets = targetsOf(await planAll(context, { refresh: !flags.offline }));
      return { json: { targets: targets.map(viewTarget) }, text: targetTable(targets) };
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
      const plans = await planAll(context, { refresh: false });
      const targets = targetsOf(plans);
      return { json: { targets: targets.map(viewTarget) }, text: targetTable(targets) };
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
      const plans = await planAll(context, { refresh: false });
      const { target } = findTarget(plans, module, release);
      const log =
        target.record === undefined ? undefined : context.ledger.logFile(target.record.key);
      const { action } = VERDICT_MEANINGS[target.verdict];
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
      const plans = await planAll(context, { refresh: !flags.offline });
      const { survey, target } = findTarget(plans, module, release);
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
      const trees = new KernelTrees(context.storeOf(survey.archive));
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
