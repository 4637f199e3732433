import { buildCommand } from '@stricli/core';
import { LockstepError } from '../core/errors.ts';
import { printable } from '../report/text.ts';
import { pushAll, viewPushes } from '../run/push.ts';
import { commonAliases, commonFlags, examples, waitFlag } from './flags.ts';
import { type CommonFlags, withSession } from './session.ts';

interface PushFlags extends CommonFlags {
  wait: number;
}

export const pushCommand = buildCommand({
  docs: {
    brief: 'Bring the published repository to its destinations; run and watch do it themselves',
    fullDescription:
      'Packages and indices by hash go first, InRelease last, by one rename: whoever reads there finds every suite whole ' +
      'at every instant. A push that was cut short is taken up by the next one. Ends with 0 when all went well, else with 1.',
    customUsage: examples(['push -c lockstep.yaml', 'after a destination was out of reach']),
  },
  parameters: { flags: { ...commonFlags, wait: waitFlag }, aliases: commonAliases },
  func: (flags: PushFlags) =>
    withSession(
      { command: 'push', flags, wait: flags.wait, exclusive: true },
      async (context, { file }) => {
        const results = await pushAll(context);
        if (results.length === 0) {
          throw new LockstepError('CONFIG_INVALID', `${file} names no destination`, {
            hint: 'repository: { destinations: [{ rsync: "user@host:/path" }] }',
            exitCode: 2,
          });
        }
        return {
          json: viewPushes(results),
          text: results
            .map(({ destination, changed, error }) =>
              error === undefined
                ? `${destination}: ${changed ?? 0} files changed\n`
                : `${error.code}: ${printable(error.message)}\n  hint: ${printable(error.hint ?? '')}\n`,
            )
            .join(''),
          exitCode: results.every(({ error }) => error === undefined) ? 0 : 1,
        };
      },
    ),
});
