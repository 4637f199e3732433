import { buildCommand } from '@stricli/core';
import { openRunLog, type RunLog } from '../report/log.ts';
import { openContext } from '../run/context.ts';
import { watch } from '../run/watch.ts';
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

function thenText(next: Date): string {
  return `next look ${next.toISOString().slice(0, 19)}Z`;
}

function failureLine(what: string, error: Error, next: Date): string {
  return `${what} failed: ${error.message.split('\n')[0] ?? ''}; ${thenText(next)}\n`;
}

/** The logs of a watch: one for each time that it holds the state folder, none where nothing was to be told. */
class WatchLogs {
  readonly #state: string;
  #log: RunLog | undefined;
  #isNews = false;

  constructor(state: string) {
    this.#state = state;
  }

  get file(): string | undefined {
    return this.#log?.file;
  }

  open(): RunLog {
    this.#log ??= openRunLog(this.#state, 'watch');
    return this.#log;
  }

  error(error: Error): void {
    this.#isNews = true;
    this.#log?.error(error);
  }

  close(isNews: boolean): void {
    if (isNews || this.#isNews) {
      this.#log?.close();
    } else {
      this.#log?.discard();
    }
    this.#log = undefined;
    this.#isNews = false;
  }
}

export const watchCommand = buildCommand({
  docs: {
    brief:
      'Look at the archives every few minutes, build what changed, publish each build as it is there',
    fullDescription:
      'Looks go on while builds do. Runs until it is told to end (SIGTERM, Ctrl-C): builds in work are dropped then, and made ' +
      'again by the next look. Another command that waits for the state folder gets it when the builds in work have ended. A look that fails because of the network or the machine ' +
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
    let logs: WatchLogs | undefined;
    await withStage(
      flags,
      async ({ config, present, signal }) => {
        const own = new WatchLogs(config.state);
        logs = own;
        let looks = 0;
        const failed = new Set<number>();
        const say = (line: string): void => void process.stderr.write(line);
        await watch({
          period: flags.period,
          looks: flags.looks,
          signal,
          open: () => {
            const log = own.open();
            return openContext({
              ...{ config, signal, command: 'watch', wait: WAIT, exclusive: true },
              emit(event) {
                log.present(event);
                present(event);
              },
            });
          },
          onLook({ error, next }) {
            looks += 1;
            if (error !== undefined) {
              failed.add(looks);
              own.error(error);
              say(failureLine('look', error, next));
            }
          },
          onRest({ built, changed, error, seconds, next }) {
            if (error !== undefined) {
              failed.add(looks);
              own.error(error);
              say(failureLine('building or publishing', error, next));
            }
            const isNews = built > 0 || changed;
            if (isNews) {
              const took = Math.round(seconds);
              say(`${built} built, what fits is published, in ${took} s; ${thenText(next)}\n`);
            }
            own.close(isNews);
          },
        });
        own.close(true);
        const text = `${looks} looks, ${failed.size} of them failed\n`;
        const exitCode = looks > 0 && looks === failed.size ? 1 : 0;
        return { json: { looks, failed: failed.size }, text, exitCode };
      },
      () => logs?.file,
    );
  },
});
