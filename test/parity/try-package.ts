import * as fs from 'node:fs/promises';
import * as path from 'node:path';
import { findErrorLine } from '../../src/builder/log.ts';
import type { DkmsMachine } from './machine.ts';
import { summarize } from './outcomes.ts';
import type { DkmsPackage } from './packages.ts';
import { type DkmsResult, type Step, stepSchema } from './results.ts';

const SCRIPT = path.join(import.meta.dirname, 'try-package.sh');
const FOLDER = '/srv/parity/out';

/** Seconds that one build may take. */
const LIMIT = 2400;

function tellingLine(log: string): string {
  const found = findErrorLine(log);
  if (found !== undefined) {
    return found;
  }
  const lines = log.split('\n').map((line) => line.trim());
  const at = lines.findIndex((line) => /^(?:E: |Error!|Warning: The )/.test(line));
  // DKMS says what after a line that says that.
  return lines.slice(Math.max(at, 0), at + 3).join(' ');
}

/** The line of a log of apt or DKMS that says why it failed; names no mirror. */
export function errorLine(log: string): string | undefined {
  const line = tellingLine(log).replaceAll(/\bhttps?:\/\/[^/\s]+/g, 'http://mirror');
  return line === '' ? undefined : line.slice(0, 300);
}

/** Reads the lines that `try-package.sh` leaves. @param logs by name */
export function readSteps(text: string, logs: ReadonlyMap<string, string>): Step[] {
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => {
      const [stage, name, version, status, seconds, log = ''] = line.split('\t');
      const error = Number(status) === 0 ? undefined : errorLine(logs.get(log) ?? '');
      return stepSchema.parse({
        stage,
        name,
        version,
        status: Number(status),
        seconds: Number(seconds),
        ...(error === undefined ? {} : { error }),
      });
    });
}

/** Runs `dkms build` for a package in a fresh copy of the machine. @param logs folder on this machine for the logs */
export async function tryPackage(
  machine: DkmsMachine,
  wanted: DkmsPackage,
  options: { release: string; more: readonly string[]; jobs: number; logs: string },
): Promise<DkmsResult> {
  await using root = await machine.open();
  await root.writeFile('/srv/parity/try-package.sh', await fs.readFile(SCRIPT), 0o755);
  await root.must(
    [
      ...['/srv/parity/try-package.sh', options.release, String(options.jobs), String(LIMIT)],
      ...[FOLDER, wanted.name, ...options.more],
    ],
    { timeout: 5 * LIMIT },
  );
  await fs.rm(options.logs, { recursive: true, force: true });
  await fs.mkdir(options.logs, { recursive: true });
  await fs.cp(path.join(root.path, FOLDER), options.logs, { recursive: true });
  const logs = new Map<string, string>();
  for (const name of await fs.readdir(options.logs)) {
    logs.set(name, await fs.readFile(path.join(options.logs, name), 'utf8'));
  }
  return summarize(readSteps(logs.get('results') ?? '', logs), machine.dkms);
}
