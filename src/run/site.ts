import { compareText } from '../core/compare.ts';
import { compareVersions } from '../debian/version.ts';
import { lagsOf } from '../ledger/lag.ts';
import type { Publications } from '../ledger/schema.ts';
import { actionOf } from '../model/actions.ts';
import type { Kernel } from '../model/kernels.ts';
import type { Module } from '../model/modules.ts';
import type { KeptPackage, Target } from '../model/plans.ts';
import type { BuildRecord } from '../model/records.ts';
import type { KernelSighting } from '../model/sightings.ts';
import { sourceLabel } from '../model/sources.ts';
import { VERDICT_MEANINGS } from '../model/verdicts.ts';
import { kernelId } from '../planner/names.ts';
import { slugOf } from '../publisher/names.ts';
import type {
  SiteBuild,
  SiteCell,
  SiteData,
  SiteKernel,
  SiteModule,
  SiteTracking,
} from '../site/data.ts';
import type { Context } from './context.ts';
import { problemsOf, type SurveyPlan } from './plan.ts';
import type { Survey } from './survey.ts';

/** Everything that the pages need but the logs. Reads the ledger, changes nothing. */
export async function gatherSite(context: Context, plan: SurveyPlan): Promise<SiteData> {
  const { config, ledger } = context;
  const { survey } = plan;
  const { origin, url } = config.repository;
  const sightings = await ledger.sightings();
  const outcomes = await ledger.timeline.outcomes.read();
  const kernels = new Kernels(survey, sightings);
  const cells = [
    ...targetCells(plan.plan.targets, kernels, recordsOf(ledger.all())),
    ...keptCells(plan.plan.kept, kernels),
  ];
  return {
    ...{ origin, url: `${url.replace(/\/+$/, '')}/`, slug: slugOf(origin) },
    at: new Date().toISOString(),
    suites: survey.suites.filter(({ isPublished }) => isPublished).map(({ suite }) => suite),
    kernels: kernels.all(),
    cells,
    modules: modulesOf(survey, cells),
    tracking: trackingOf(await ledger.publications()),
    absent: plan.plan.absent,
    problems: [
      ...problemsOf(survey).map(({ suite, component, architecture, message, lastGood }) => ({
        what: `${suite}/${component} for ${architecture}`,
        message,
        lastGood: lastGood ?? undefined,
      })),
      ...survey.sourceProblems.map(({ module, message }) => ({
        what: `source of ${module}`,
        message,
        lastGood: undefined,
      })),
    ],
    outcomes,
    lags: lagsOf(await ledger.timeline.arrivals.read(), outcomes),
    logs: new Set(),
  };
}

/** The tracking packages that are published now, in the order of the file. */
function trackingOf(publications: Publications): SiteTracking[] {
  return Object.entries(publications).flatMap(([suite, entries]) =>
    Object.values(entries).flatMap(({ kind, module, architecture, track }): SiteTracking[] =>
      kind !== 'tracking' || module === undefined || track === undefined
        ? []
        : [{ suite, module, architecture, track }],
    ),
  );
}

/** The kernels of all published suites, and those that a package is kept for, each once. */
class Kernels {
  readonly #known = new Map<string, SiteKernel>();
  readonly #sightings: ReadonlyMap<string, KernelSighting>;
  /** `release/architecture` → what was seen of it in its newest version. */
  readonly #byRelease = new Map<string, KernelSighting>();

  constructor({ suites }: Survey, sightings: ReadonlyMap<string, KernelSighting>) {
    this.#sightings = sightings;
    for (const sighting of sightings.values()) {
      const id = `${sighting.release}/${sighting.architecture}`;
      const known = this.#byRelease.get(id);
      if (known === undefined || compareVersions(sighting.version, known.version) > 0) {
        this.#byRelease.set(id, sighting);
      }
    }
    const tracks = new Map<Kernel, Map<string, readonly string[]>>();
    for (const { suite, all } of suites.filter(({ isPublished }) => isPublished)) {
      for (const { kernel, tracks: names } of all) {
        const own = tracks.get(kernel) ?? new Map<string, readonly string[]>();
        tracks.set(kernel, own.set(suite, names));
      }
    }
    for (const [kernel, own] of tracks) {
      this.#add(kernel, own);
    }
  }

  of(kernel: Kernel): SiteKernel {
    return this.#known.get(kernelId(kernel)) ?? this.#add(kernel, new Map());
  }

  /** A kernel that only its packages are left of. */
  named(release: string, architecture: string): SiteKernel {
    const sighting = this.#byRelease.get(`${release}/${architecture}`);
    const version = sighting?.version ?? '';
    const id = kernelId({ release, architecture, version });
    const known = this.#known.get(id);
    if (known !== undefined) {
      return known;
    }
    const made: SiteKernel = {
      ...{ release, architecture, version },
      flavour: sighting?.flavour ?? architecture,
      abi: sighting?.abi ?? release,
      source: sighting?.source ?? '',
      suites: new Map(),
      ...{ first: sighting?.first, left: sighting?.left, unseenSince: undefined },
    };
    this.#known.set(id, made);
    return made;
  }

  all(): SiteKernel[] {
    return [...this.#known.values()];
  }

  #add(kernel: Kernel, suites: SiteKernel['suites']): SiteKernel {
    const { release, architecture, version, flavour, abi, source, unseenSince } = kernel;
    const sighting = this.#sightings.get(kernelId(kernel));
    const made: SiteKernel = {
      ...{ release, architecture, version, flavour, abi, source, unseenSince, suites },
      ...{ first: sighting?.first, left: sighting?.left },
    };
    this.#known.set(kernelId(kernel), made);
    return made;
  }
}

function buildOf({ key, outcome, finished, seconds, attempts }: BuildRecord): SiteBuild {
  return { key, outcome, finished, seconds, attempts };
}

type Records = (module: string, version: string, kernel: Kernel) => BuildRecord | undefined;

/** The newest record of a module version for a kernel. */
function recordsOf(records: readonly BuildRecord[]): Records {
  const newest = new Map<string, BuildRecord>();
  for (const record of records) {
    const { module, moduleVersion, release, architecture, kernelVersion } = record;
    newest.set([module, moduleVersion, release, architecture, kernelVersion].join('\0'), record);
  }
  return (module, moduleVersion, { release, architecture, version }) =>
    newest.get([module, moduleVersion, release, architecture, version].join('\0'));
}

function targetCells(targets: readonly Target[], kernels: Kernels, records: Records): SiteCell[] {
  return targets.map((target): SiteCell => {
    const { module, kernel, suites, ahead, verdict, reason, since, cause, record } = target;
    return {
      ...{ module: module.name, version: module.version, kernel: kernels.of(kernel) },
      ...{ suites, ahead, verdict, reason, since, cause, from: module.from },
      action: actionOf(target),
      passedOver: target.passedOver.map((other) => {
        const found = records(module.name, other.version, kernel);
        return Object.assign({ build: found && buildOf(found) }, other);
      }),
      build: record && buildOf(record),
    };
  });
}

/** Packages of the same kernel and version are one cell, in all its suites. */
function keptCells(kept: readonly KeptPackage[], kernels: Kernels): SiteCell[] {
  const cells = new Map<string, SiteCell & { suites: string[] }>();
  for (const { suite, module, moduleVersion, release, architecture, ...rest } of kept) {
    const { verdict, reason, since } = rest;
    const id = [module, moduleVersion, release, architecture, verdict].join('\0');
    const known = cells.get(id);
    if (known === undefined) {
      cells.set(id, {
        ...{ module, version: moduleVersion, kernel: kernels.named(release, architecture) },
        ...{ suites: [suite], ahead: [], verdict, reason, since, cause: undefined },
        action: VERDICT_MEANINGS[verdict].action,
        ...{ from: undefined, passedOver: [], build: undefined },
      });
    } else {
      known.suites.push(suite);
    }
  }
  return [...cells.values()];
}

/** Every module that some suite has a candidate of, and those that only packages are left of. */
function modulesOf({ suites }: Survey, cells: readonly SiteCell[]): SiteModule[] {
  const found = new Map<string, Module[]>();
  for (const { candidates } of suites.flatMap(({ modules }) => modules)) {
    for (const module of candidates) {
      found.set(module.name, [...(found.get(module.name) ?? []), module]);
    }
  }
  for (const { module } of cells) {
    found.set(module, found.get(module) ?? []);
  }
  return [...found]
    .toSorted(([a], [b]) => compareText(a, b))
    .map(([name, modules]): SiteModule => {
      const versions = new Map(
        modules
          .toSorted((a, b) => compareVersions(b.version, a.version))
          .map(({ version, from, source, component }) => [
            `${version}\0${from}`,
            { version, from, source: sourceLabel(source), component },
          ]),
      );
      const [newest] = modules.toSorted((a, b) => compareVersions(b.version, a.version));
      return {
        name,
        summary: newest?.summary ?? 'No suite has it any more.',
        homepage: newest?.homepage,
        withheld: newest?.withheld,
        versions: [...versions.values()],
      };
    });
}
