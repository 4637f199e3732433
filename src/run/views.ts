import { unpackedOf } from '../builder/kernel-tree.ts';
import { lagsOf } from '../ledger/lag.ts';
import type { SuiteKernel } from '../model/kernels.ts';
import { type SuiteLag, suiteLags } from '../site/lag-figures.ts';
import type { Context } from './context.ts';
import type { SurveyPlan } from './plan.ts';
import type { Survey } from './survey.ts';

/** A kernel of a suite as `kernels --json` shows it. */
export interface KernelView {
  /** The published suite. */
  suite: string;
  release: string;
  abi: string;
  flavour: string;
  architecture: string;
  version: string;
  /** The archive's suites that carry the image. */
  suites: string[];
  source: string;
  provides: string[];
  /** The packages that bring the headers; null when they are gone. */
  headers: string[] | null;
  /** The metapackages, without `linux-image-`, that point to it. */
  tracks: string[];
  /** Present when no index that carries it can be read now: when one was read last. */
  unseenSince?: string;
}

function kernelView(suite: string, { kernel, tracks }: SuiteKernel): KernelView {
  const { release, abi, flavour, architecture, version, suites, source, provides } = kernel;
  return {
    suite,
    ...{ release, abi, flavour, architecture, version, suites, source, provides },
    headers:
      kernel.headers === undefined ? null : unpackedOf(kernel.headers).map((ref) => ref.name),
    tracks,
    ...(kernel.unseenSince === undefined ? {} : { unseenSince: kernel.unseenSince }),
  };
}

/** Every kernel of every suite. */
export function kernelViews(survey: Survey): KernelView[] {
  return survey.suites.flatMap(({ suite, all }) => all.map((kernel) => kernelView(suite, kernel)));
}

/** How long the targets of each published suite took to be published, in seconds. */
export async function lagView({ ledger }: Context, { suites }: Survey): Promise<SuiteLag[]> {
  const { arrivals, outcomes } = ledger.timeline;
  return suiteLags({
    suites: suites.filter(({ isPublished }) => isPublished).map(({ suite }) => suite),
    lags: lagsOf(await arrivals.read(), await outcomes.read()),
  });
}

/** For each published suite a tracking package that can be installed now. */
export function exampleTracks({ survey, plan }: SurveyPlan): Map<string, string> {
  const found = new Map<string, string>();
  for (const { suite, kernels } of survey.suites) {
    const tracks = new Map(kernels.map(({ kernel, tracks: names }) => [kernel, names]));
    for (const { module, kernel, verdict, suites } of plan.targets) {
      const track = tracks.get(kernel)?.[0];
      if (verdict === 'published' && suites.includes(suite) && track !== undefined) {
        found.set(suite, found.get(suite) ?? `${module.name}-modules-${track}`);
      }
    }
  }
  return found;
}
