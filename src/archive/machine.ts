import * as fs from 'node:fs/promises';
import { LockstepError } from '../core/errors.ts';
import { runProgram } from '../programs/run.ts';

/** One place the machine's own apt reads: base address and suite. */
export interface MachineSource {
  uri: string;
  suite: string;
}

/** Debian's keyring, as the package debian-archive-keyring installs it. */
export const DEBIAN_KEYRING = '/usr/share/keyrings/debian-archive-keyring.gpg';

const RELEASE_URI = /^'(?<uri>[^']+?)\/*\/dists\/(?<suite>[^']+)\/(?:InRelease|Release)'/;
const CLASSES = ['stable', 'oldstable', 'oldoldstable', 'testing', 'unstable', 'sid'];

/** Reads what `apt-get update --print-uris` prints, which needs no downloaded lists. */
export function parseSources(printedUris: string): MachineSource[] {
  return printedUris.split('\n').flatMap((line) => {
    const groups = RELEASE_URI.exec(line)?.groups;
    const uri = groups?.['uri'];
    const suite = groups?.['suite'];
    return uri === undefined || suite === undefined ? [] : [{ uri: decodeURI(uri), suite }];
  });
}

function isSecurity(suite: string): boolean {
  return suite.endsWith('-security') || suite.endsWith('/updates');
}

/**
 * The mirror that serves a suite of Debian: the machine's own for that very suite, else the one from which it
 * gets its own release (security suites: its own security suite), since mirrors carry every suite.
 *
 * @param codename the machine's own release, `VERSION_CODENAME` of os-release(5)
 * @returns the base address, or undefined when the machine names none
 */
export function mirrorFor(
  suite: string,
  sources: readonly MachineSource[],
  codename: string,
): string | undefined {
  const exact = sources.find((source) => source.suite === suite);
  if (exact !== undefined) {
    return exact.uri;
  }
  const own = new Set([codename, ...CLASSES]);
  const base = (name: string): string => name.replace(/(?:-security|\/updates)$/, '');
  return sources.find(
    (source) => isSecurity(source.suite) === isSecurity(suite) && own.has(base(source.suite)),
  )?.uri;
}

async function codenameOf(): Promise<string> {
  const text = await fs.readFile('/etc/os-release', 'utf8');
  return /^VERSION_CODENAME="?(?<name>[a-z]+)"?$/m.exec(text)?.groups?.['name'] ?? 'stable';
}

/** What of the machine's apt configuration a private root takes over. */
export interface MachineApt {
  sources: MachineSource[];
  codename: string;
  architecture: string;
  /** Lines for apt.conf: proxies, time-outs, TLS: whatever it takes to reach a mirror from here. */
  transport: string[];
}

const TRANSPORT = /^Acquire::(?:http|https|ftp|ForceIPv[46]|Retries|Queue-Mode|Proxy)/i;

/** Asks apt itself for its configuration; nothing is fetched or changed. */
export async function readMachineApt(): Promise<MachineApt> {
  const [uris, config, architecture, codename] = await Promise.all([
    runProgram('apt-get', ['update', '--print-uris'], { allowFailure: true }),
    runProgram('apt-config', ['dump', '--no-empty']),
    runProgram('dpkg', ['--print-architecture']),
    codenameOf(),
  ]);
  return {
    sources: parseSources(uris.stdout),
    codename,
    architecture: architecture.stdout.trim(),
    transport: config.stdout.split('\n').filter((line) => TRANSPORT.test(line)),
  };
}

/** As {@link mirrorFor}, with the error a user needs when the machine names no mirror. */
export function requireMirror(suite: string, machine: MachineApt): string {
  const mirror = mirrorFor(suite, machine.sources, machine.codename);
  if (mirror === undefined) {
    const kind = isSecurity(suite) ? 'security mirror' : 'mirror';
    throw new LockstepError(
      'MIRROR_UNKNOWN',
      `this machine's apt sources name no Debian ${kind} from which ${suite} could be read`,
      { hint: 'add `mirror: ADDRESS` to the archive in the configuration', exitCode: 2 },
    );
  }
  return mirror;
}
