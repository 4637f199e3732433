import type { Arrival } from '../model/timeline.ts';

/** The name under which an arrival is noted once. */
export function arrivalId(arrival: Arrival): string {
  return arrival.type === 'kernel'
    ? ['kernel', arrival.suite, arrival.release, arrival.architecture, arrival.version].join('\0')
    : ['module', arrival.suite, arrival.module, arrival.version].join('\0');
}

/** What is there now and was not noted before, each once. Pure. */
export function newArrivals(noted: readonly Arrival[], present: readonly Arrival[]): Arrival[] {
  const known = new Set(noted.map(arrivalId));
  return present.filter((arrival) => {
    const id = arrivalId(arrival);
    const isNew = !known.has(id);
    known.add(id);
    return isNew;
  });
}
