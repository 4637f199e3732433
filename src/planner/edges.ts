import { parseRelations } from '../debian/relation.ts';
import type { SuiteKernel } from '../model/kernels.ts';
import type { Target } from '../model/plans.ts';

/** A tracking package as it is published. */
export interface PublishedEdge {
  module: string;
  /** The metapackage that it goes with, without `linux-image-`. */
  track: string;
  architecture: string;
  /** Its Depends field. */
  depends: string;
}

/**
 * `held`: no metapackage of the suite points to its kernel, and that is as it should be: what it points to now waits
 * for its module, or there is no such metapackage any more. apt keeps what machines have.
 */
export interface EdgeJudgement {
  state: 'whole' | 'held' | 'broken';
  /** The kernel release that it points to; undefined when it points to none. */
  release: string | undefined;
  /** Empty for a whole one. */
  why: string;
}

export interface EdgeInputs {
  /** Every kernel of the suite, wanted or not. */
  kernels: readonly SuiteKernel[];
  /** The plan's targets for the suite. */
  targets: readonly Target[];
  /** `release/architecture` of every kernel that was ever seen. */
  known: ReadonlySet<string>;
}

const LATEST = 'linux-latest-modules-';

/** Judges whether a tracking package's edge leads to a kernel that apt can bring with it (contract 1). */
export function judgeEdge(edge: PublishedEdge, inputs: EdgeInputs): EdgeJudgement {
  const { track, architecture, module } = edge;
  const release = parseRelations(edge.depends)
    .flatMap(([first, ...others]) => (first === undefined || others.length > 0 ? [] : [first.name]))
    .find((name) => name.startsWith(LATEST))
    ?.slice(LATEST.length);
  const broken = (why: string): EdgeJudgement => ({ state: 'broken', release, why });
  const held = (why: string): EdgeJudgement => ({ state: 'held', release, why });
  if (release === undefined) {
    return broken(`does not depend on ${LATEST}<release>: nothing holds a kernel back for it`);
  }
  const own = inputs.kernels.filter(({ kernel }) => kernel.architecture === architecture);
  if (own.some(({ kernel, tracks }) => kernel.release === release && tracks.length > 0)) {
    return { state: 'whole', release, why: '' };
  }
  if (!inputs.known.has(`${release}/${architecture}`)) {
    return broken(`needs ${LATEST}${release}, and no suite ever had such a kernel`);
  }
  const newest = own.find(({ tracks }) => tracks.includes(track))?.kernel;
  if (newest === undefined) {
    return held(`points to ${release}; the suite has no metapackage linux-image-${track} any more`);
  }
  const target = inputs.targets.find(
    (entry) => entry.module.name === module && entry.kernel === newest,
  );
  if (target?.verdict === 'published') {
    return broken(
      `points to ${release}, linux-image-${track} to ${newest.release}, for which the module is published`,
    );
  }
  const why =
    target === undefined ? 'nobody asks for it' : `${target.verdict}: ${firstLine(target.reason)}`;
  return held(
    `points to ${release}; linux-image-${track} points to ${newest.release}, for which the module is not published (${why})`,
  );
}

function firstLine(text: string): string {
  return text.split('\n')[0] ?? '';
}
