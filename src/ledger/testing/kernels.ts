import * as fc from 'fast-check';
import type {
  HistoryLine,
  KernelSighting,
  SeenKernel,
  SuiteIndices,
} from '../../model/sightings.ts';
import { NO_SIGHTINGS, type Sightings } from '../look.ts';
import { note } from '../sightings.ts';

/** A kernel that could be real. */
export function seenKernel(
  release: string,
  suites: SeenKernel['suites'],
  more: Partial<SeenKernel> = {},
): SeenKernel {
  const [abi = '', flavour = ''] = release.split(/-(?=[a-z])/);
  return {
    ...{ release, architecture: 'amd64', version: `${abi.split('+')[0]}-1`, flavour, abi },
    ...{ source: 'linux', image: `linux-image-${release}`, hasHeaders: true, suites },
    ...more,
  };
}

/** What the history can't tell: it is only as new as the last thing that was written. */
export function withoutLast(
  kernels: ReadonlyMap<string, KernelSighting>,
): Record<string, Omit<KernelSighting, 'last'>> {
  return Object.fromEntries(
    [...kernels].map(([id, { last: _last, ...kernel }]) => [id, kernel] as const),
  );
}

export const SUITES = ['trixie', 'sid', 'trixie-backports'];
export const ARCHITECTURES = ['amd64', 'arm64'];

/** Every suite × architecture of these tests. */
export const EVERYWHERE = SUITES.flatMap((suite) =>
  ARCHITECTURES.map((architecture): SuiteIndices => ({ suite, architecture })),
);

/** What a run sees: few names, so that kernels come back, move and meet often; some of it twice or contradictory. */
export const lookArbitrary = fc.record({
  seen: fc.array(
    fc
      .record({
        release: fc.constantFrom('6.1-amd64', '6.12-amd64', '6.12-rt-amd64'),
        architecture: fc.constantFrom(...ARCHITECTURES),
        version: fc.constantFrom('6.1-1', '6.12-1', '6.12-10', '6.12-2'),
        hasHeaders: fc.boolean(),
        suites: fc.dictionary(
          fc.constantFrom(...SUITES),
          fc.subarray(['amd64', 'rt-amd64', '6.12-amd64']),
          { noNullPrototype: true },
        ),
      })
      .map(({ release, suites, ...more }) => seenKernel(release, suites, more)),
    { maxLength: 8 },
  ),
  complete: fc.oneof(fc.constant(EVERYWHERE), fc.subarray(EVERYWHERE)),
});

/** An instant in 2026. */
export function day(number: number): string {
  return new Date(Date.UTC(2026, 0, number)).toISOString();
}

/** A look a day, from the first of January on. */
export function replay(
  looks: readonly { seen: readonly SeenKernel[]; complete?: readonly SuiteIndices[] }[],
  firstSeen: ReadonlyMap<string, string> = new Map(),
): { sightings: Sightings; lines: HistoryLine[]; states: Sightings[] } {
  let sightings = NO_SIGHTINGS;
  const lines: HistoryLine[] = [];
  const states: Sightings[] = [];
  for (const [index, { seen, complete = EVERYWHERE }] of looks.entries()) {
    const found = note(sightings, { seen, complete, firstSeen, at: day(index + 1) });
    sightings = found.sightings;
    states.push(sightings);
    if (found.line !== undefined) {
      lines.push(found.line);
    }
  }
  return { sightings, lines, states };
}
