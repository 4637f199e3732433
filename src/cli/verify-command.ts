import { buildCommand } from '@stricli/core';
import { printable } from '../report/text.ts';
import { repair, type Verification, verifyPublished } from '../run/verify.ts';
import { type ArchiveVerification, verifyAgainstArchives } from '../run/verify-archive.ts';
import { commonAliases, commonFlags, examples, waitFlag } from './flags.ts';
import { type CommonFlags, withSession } from './session.ts';

interface VerifyFlags extends CommonFlags {
  installable?: boolean;
}

interface RepairFlags extends CommonFlags {
  wait: number;
}

function counted(number: number, what: string): string {
  return `${number} ${what}${number === 1 ? '' : 's'}`;
}

function textOf({ suites, packages, defects }: Verification): string {
  return [
    ...defects.map(({ what, problem }) => `${printable(what)} ${printable(problem)}\n`),
    `${counted(suites, 'suite')}, ${counted(packages, 'package')}, ${counted(defects.length, 'defect')}\n`,
  ].join('');
}

/** What stands apart from defects, and what was not looked at. */
function remarksOf({ apart, unchecked }: Omit<ArchiveVerification, 'defects'>): string {
  const lines = (title: string, remarks: ArchiveVerification['apart']): string[] =>
    remarks.length === 0
      ? []
      : [
          `${title}:\n`,
          ...remarks.map(({ what, why }) => `  ${printable(what)}: ${printable(why)}\n`),
        ];
  return [
    ...lines('as it has to be, not installable from the archive of today', apart),
    ...lines('not checked', unchecked),
  ].join('');
}

export const verifyCommand = buildCommand({
  docs: {
    brief:
      'Verify the published repository whole: signatures, hashes, what packages need, and whether they can be installed',
    fullDescription:
      'Ends with 0 when nothing is wrong, else with 1; `lockstep repair` mends it. Compares with the archives as they ' +
      'were read last: every tracking package has to lead to a kernel, and where dose-debcheck is there, every package has ' +
      'to be installable in its suite. Packages for kernels that have left the archive, and tracking packages that wait ' +
      'for a module, stand apart.',
    customUsage: examples(
      ['verify -c lockstep.yaml', 'reads every published file'],
      ['verify --installable', 'an error when dose-debcheck is not there'],
      ['verify --no-installable', 'without it'],
    ),
  },
  parameters: {
    flags: {
      ...commonFlags,
      installable: {
        kind: 'boolean',
        brief:
          'Check by dose-debcheck that packages can be installed; unless given, when it is there',
        optional: true,
      },
    },
    aliases: commonAliases,
  },
  func: (flags: VerifyFlags) =>
    withSession({ command: 'verify', flags, exclusive: false }, async (context) => {
      const found = await verifyPublished(context);
      const { defects, ...rest } = await verifyAgainstArchives(context, flags.installable);
      const all = { ...found, defects: [...found.defects, ...defects] };
      return {
        json: { ...all, ...rest },
        text: `${remarksOf(rest)}${textOf(all)}`,
        exitCode: all.defects.length === 0 ? 0 : 1,
      };
    }),
});

export const repairCommand = buildCommand({
  docs: {
    brief: 'Put the published repository back as the ledger says; fetches and builds nothing',
    customUsage: examples(['repair -c lockstep.yaml', 'after a disk fault, or a hand in the pool']),
  },
  parameters: { flags: { ...commonFlags, wait: waitFlag }, aliases: commonAliases },
  func: (flags: RepairFlags) =>
    withSession(
      { command: 'repair', flags, wait: flags.wait, exclusive: true },
      async (context) => {
        const { before, after } = await repair(context);
        return {
          json: { before, after },
          text: `${textOf(before)}after the repair: ${textOf(after)}`,
          exitCode: after.defects.length === 0 ? 0 : 1,
        };
      },
    ),
});
