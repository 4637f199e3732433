import * as fs from 'node:fs/promises';
import * as os from 'node:os';
import * as path from 'node:path';
import { sha256 } from '../../src/core/hash.ts';
import { runProgram } from '../../src/programs/run.ts';
import type { TestCache } from './cache.ts';
import { type DebianAccess, debianAccess, debianSources } from './mirror.ts';

/** Part of every root's name; it rises when roots are made another way. */
const RECIPE = 1;

const MAKE_ROOT = path.join(import.meta.dirname, 'make-root.sh');
const RELEASE_DATE = /^Date: (?<date>.+)$/m;

/** What a root is made of. */
export interface BaseRootOptions {
  codename: string;
  suites: readonly string[];
  components: readonly string[];
}

/** When the mirror's Release file of a suite was made; asked over the network, with apt's own settings. */
async function releaseDate(access: DebianAccess, suite: string, folder: string): Promise<Date> {
  const file = path.join(folder, suite.replaceAll('/', '_'));
  const url = `${access.mirrorOf(suite)}/dists/${suite}/InRelease`;
  await runProgram('/usr/lib/apt/apt-helper', ['download-file', url, file], { timeout: 120_000 });
  const date = RELEASE_DATE.exec(await fs.readFile(file, 'utf8'))?.groups?.['date'];
  if (date === undefined) {
    throw new Error(`${url} has no Date`);
  }
  return new Date(date);
}

function aptConf(access: DebianAccess): string {
  return [
    ...access.transport,
    'Acquire::Languages "none";',
    'Acquire::http::Proxy::127.0.0.1 "DIRECT";',
    'Acquire::http::Proxy::localhost "DIRECT";',
    'Binary::apt::APT::Keep-Downloaded-Packages "true";',
    '',
  ].join('\n');
}

async function make(cache: TestCache, options: BaseRootOptions): Promise<string> {
  const access = await debianAccess();
  const scratch = await fs.mkdtemp(path.join(os.tmpdir(), 'lockstep-test-'));
  try {
    // mmdebstrap reads the apt.conf as another user.
    await fs.chmod(scratch, 0o755);
    const dates = await Promise.all(
      options.suites.map((suite) => releaseDate(access, suite, scratch)),
    );
    const sources = debianSources(access, options.suites, options.components);
    const conf = aptConf(access);
    const newest = new Date(Math.max(...dates.map(Number)));
    const identity = sha256(JSON.stringify([RECIPE, sources, conf, dates])).slice(0, 12);
    const stamp = newest.toISOString().replace(/[-:]|\.\d+/g, '');
    const name = `${options.codename}-${stamp}-${identity}`;
    const confFile = path.join(scratch, 'apt.conf');
    await fs.writeFile(confFile, conf);
    const include = sources.includes('URIs: https') ? 'ca-certificates' : '';
    await runProgram(
      MAKE_ROOT,
      [cache.lock, cache.roots, name, options.codename, confFile, include],
      { input: sources, timeout: 900_000 },
    );
    return path.join(cache.roots, name);
  } finally {
    await fs.rm(scratch, { recursive: true, force: true });
  }
}

const made = new Map<string, Promise<string>>();

/**
 * The tree of a small Debian (Essential packages and apt) with its lists up to date, made by mmdebstrap unless this
 * machine has it for the Release files that the mirror shows now. Nobody may write to it.
 *
 * @returns path of the tree
 */
export async function baseRoot(cache: TestCache, options: BaseRootOptions): Promise<string> {
  const key = JSON.stringify(options);
  const promise = made.get(key) ?? make(cache, options);
  made.set(key, promise);
  return await promise;
}
