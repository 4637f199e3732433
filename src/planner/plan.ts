import { compareText } from '../core/compare.ts';
import type { Kernel, SuiteKernel } from '../model/kernels.ts';
import type { Module } from '../model/modules.ts';
import type { AbsentModule, Plan, Target } from '../model/plans.ts';
import type { BuildRecord } from '../model/records.ts';
import { candidatesFor } from './candidates.ts';
import { finishTarget } from './finish.ts';
import { type Choice, Judge } from './judge.ts';
import { getOrMake } from './names.ts';
import { sortTargets } from './order.ts';
import { judgePublications, type PublishedModule } from './retire.ts';

/** A module that a configuration asks for, as one suite can have it. */
export interface ModuleChoice {
  name: string;
  /** The package's name, for those who look for it; the kind of its source when that is no package. */
  package: string;
  /** In order of preference; empty when no archive of the suite has it. */
  candidates: readonly Module[];
}

/** One suite and what is wanted for it. */
export interface PlanSuite {
  suite: string;
  /** Whether it is published; others are only read and built ahead of. */
  isPublished: boolean;
  /** The wanted kernels, also those that are built ahead. */
  kernels: readonly SuiteKernel[];
  modules: readonly ModuleChoice[];
}

export interface PlanPolicy {
  /** Days that a package stays after its kernel has left Debian. */
  graceDays: number;
  /** Whether a good build is made again when only compiler and tools have changed. */
  toolchain: 'keep' | 'rebuild';
}

export interface PlanInputs {
  suites: readonly PlanSuite[];
  /** Hash of all that a build is made from but its build root; undefined when the kernel has no headers. */
  inputsOf: (module: Module, kernel: Kernel) => string | undefined;
  /** The build key of a target; undefined when the kernel has no headers. */
  keyOf: (module: Module, kernel: Kernel) => string | undefined;
  /** Why a kernel's modules can't be built on this machine; undefined when they can. */
  waitsFor: (kernel: Kernel) => string | undefined;
  /** Every record of the ledger. */
  records: readonly BuildRecord[];
  /** Module packages that are published. */
  published: readonly PublishedModule[];
  /** Keys that are being built now. */
  building: ReadonlySet<string>;
  /** When each kernel was first seen: {@link kernelId} → ISO 8601. */
  firstSeen: ReadonlyMap<string, string>;
  /** Every kernel of every suite, also those that nobody wants; those of `suites` count anyway. */
  present?: readonly Kernel[];
  /** Since when a kernel is in no suite at all: {@link kernelId} → ISO 8601. Kernels that are somewhere are missing. */
  left: ReadonlyMap<string, string>;
  /** Since when a kernel's headers are gone: {@link kernelId} → ISO 8601, where it is known. */
  headersGone: ReadonlyMap<string, string>;
  policy: PlanPolicy;
  /** ISO 8601, UTC. */
  now: string;
}

/**
 * What is true of every module × kernel, and so what a run would do. Pure: the same inputs in any order give the same
 * plan, but for the order of a module's candidates, which is the user's preference. Time and memory grow with the
 * number of targets, records and publications, not faster.
 *
 * @returns targets sorted by module, architecture, flavour and release, newest first; one for each module version ×
 *   kernel that some suite uses
 */
export function makePlan(inputs: PlanInputs): Plan {
  const judge = new Judge(inputs);
  const used = new Set<Target>();
  const absent: AbsentModule[] = [];
  for (const suite of inputs.suites) {
    const kernels = byArchitecture(suite.kernels);
    for (const choice of suite.modules) {
      absent.push(...absencesOf(suite, choice, kernels.keys()));
      for (const [architecture, ofArchitecture] of kernels) {
        const candidates = candidatesFor(choice, architecture);
        if (candidates.length > 0) {
          for (const suiteKernel of ofArchitecture) {
            use(judge.choose(candidates, suiteKernel.kernel, suite), suite, suiteKernel, used);
          }
        }
      }
    }
  }
  const publishedIn = new Map<string, Map<string, string>>();
  for (const { key, suite, since } of inputs.published) {
    if (key !== undefined) {
      getOrMake(publishedIn, key, newTexts).set(suite, since);
    }
  }
  for (const target of used) {
    finishTarget(target, publishedIn.get(target.record?.key ?? ''), judge);
  }
  return {
    targets: sortTargets(used),
    kept: judgePublications(inputs, used),
    absent: absent.toSorted(
      (a, b) =>
        compareText(a.suite, b.suite) ||
        compareText(a.module, b.module) ||
        compareText(a.architecture ?? '', b.architecture ?? ''),
    ),
  };
}

function newTexts(): Map<string, string> {
  return new Map();
}

function byArchitecture(kernels: readonly SuiteKernel[]): Map<string, SuiteKernel[]> {
  const groups = new Map<string, SuiteKernel[]>();
  for (const entry of kernels) {
    getOrMake(groups, entry.kernel.architecture, (): SuiteKernel[] => []).push(entry);
  }
  return groups;
}

/** Where a module that a suite should have is missing: everywhere, or on some architectures of its kernels. */
function absencesOf(
  { suite, isPublished, kernels }: PlanSuite,
  choice: ModuleChoice,
  architectures: Iterable<string>,
): AbsentModule[] {
  const absence = (architecture: string | undefined): AbsentModule => ({
    suite,
    module: choice.name,
    package: choice.package,
    architecture,
  });
  if (choice.candidates.length === 0) {
    // Nobody looks for a module in a suite that is only read, unless its kernels are asked about.
    return isPublished || kernels.length > 0 ? [absence(undefined)] : [];
  }
  return [...architectures]
    .filter((architecture) => candidatesFor(choice, architecture).length === 0)
    .map(absence);
}

/** Notes that a suite uses a version for a kernel. */
function use(
  { module, target, passedOver }: Choice,
  { suite, isPublished }: PlanSuite,
  { ahead }: SuiteKernel,
  used: Set<Target>,
): void {
  // The same version in several suites: named alike, whichever comes first.
  if (!used.has(target) || module.from < target.module.from) {
    target.module = module;
  }
  used.add(target);
  for (const entry of passedOver) {
    if (
      !target.passedOver.some(
        ({ version, from, verdict, reason }) =>
          version === entry.version &&
          from === entry.from &&
          verdict === entry.verdict &&
          reason === entry.reason,
      )
    ) {
      target.passedOver.push(entry);
    }
  }
  if (ahead !== undefined) {
    target.ahead.push(suite);
  } else if (isPublished) {
    target.suites.push(suite);
  }
}
