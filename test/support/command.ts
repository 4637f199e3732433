import { inspect } from 'node:util';

/**
 * Runs a command of the tests to its end: status 2 for arguments that make no sense, 3 when something else went wrong,
 * else what `run` gives.
 */
export async function runCommand<Options extends { help: boolean }>(
  usage: string,
  parse: (args: readonly string[]) => Options,
  run: (options: Options) => Promise<number>,
): Promise<void> {
  let options: Options;
  try {
    options = parse(process.argv.slice(2));
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n\n${usage}`);
    process.exitCode = 2;
    return;
  }
  if (options.help) {
    process.stdout.write(usage);
    return;
  }
  process.exitCode = await run(options).catch((error: unknown) => {
    process.stderr.write(`${inspect(error)}\n`);
    return 3;
  });
}
