import * as fs from 'node:fs/promises';
import * as path from 'node:path';
import { readFileOrUndefined, writeFileAtomic } from '../../src/core/files.ts';
import { acquireLock } from '../../src/core/lock.ts';
import { OUT } from './out.ts';
import { type PackageResult, type Results, resultsSchema } from './results.ts';
import { suitePage } from './table.ts';

const DOCS = path.join(import.meta.dirname, '../../docs/parity');
const LOCK = path.join(OUT, 'lock');
const LOCK_SECONDS = 60;

/** The file of one suite × release. */
function fileOf(suite: string, release: string): string {
  return path.join(DOCS, `${suite}_${release}.json`);
}

/** What is kept of a suite × release; empty when nothing is. */
export async function readResults(
  suite: string,
  release: string,
  flavour: string,
): Promise<Results> {
  const content = await readFileOrUndefined(fileOf(suite, release));
  return content === undefined
    ? { suite, release, flavour, results: [] }
    : resultsSchema.parse(JSON.parse(content.toString('utf8')));
}

/** Writes the results of a suite × release, and the suite's page anew. */
async function writeResults(results: Results): Promise<void> {
  const { suite, release } = results;
  await writeFileAtomic(fileOf(suite, release), `${JSON.stringify(results, undefined, 2)}\n`);
  const files = (await fs.readdir(DOCS)).filter(
    (name) => name.startsWith(`${suite}_`) && name.endsWith('.json'),
  );
  const all = await Promise.all(
    files.toSorted().map(async (name) => {
      const content: unknown = JSON.parse(await fs.readFile(path.join(DOCS, name), 'utf8'));
      return resultsSchema.parse(content);
    }),
  );
  await writeFileAtomic(path.join(DOCS, `${suite}.md`), suitePage(suite, all));
}

/** Changes what is kept of a suite × release; DKMS and Lockstep may run at once. @returns what is kept then */
export async function updateResults(
  { suite, release, flavour }: Pick<Results, 'suite' | 'release' | 'flavour'>,
  change: (results: Results) => Results,
): Promise<Results> {
  const lock = await acquireLock(LOCK, 'parity', LOCK_SECONDS);
  try {
    const changed = change(await readResults(suite, release, flavour));
    await writeResults(changed);
    return changed;
  } finally {
    await lock.release();
  }
}

/** Puts a package's result in the place of an older one; sorted by name. */
export function withResult(results: Results, result: PackageResult): Results {
  const others = results.results.filter((other) => other.package !== result.package);
  return {
    ...results,
    results: [...others, result].toSorted((a, b) => (a.package < b.package ? -1 : 1)),
  };
}
