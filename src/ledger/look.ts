import type {
  KernelDescription,
  KernelName,
  KernelSighting,
  SeenKernel,
  SuiteIndices,
} from '../model/sightings.ts';

/** All that was seen until now: what the history's lines up to `run` add up to. */
export interface Sightings {
  /** The last run that found a change; 0 before the first one. */
  run: number;
  /** By `release/architecture/version`. */
  kernels: ReadonlyMap<string, KernelSighting>;
}

export const NO_SIGHTINGS: Sightings = { run: 0, kernels: new Map() };

/** What is seen now. */
export interface Look {
  seen: readonly SeenKernel[];
  /** Suites × architectures whose indices all were read well: only there a kernel that is missing has left. */
  complete: readonly SuiteIndices[];
  /** Instants from elsewhere, for kernels that are new here: `release/architecture[/version]` → ISO 8601. */
  firstSeen: ReadonlyMap<string, string>;
  /** ISO 8601, UTC. */
  at: string;
}

/** The name under which a kernel is kept. */
export function sightingId({ release, architecture, version }: KernelName): string {
  return `${release}/${architecture}/${version}`;
}

export function descriptionOf(kernel: KernelDescription): KernelDescription {
  const { flavour, abi, source, image } = kernel;
  return { flavour, abi, source, image };
}

/** Whether a suite's indices for an architecture all were read well. */
export function completeness(
  complete: readonly SuiteIndices[],
): (suite: string, architecture: string) => boolean {
  const ids = new Set(complete.map(({ suite, architecture }) => `${suite}/${architecture}`));
  return (suite, architecture) => ids.has(`${suite}/${architecture}`);
}
