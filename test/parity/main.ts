/** Compares Lockstep with DKMS: `npm run parity -- --help`. */
import { runCommand } from '../support/command.ts';
import { usualSuites } from '../support/mirror.ts';
import { chooseKernels, type ParityKernel, readKernels } from './kernels.ts';
import { type ParityOptions, parseOptions, USAGE } from './options.ts';
import type { LockstepResult, Results } from './results.ts';
import { runDkms } from './run-dkms.ts';
import { runLockstep } from './run-lockstep.ts';
import { readResults, updateResults } from './store.ts';
import { differenceLines, differs } from './table.ts';

function tell(line: string): void {
  process.stderr.write(`${new Date().toISOString().slice(11, 19)} ${line}\n`);
}

/** Adds Lockstep's verdicts to the results of DKMS. */
async function addLockstep(
  { suite, packages }: ParityOptions,
  kernel: ParityKernel,
): Promise<Results> {
  const { release, flavour } = kernel;
  const names = (await readResults(suite, release, flavour)).results
    .map((result) => result.package)
    .filter((name) => packages.length === 0 || packages.includes(name));
  const verdicts =
    names.length === 0
      ? new Map<string, LockstepResult>()
      : await runLockstep(suite, kernel, names, tell);
  return await updateResults({ suite, release, flavour }, (kept) => {
    const changed = kept.results.map((result) => {
      const lockstep = verdicts.get(result.package);
      return lockstep === undefined ? result : { ...result, lockstep };
    });
    return { ...kept, results: changed };
  });
}

async function compare(options: ParityOptions): Promise<Results[]> {
  const { suite, release } = options;
  const all: Results[] = [];
  for (const kernel of chooseKernels(await readKernels(usualSuites(suite)), release)) {
    tell(`${suite} ${kernel.release}`);
    const dkms = options.lockstepOnly
      ? undefined
      : await runDkms(suite, kernel, { ...options, tell });
    const both = options.dkmsOnly ? undefined : await addLockstep(options, kernel);
    all.push(...[both ?? dkms].filter((results) => results !== undefined));
  }
  return all;
}

await runCommand(USAGE, parseOptions, async (options) => {
  const all = await compare(options);
  const text = options.json ? JSON.stringify(all, undefined, 2) : differenceLines(all).join('\n');
  process.stdout.write(`${text}\n`);
  return all.some(({ results }) => results.some(differs)) ? 1 : 0;
});
