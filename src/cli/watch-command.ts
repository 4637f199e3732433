import { buildCommand } from '@stricli/core';
import { openRunLog, type RunLog } from '../report/log.ts';
import { openContext } from '../run/context.ts';
import { type Look, watch } from '../run/watch.ts';
import { commonAliases, commonFlags, examples, parseSeconds } from './flags.ts';
import { type CommonFlags, withStage } from './session.ts';

interface WatchFlags extends CommonFlags {
  period: number;
  looks?: number;
}

/** Seconds that a look waits for another command that holds the state folder. */
const WAIT = 3600;

function parseLooks(input: string): number {
  const looks = Number(input);
  if (!Number.isInteger(looks) || looks < 1) {
    throw new Error(`${input} is not a number of looks`);
  }
  return looks;
}

/** One line a look, for journals; nothing for one that found nothing new. */
function lineOf({ result, error, next }: Look): string {
  const then = `next look ${next.toISOString().slice(0, 19)}Z`;
  if (error !== undefined) {
    return `look failed: ${error.message.split('\n')[0] ?? ''}; ${then}\n`;
  }
  if (result === undefined || (result.built === 0 && !result.published.changed)) {
    return '';
  }
  return `${result.built} built, what fits is published, in ${Math.round(result.seconds)} s; ${then}\n`;
}

export const watchCommand = buildCommand({
  docs: {
    brief:
      'Look at the archives every few minutes, build what changed, publish each build as it is there',
    fullDescription:
      'Runs until it is told to end (SIGTERM, Ctrl-C): builds in work are dropped then, and made again by the next look. ' +
      'Between two looks other commands can use the state folder. A look that fails because of the network or the machine ' +
      'is followed by a later one. examples/systemd has units for it.',
    customUsage: examples(
      ['watch -c lockstep.yaml', 'every five minutes'],
      ['watch --period 60', 'every minute'],
      ['watch --looks 1', 'once: as run, but each build is published as it is there'],
    ),
  },
  parameters: {
    flags: {
      ...commonFlags,
      period: {
        kind: 'parsed',
        parse: parseSeconds,
        brief: 'Seconds from one look to the next, give or take a tenth',
        placeholder: 'seconds',
        default: '300',
      },
      looks: {
        kind: 'parsed',
        parse: parseLooks,
        brief: 'End after so many looks',
        placeholder: 'number',
        optional: true,
      },
    },
    aliases: commonAliases,
  },
  func: async (flags: WatchFlags) => {
    let log: RunLog | undefined;
    await withStage(
      flags,
      async ({ config, present, signal }) => {
        let looks = 0;
        let failed = 0;
        await watch({
          period: flags.period,
          looks: flags.looks,
          signal,
          open: async () => {
            log = openRunLog(config.state, 'watch');
            const own = log;
            return await openContext({
              ...{ config, signal, command: 'watch', wait: WAIT, exclusive: true },
              emit(event) {
                own.present(event);
                // A quiet archive is no news.
                if (event.type !== 'unchanged') {
                  present(event);
                }
              },
            });
          },
          onLook(look) {
            looks += 1;
            failed += look.error === undefined ? 0 : 1;
            const line = lineOf(look);
            if (look.error !== undefined) {
              log?.error(look.error);
            }
            if (line === '') {
              log?.discard();
            } else {
              log?.close();
              process.stderr.write(line);
            }
            log = undefined;
          },
        });
        log?.close();
        const text = `${looks} looks, ${failed} of them failed\n`;
        return { json: { looks, failed }, text, exitCode: looks > 0 && looks === failed ? 1 : 0 };
      },
      () => log?.file,
    );
  },
});
