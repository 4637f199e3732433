import type { PackageResult, Results } from './results.ts';

/** What a result of DKMS depends on, as far as it can be told without building. */
export interface DkmsInputs {
  version: string;
  kernelVersion: string;
  /** DKMS's own version. */
  dkms: string;
  more: readonly string[];
}

/** The result that DKMS would give again; undefined when there is none, or something it depends on is another. */
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
  return isSame ? kept.dkms : undefined;
}
