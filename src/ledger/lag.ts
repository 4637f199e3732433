import type { Arrival, Lag, Outcome, TargetName } from '../model/timeline.ts';

function kernelKey({ suite, release, architecture, ...rest }: KernelInSuite): string {
  return [suite, release, architecture, rest.kernelVersion].join('\0');
}

type KernelInSuite = Pick<TargetName, 'suite' | 'release' | 'architecture' | 'kernelVersion'>;

function moduleKey({ suite, module, moduleVersion }: ModuleInSuite): string {
  return [suite, module, moduleVersion].join('\0');
}

type ModuleInSuite = Pick<TargetName, 'suite' | 'module' | 'moduleVersion'>;

/** Where the first look at something can't tell when it came: `suite architecture`, or `suite module`. */
function firstOf(arrival: Arrival): string {
  return arrival.type === 'kernel'
    ? `kernel\0${arrival.suite}\0${arrival.architecture}`
    : `module\0${arrival.suite}\0${arrival.module}`;
}

interface Noted {
  arrival: Arrival;
  /** It was there at the first look. */
  isFirst: boolean;
}

/**
 * How long each target took that was published after its kernel and module version had been seen, in the order of the
 * outcomes. Pure. What lacks an arrival, because it came before arrivals were noted, is left out.
 */
export function lagsOf(arrivals: readonly Arrival[], outcomes: readonly Outcome[]): Lag[] {
  const begins = new Map<string, string>();
  for (const arrival of arrivals) {
    const id = firstOf(arrival);
    const known = begins.get(id);
    if (known === undefined || arrival.at < known) {
      begins.set(id, arrival.at);
    }
  }
  const kernels = new Map<string, Noted>();
  const modules = new Map<string, Noted>();
  for (const arrival of arrivals) {
    const noted = { arrival, isFirst: begins.get(firstOf(arrival)) === arrival.at };
    if (arrival.type === 'kernel') {
      const { suite, release, architecture, version } = arrival;
      kernels.set(kernelKey({ suite, release, architecture, kernelVersion: version }), noted);
    } else {
      const { suite, module, version } = arrival;
      modules.set(moduleKey({ suite, module, moduleVersion: version }), noted);
    }
  }
  return outcomes.flatMap((outcome): Lag[] => {
    const kernel = kernels.get(kernelKey(outcome));
    const module = modules.get(moduleKey(outcome));
    if (outcome.type !== 'published' || kernel === undefined || module === undefined) {
      return [];
    }
    const { type: _type, at, ...name } = outcome;
    const later = kernel.arrival.at >= module.arrival.at ? kernel : module;
    const { arrival, isFirst } = later;
    const isTogether = kernel.arrival.at === module.arrival.at;
    // What was published before it was noted, by an earlier version of Lockstep, took no time that is known.
    return arrival.at > at
      ? []
      : [
          {
            ...name,
            published: at,
            seen: arrival.at,
            ...(arrival.released === undefined ? {} : { released: arrival.released }),
            isCatchUp: isTogether ? kernel.isFirst : isFirst,
          },
        ];
  });
}
