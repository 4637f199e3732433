import * as path from 'node:path';
import PQueue from 'p-queue';
import type { ParityKernel } from './kernels.ts';
import { dkmsMachine } from './machine.ts';
import { readMorePackages } from './more-packages.ts';
import { OUT } from './out.ts';
import { type DkmsPackage, isHeavy } from './packages.ts';
import type { Results } from './results.ts';
import { keptDkms } from './inputs.ts';
import { readResults, updateResults, withResult } from './store.ts';
import { tryPackage } from './try-package.ts';

/** Packages at once: while one is installed, another is built. */
const AT_ONCE = 2;
const JOBS = 2;

export interface DkmsRunOptions {
  /** Only these; all when empty. */
  packages: readonly string[];
  again: boolean;
  /** Leaves out what is heavy. */
  light: boolean;
  /** Told of each package when it is done. */
  tell: (line: string) => void;
}

/** Runs DKMS for the packages of a suite and one kernel; every result is kept as soon as it is there. */
export async function runDkms(
  suite: string,
  kernel: ParityKernel,
  { packages, again, light, tell }: DkmsRunOptions,
): Promise<Results> {
  const { release, flavour, headers } = kernel;
  const kernelVersion = headers.packages[0]?.version ?? '';
  const moreOf = await readMorePackages();
  const machine = await dkmsMachine(suite, kernel);
  let results = await readResults(suite, release, flavour);
  const queue = new PQueue({ concurrency: AT_ONCE });
  const all = machine.packages.filter(({ name }) =>
    packages.length === 0 ? !(light && isHeavy(name)) : packages.includes(name),
  );
  const missing = packages.filter((name) => all.every((found) => found.name !== name));
  if (missing.length > 0) {
    throw new Error(`${suite} has no package ${missing.join(', ')}`);
  }
  const run = async (wanted: DkmsPackage): Promise<void> => {
    const { name, version, component } = wanted;
    const more = moreOf(name);
    const inputs = { version, kernelVersion, dkms: machine.dkms, more };
    if (!again && keptDkms(results, name, inputs) !== undefined) {
      return;
    }
    const logs = path.join(OUT, 'logs', `${suite}_${release}`, name);
    const dkms = await tryPackage(machine, wanted, { release, more, jobs: JOBS, logs });
    results = await updateResults({ suite, release, flavour }, (kept) => {
      const lockstep = kept.results.find((other) => other.package === name)?.lockstep;
      return withResult(kept, {
        ...{ package: name, version, component, kernelVersion, more: [...more], dkms },
        ...(lockstep === undefined ? {} : { lockstep }),
      });
    });
    const after = dkms.after === undefined ? '' : `, after others ${dkms.after}`;
    const end = `${dkms.outcome} (${dkms.status})${after} ${dkms.seconds} s`;
    tell(`${name} ${version}: ${end} ${dkms.error ?? ''}`);
  };
  const ends = await Promise.allSettled(all.map((wanted) => queue.add(() => run(wanted))));
  const failures = ends.flatMap((end): unknown[] =>
    end.status === 'rejected' ? [end.reason] : [],
  );
  if (failures.length > 0) {
    // Nothing is known of these; the others' results are kept.
    throw new AggregateError(failures, `no result for ${failures.length} packages`);
  }
  return results;
}
