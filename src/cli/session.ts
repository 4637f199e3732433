import * as path from 'node:path';
import { loadConfig } from '../config/load.ts';
import type { Config } from '../config/schema.ts';
import { LockstepError } from '../core/errors.ts';
import type { Emit } from '../model/events.ts';
import { openRunLog, type RunLog } from '../report/log.ts';
import { TerminalReport } from '../report/terminal.ts';
import { printable } from '../report/text.ts';
import { type Context, openContext } from '../run/context.ts';
import { explainSystemError } from '../core/system-errors.ts';

/** Flags that every command has. */
export interface CommonFlags {
  config: string;
  json: boolean;
}

export interface SessionOptions {
  command: string;
  flags: CommonFlags;
  /** Seconds to wait for another run. */
  wait?: number | undefined;
  /** Whether the command changes the state. */
  exclusive: boolean;
}

/** What a command hands back: data for `--json`, text for people, and the exit status. */
export interface CommandOutput {
  json: unknown;
  text: string;
  exitCode?: number;
}

/** Prints an error the way the flags ask for. @returns the exit status */
export function reportError(error: unknown, json: boolean, logFile: string | undefined): number {
  if (error instanceof LockstepError) {
    const { code, message, exitCode } = error;
    const hint = error.hint ?? `docs/errors.md says more about ${code}`;
    if (json) {
      process.stdout.write(`${JSON.stringify({ error: { code, message, hint } }, undefined, 2)}\n`);
    }
    const lines = message.split('\n').map((line) => printable(line));
    process.stderr.write(`lockstep: ${code}: ${lines.join('\n')}\n`);
    process.stderr.write(`  hint: ${printable(hint)}\n`);
    return exitCode;
  }
  const text = error instanceof Error ? error.message : String(error);
  if (json) {
    const hint = 'please report it';
    const shown = { error: { code: 'BUG', message: text, hint } };
    process.stdout.write(`${JSON.stringify(shown, undefined, 2)}\n`);
  }
  process.stderr.write(`lockstep: BUG: ${printable(text)}\n`);
  process.stderr.write(
    logFile === undefined
      ? `${error instanceof Error ? (error.stack ?? '') : ''}\n`
      : `  hint: please report it with the log ${logFile}\n`,
  );
  return 1;
}

/** Writes the output of a command. */
export function printOutput(output: CommandOutput, json: boolean): void {
  process.stdout.write(json ? `${JSON.stringify(output.json, undefined, 2)}\n` : output.text);
  process.exitCode = output.exitCode ?? 0;
}

/** Fires at the first SIGINT or SIGTERM; the second ends the process at once. */
function interruptSignal(): { signal: AbortSignal; dispose: () => void } {
  const controller = new AbortController();
  const onSignal = (): void => {
    if (controller.signal.aborted) {
      process.exit(130);
    }
    process.stderr.write('\nlockstep: interrupted: ending what runs (again: at once)\n');
    controller.abort(
      new LockstepError('INTERRUPTED', 'interrupted; what was finished is kept', {
        hint: 'run again to go on',
        exitCode: 130,
      }),
    );
  };
  process.on('SIGINT', onSignal);
  process.on('SIGTERM', onSignal);
  return {
    signal: controller.signal,
    dispose() {
      process.off('SIGINT', onSignal);
      process.off('SIGTERM', onSignal);
    },
  };
}

/** What a command that opens its own contexts works with. */
export interface Stage {
  config: Config;
  /** Presents events on the terminal. */
  present: Emit;
  signal: AbortSignal;
}

/**
 * Runs a command's body with configuration, report and signals, and prints what it returns; sets the exit status.
 * Progress goes to standard error, results to standard output.
 *
 * @param logFile the log that an error's message shall name
 */
export async function withStage(
  flags: CommonFlags,
  body: (stage: Stage) => Promise<CommandOutput>,
  logFile: () => string | undefined = () => undefined,
): Promise<void> {
  const report = new TerminalReport({
    isTerminal: process.stderr.isTTY && process.env['TERM'] !== 'dumb',
    columns: () => process.stderr.columns,
    write: (text) => void process.stderr.write(text),
  });
  const interrupt = interruptSignal();
  let state = '';
  try {
    const config = await loadConfig(flags.config);
    state = config.state;
    const present: Emit = (event) => report.present(event);
    const output = await body({ config, present, signal: interrupt.signal });
    report.end();
    printOutput(output, flags.json);
  } catch (error) {
    report.end();
    // Ctrl-C reaches the programs that run too: how they end says nothing then.
    const interrupted: unknown =
      error instanceof LockstepError && error.code === 'INTERRUPTED'
        ? error
        : interrupt.signal.reason;
    process.exitCode = reportError(
      interrupt.signal.aborted ? interrupted : explainSystemError(error, state),
      flags.json,
      logFile(),
    );
  } finally {
    interrupt.dispose();
  }
}

/** As {@link withStage}, with everything opened. */
export async function withSession(
  options: SessionOptions,
  body: (context: Context, config: Config) => Promise<CommandOutput>,
): Promise<void> {
  const { flags, command, exclusive } = options;
  let log: RunLog | undefined;
  await withStage(
    flags,
    async ({ config, present, signal }) => {
      log = exclusive ? openRunLog(config.state, command) : undefined;
      let context: Context | undefined;
      try {
        context = await openContext({
          ...{ config, signal, command, exclusive },
          emit(event) {
            log?.present(event);
            present(event);
          },
          wait: options.wait ?? 0,
        });
        return await body(context, config);
      } catch (error) {
        log?.error(error);
        throw error;
      } finally {
        // What can't be cleared away now is cleared away by the next run.
        await context?.close().catch((error: unknown) => log?.error(error));
        log?.close();
      }
    },
    () => log?.file,
  );
}

/** A path as a user would type it: relative to the working directory when that is shorter. */
export function displayPath(file: string): string {
  const relative = path.relative(process.cwd(), file);
  return relative.length < file.length ? relative : file;
}
