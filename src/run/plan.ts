import type { Kernel } from '../model/kernels.ts';
import type { KeptPackage, Plan, Target, TargetView } from '../model/plans.ts';
import type { KernelSighting, SeenKernel, SuiteIndices } from '../model/sightings.ts';
import { modulePublications } from '../ledger/module-publications.ts';
import type { Publications } from '../ledger/schema.ts';
import { makePlan, type PlanInputs } from '../planner/plan.ts';
import type { PublishedModule } from '../planner/retire.ts';
import type { Context } from './context.ts';
import { type Survey, surveyArchives } from './survey.ts';
import { noteArrivals } from './timeline.ts';

/** The survey of all archives and what follows from it. */
export interface SurveyPlan {
  survey: Survey;
  plan: Plan;
}

/** Surveys the archives and plans; reads but builds nothing. */
export async function planAll(
  context: Context,
  options: { refresh: boolean },
): Promise<SurveyPlan> {
  const survey = await surveyArchives(context, options);
  if (context.exclusive) {
    await noteKernels(context, survey);
  }
  return { survey, plan: await planSurvey(context, survey) };
}

/** Tells the ledger which kernels there are, and what arrived; what could not be read counts as it was. */
export async function noteKernels(
  { ledger }: Pick<Context, 'ledger'>,
  survey: Survey,
): Promise<void> {
  const now = new Date();
  const suitesOf = new Map<Kernel, Record<string, string[]>>();
  for (const { suite, all } of survey.suites) {
    for (const { kernel, tracks } of all) {
      suitesOf.set(kernel, { ...suitesOf.get(kernel), [suite]: tracks });
    }
  }
  const sightings = await ledger.noteKernels(
    [...suitesOf].map(([kernel, suites]): SeenKernel => {
      const { release, architecture, version, flavour, abi, source, image } = kernel;
      const names = { release, architecture, version, flavour, abi, source, image };
      return Object.assign(names, { hasHeaders: kernel.headers !== undefined, suites });
    }),
    [...completeOf(survey), ...goneOf(survey, [...(await ledger.sightings()).values()])],
    now,
  );
  await noteArrivals({ ledger }, survey, sightings, now);
}

/** The suites and architectures of which all indices are known as they are now. */
function completeOf(survey: Survey): SuiteIndices[] {
  return survey.suites.flatMap(({ suite, statuses, architectures }) =>
    architectures
      .filter((architecture) =>
        statuses.every((status) => status.architecture !== architecture || status.state === 'good'),
      )
      .map((architecture) => ({ suite, architecture })),
  );
}

/** Suites that are no longer configured: nothing can be in them. */
function goneOf(survey: Survey, sightings: readonly KernelSighting[]): SuiteIndices[] {
  const configured = new Set(survey.suites.map(({ suite }) => suite));
  const gone = new Map<string, SuiteIndices>();
  for (const { suites, architecture } of sightings) {
    for (const suite of Object.keys(suites).filter((name) => !configured.has(name))) {
      gone.set(`${suite} ${architecture}`, { suite, architecture });
    }
  }
  return [...gone.values()];
}

/** The published module packages of which it is known what they are for, and which others follow them. */
export function publishedModules(publications: Publications): PublishedModule[] {
  return modulePublications(publications).flatMap(({ line, ...rest }): PublishedModule[] =>
    line === undefined ? [] : [{ ...rest, line }],
  );
}

/** What the plan of a survey is made from, by what the ledger knows now. */
export async function planInputs(context: Context, survey: Survey): Promise<PlanInputs> {
  const { ledger, config } = context;
  const sightings = await ledger.sightings();
  const known = [...sightings];
  return {
    suites: survey.suites,
    present: survey.kernels,
    inputsOf: (module, kernel) => survey.inputsOf(module, kernel),
    keyOf: (module, kernel) => survey.keyOf(module, kernel),
    waitsFor: (kernel) => survey.waitsFor(kernel),
    records: ledger.all(),
    published: publishedModules(await ledger.publications()),
    building: await context.building(),
    firstSeen: new Map(known.map(([id, { first }]) => [id, first])),
    left: new Map(
      known.flatMap(([id, { left }]): [string, string][] =>
        left === undefined ? [] : [[id, left]],
      ),
    ),
    headersGone: new Map(
      known.flatMap(([id, { headers }]): [string, string][] =>
        headers.state === 'gone' ? [[id, headers.since]] : [],
      ),
    ),
    policy: { graceDays: config.retention.graceDays, toolchain: config.toolchain },
    now: new Date().toISOString(),
  };
}

/** The plan of a survey, by what the ledger knows now. */
export async function planSurvey(context: Context, survey: Survey): Promise<Plan> {
  const plan = makePlan(await planInputs(context, survey));
  // Of a module whose source can't be got it is not known where it is missing.
  const unread = new Set(survey.sourceProblems.map(({ module }) => module));
  return { ...plan, absent: plan.absent.filter(({ module }) => !unread.has(module)) };
}

/** A target as JSON shows it. */
export function viewTarget(target: Target): TargetView {
  const { module, kernel, verdict, reason, since, suites, cause, ahead, passedOver } = target;
  return {
    module: module.name,
    moduleVersion: module.version,
    release: kernel.release,
    architecture: kernel.architecture,
    suites,
    verdict,
    reason,
    since,
    from: module.from,
    ...(cause === undefined ? {} : { cause }),
    ...(ahead.length === 0 ? {} : { ahead }),
    ...(passedOver.length === 0 ? {} : { passedOver }),
    ...(kernel.unseenSince === undefined ? {} : { unseenSince: kernel.unseenSince }),
  };
}

function viewKept(kept: KeptPackage): TargetView {
  const { id: _id, suite, ...shown } = kept;
  return { ...shown, suites: [suite] };
}

/** A plan as JSON shows it. */
export function viewPlan({ survey, plan }: SurveyPlan): object {
  return {
    targets: plan.targets.map(viewTarget),
    kept: plan.kept.map(viewKept),
    absent: plan.absent,
    indices: problemsOf(survey),
    sources: survey.sourceProblems,
  };
}

/** An index that can't be read now. */
export interface IndexProblem {
  suite: string;
  component: string;
  architecture: string;
  state: 'stale' | 'missing';
  /** ISO 8601; null when there never was a good copy. */
  lastGood: string | null;
  code: string;
  message: string;
}

/** Whether all indices and sources could be read. */
export function isWholeSurvey({ survey }: SurveyPlan): boolean {
  return problemsOf(survey).length === 0 && survey.sourceProblems.length === 0;
}

/** The indices that are not as they should be; also those of suites that are only read. */
export function problemsOf(survey: Survey): IndexProblem[] {
  return survey.suites.flatMap(({ statuses }) =>
    statuses.flatMap(({ suite, component, architecture, state, lastGood, problem }) =>
      state === 'good'
        ? []
        : [
            {
              ...{ suite, component, architecture, state, lastGood: lastGood ?? null },
              code: problem?.code ?? 'ARCHIVE_UNREACHABLE',
              message: problem?.message ?? 'could not be read',
            },
          ],
    ),
  );
}
