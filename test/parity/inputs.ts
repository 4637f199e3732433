import type { PackageResult, Results } from './results.ts';

/** What a result of DKMS depends on, as far as it can be told without building. */
export interface DkmsInputs {
  version: string;
  kernelVersion: string;
  /** DKMS's own version. */
  dkms: string;
  more: readonly string[];
}

/** Exit statuses of timeout(1): these say more of this machine than of the module. */
const TIMED_OUT: ReadonlySet<number> = new Set([124, 137]);

/**
 * The result that DKMS would give again; undefined when there is none, when something it depends on is another, or
 * when it ran into its time-out.
 */
export function keptDkms(
  results: Results,
  name: string,
  inputs: DkmsInputs,
): PackageResult['dkms'] {
  const kept = results.results.find((result) => result.package === name);
  if (kept?.dkms === undefined || TIMED_OUT.has(kept.dkms.status)) {
    return undefined;
  }
  const isSame =
    kept.version === inputs.version &&
    kept.kernelVersion === inputs.kernelVersion &&
    kept.dkms.version === inputs.dkms &&
    kept.more.join(' ') === inputs.more.join(' ');
  return isSame ? kept.dkms : undefined;
}
