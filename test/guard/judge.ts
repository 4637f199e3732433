import { images, installed, samePackages, type State } from './state.ts';

/** What can happen to a machine. */
export const OUTCOMES = [
  /** A newer kernel is there and did not come, without complaint. */
  'held',
  /** A kernel came, with every wanted module. */
  'together',
  /** A kernel came of a flavour for which no module is wanted. */
  'not concerned',
  /** Nothing was unpacked, and the guard said why. */
  'refused',
  /** Nothing was unpacked, and apt said why. */
  'declined',
  /** A kernel came without a wanted module. */
  'let in',
  /** The installed kernel is in a newer revision, with its modules. */
  'renewed',
  /** Packages came or went, no kernel among those that came. */
  'done',
  /** Nothing changed. */
  'no effect',
] as const;

export type Outcome = (typeof OUTCOMES)[number];

export interface Run {
  before: State;
  after: State;
  exitCode: number;
  /** Standard output and standard error. */
  output: string;
}

export interface Judgement {
  outcome: Outcome;
  /** What must never be, whatever was expected. */
  problems: string[];
}

/** What the operation was, as far as a judge must know. */
export interface Facts {
  /** It upgrades all that can be: `other` must have come too, unless the whole was refused. */
  isUpgrade?: boolean | undefined;
  /** Names of packages that the operation is to remove. */
  removes?: readonly string[] | undefined;
  /** Modules that the machine does without: the administrator said so. */
  without?: readonly string[] | undefined;
  /** The operation is one that ends with a status other than 0. */
  mayFail?: boolean | undefined;
}

/** Whether a release is of a flavour: the parts of an ABI name begin with a digit. */
function isOf(release: string, flavour: string): boolean {
  return (
    release.endsWith(`-${flavour}`) &&
    release
      .slice(0, -flavour.length - 1)
      .split('-')
      .every((part) => /^\d/.test(part))
  );
}

/** The wanted modules that a release lacks, and whether any is wanted for its flavour. */
export function lackingIn(
  release: string,
  wanted: State['wanted'],
  state: State,
): { isWanted: boolean; lacks: string[] } {
  const mine = wanted.filter(({ flavour }) => isOf(release, flavour));
  return {
    isWanted: mine.length > 0,
    lacks: mine
      .map(({ module }) => module)
      .filter((one) => !state.modules.has(`${release} ${one}`)),
  };
}

function outcomeOf(run: Run, facts: Facts): Outcome {
  const { before, after, exitCode, output } = run;
  const known = images(before);
  const came = [...images(after)].filter((release) => !known.has(release));
  if (came.length > 0) {
    const wanted = [...before.wanted, ...after.wanted].filter(
      ({ module }) => facts.without?.includes(module) !== true,
    );
    const found = came.map((release) => lackingIn(release, wanted, after));
    if (found.some(({ lacks }) => lacks.length > 0)) {
      return 'let in';
    }
    return found.some(({ isWanted }) => isWanted) ? 'together' : 'not concerned';
  }
  if (exitCode !== 0 && facts.mayFail !== true) {
    return /lockstep-guard: not (?:installing|removing)/.test(output) ? 'refused' : 'declined';
  }
  const renewed = [...before.packages].some(
    ([name, { version }]) =>
      /^linux-image-\d/.test(name) &&
      ![undefined, version].includes(after.packages.get(name)?.version),
  );
  if (renewed) {
    return 'renewed';
  }
  const others = (state: State): State => ({
    ...state,
    packages: new Map([...state.packages].filter(([name]) => !name.startsWith('other:'))),
  });
  if (!samePackages(others(before), others(after))) {
    return 'done';
  }
  return after.pending.length > 0 ? 'held' : 'no effect';
}

/** Tracking packages that are gone though nobody asked for that. */
function lost(run: Run, facts: Facts): string[] {
  const after = installed(run.after);
  return [...installed(run.before)].filter(
    (name) =>
      (/-modules-[a-z]/.test(name) ||
        /^linux-image-[a-z]/.test(name) ||
        name === 'lockstep-guard') &&
      !name.startsWith('linux-modules-') &&
      !after.has(name) &&
      facts.removes?.includes(name) !== true,
  );
}

/** Says what happened, from the machine alone, and what of it must never be. */
export function judge(run: Run, facts: Facts = {}): Judgement {
  const { before, after, output } = run;
  const outcome = outcomeOf(run, facts);
  const problems: string[] = lost(run, facts).map((name) => `${name} was removed`);
  const broken = [...after.packages].filter(
    ([, { status }]) => !/^(?:[ih]i|rc|un|pn)$/.test(status),
  );
  if (broken.length > 0 || (after.audit !== '' && before.audit === '')) {
    const names = broken.map(([name, { status }]) => `${name} ${status}`);
    problems.push(`dpkg is left with ${names.join(', ') || after.audit}`);
  }
  const emptied = facts.removes?.some((name) => /^linux-image-[a-z]/.test(name)) === true;
  if (!emptied && (after.kernels.length === 0 || images(after).size === 0)) {
    problems.push('no kernel is left');
  }
  if (['refused', 'declined'].includes(outcome) && !samePackages(before, after)) {
    problems.push('something was unpacked all the same');
  }
  if (facts.isUpgrade === true && after.packages.get('other:all')?.version !== '2.0') {
    problems.push('everything else was blocked');
  }
  const shell = /^.*lockstep-guard[^\n]*: (?:line )?\d+: .*$/m.exec(output)?.[0];
  if (shell !== undefined) {
    problems.push(`the guard's shell failed: ${shell}`);
  }
  return { outcome, problems };
}
