import * as fs from 'node:fs/promises';

const ERROR_LINES: readonly RegExp[] = [
  /(?:fatal )?error: \S/i,
  /^ERROR: modpost: /,
  /undefined reference to/,
  /No rule to make target/,
  /: (?:command )?not found$/,
  /^make(?:\[\d+\])?: .*: No such file or directory$/,
  /\*\*\* .*[Ss]top\.?$/,
  /^make(?:\[\d+\])?: \*\*\* (?!.*\(ignored\)$)/,
  /^lockstep: (?!warning)/,
];

/** Terminal control sequences and other control characters, which a log of untrusted code may have. */
const CONTROL =
  // eslint-disable-next-line no-control-regex -- control characters are what it removes
  /\u001b(?:\[[0-9;?]*[ -/]*[@-~]|\][^\u0007]*(?:\u0007|$)|.)|[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/g;

const MAX_LINE = 4000;

/** The lines of a build log, without control characters and overlong ends. */
export function linesOf(text: string): string[] {
  // A line of untrusted code may be as long as the log; what tells of an error stands at the beginning of one.
  return text.split('\n').map((line) => line.slice(0, MAX_LINE).replace(CONTROL, '').trim());
}

/** The line of a build log that tells most about a failure, without control characters; undefined when none does. */
export function findErrorLine(text: string): string | undefined {
  const lines = linesOf(text);
  for (const pattern of ERROR_LINES) {
    const found = lines.find((line) => pattern.test(line));
    if (found !== undefined) {
      return found.replace(/^lockstep: /, '').slice(0, 300);
    }
  }
  return undefined;
}

/** The first lines of a build's log that tell of errors, without control characters. */
export async function errorLinesOf(log: string, count: number): Promise<string[]> {
  const lines = linesOf(await endOf(log));
  return lines
    .filter((line) => ERROR_LINES.some((pattern) => pattern.test(line)))
    .slice(0, count)
    .map((line) => line.slice(0, 300));
}

const READ_BYTES = 4 * 1024 * 1024;

/** The last 4 MiB of a log file. */
export async function endOf(log: string): Promise<string> {
  const handle = await fs.open(log, 'r');
  try {
    const { size } = await handle.stat();
    const start = Math.max(0, size - READ_BYTES);
    const buffer = Buffer.alloc(size - start);
    await handle.read(buffer, 0, buffer.length, start);
    return buffer.toString('utf8');
  } finally {
    await handle.close();
  }
}
