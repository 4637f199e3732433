import * as path from 'node:path';
import { readFileOrUndefined, writeFileAtomic } from '../../src/core/files.ts';
import { type PackageResult, type Results, resultsSchema } from './results.ts';

const DOCS = path.join(import.meta.dirname, '../../docs/parity');

/** The file of one suite × release. */
function fileOf(suite: string, release: string): string {
  return path.join(DOCS, `${suite}_${release}.json`);
}

/** What is kept of a suite × release; empty when nothing is. */
export async function readResults(suite: string, release: string, flavour: string): Promise<Results> {
  const content = await readFileOrUndefined(fileOf(suite, release));
  return content === undefined
    ? { suite, release, flavour, results: [] }
    : resultsSchema.parse(JSON.parse(content.toString('utf8')));
}

export async function writeResults(results: Results): Promise<void> {
  const file = fileOf(results.suite, results.release);
  await writeFileAtomic(file, `${JSON.stringify(results, undefined, 2)}\n`);
}

/** Puts a package's result in the place of an older one; sorted by name. */
export function withResult(results: Results, result: PackageResult): Results {
  const others = results.results.filter((other) => other.package !== result.package);
  return {
    ...results,
    results: [...others, result].toSorted((a, b) => (a.package < b.package ? -1 : 1)),
  };
}

/** What a result of DKMS depends on, as far as it can be told without building. */
export interface DkmsInputs {
  version: string;
  kernelVersion: string;
  dkms: string;
  more: readonly string[];
}

/** The result that DKMS would give again. */
export function keptDkms(
  results: Results,
  name: string,
  inputs: DkmsInputs,
): PackageResult['dkms'] {
  const kept = results.results.find((result) => result.package === name);
  const isSame =
    kept?.version === inputs.version &&
    kept.kernelVersion === inputs.kernelVersion &&
    kept.dkms?.version === inputs.dkms &&
    kept.more.join(' ') === inputs.more.join(' ');
  return isSame ? kept?.dkms : undefined;
}
