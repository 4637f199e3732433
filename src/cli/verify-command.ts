import { buildCommand } from '@stricli/core';
import { printable } from '../report/text.ts';
import { repair, type Verification, verifyPublished } from '../run/verify.ts';
import { commonAliases, commonFlags, examples, waitFlag } from './flags.ts';
import { type CommonFlags, withSession } from './session.ts';

interface VerifyFlags extends CommonFlags {
  wait: number;
}

function textOf({ suites, packages, defects }: Verification): string {
  return [
    ...defects.map(({ what, problem }) => `${printable(what)} ${printable(problem)}\n`),
    `${suites} suites, ${packages} packages, ${defects.length} defects\n`,
  ].join('');
}

export const verifyCommand = buildCommand({
  docs: {
    brief:
      'Verify the published repository whole: signatures, hashes, and what packages need of each other',
    fullDescription: 'Ends with 0 when nothing is wrong, else with 1; `lockstep repair` mends it.',
    customUsage: examples(['verify -c lockstep.yaml', 'reads every published file']),
  },
  parameters: { flags: commonFlags, aliases: commonAliases },
  func: (flags: CommonFlags) =>
    withSession({ command: 'verify', flags, exclusive: false }, async (context) => {
      const found = await verifyPublished(context);
      return { json: found, text: textOf(found), exitCode: found.defects.length === 0 ? 0 : 1 };
    }),
});

export const repairCommand = buildCommand({
  docs: {
    brief: 'Put the published repository back as the ledger says; fetches and builds nothing',
    customUsage: examples(['repair -c lockstep.yaml', 'after a disk fault, or a hand in the pool']),
  },
  parameters: { flags: { ...commonFlags, wait: waitFlag }, aliases: commonAliases },
  func: (flags: VerifyFlags) =>
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
