import { compareVersions } from '../../src/debian/version.ts';
import type { DkmsOutcome, DkmsResult, LockstepResult, Step } from './results.ts';

/**
 * What an exit status of `dkms build` means (dkms(8); its source in each suite): 77 says that a BUILD_EXCLUSIVE
 * directive does not match, which before DKMS 3 was 9; 13 that BUILD_DEPENDS are missing, which DKMS before 3.1 does
 * not look at.
 *
 * @param dkms DKMS's version
 */
export function outcomeOf(status: number, dkms: string): DkmsOutcome {
  switch (status) {
    case 0:
      return 'built';
    case 13:
      return 'blocked';
    case 77:
      return 'excluded';
    case 9:
      return compareVersions(dkms, '3') < 0 ? 'excluded' : 'failed';
    default:
      return 'failed';
  }
}

/** From the best to the worst: a package with several modules is as good as its worst. */
const LADDER: readonly DkmsOutcome[] = ['built', 'excluded', 'blocked', 'failed', 'absent'];

function worstOf(steps: readonly Step[], dkms: string): Step | undefined {
  const rank = ({ status }: Step): number => LADDER.indexOf(outcomeOf(status, dkms));
  return steps.toSorted((a, b) => rank(b) - rank(a))[0];
}

/** Puts the steps of one package together. @param dkms DKMS's version */
export function summarize(steps: readonly Step[], dkms: string): DkmsResult {
  const of = (...stages: readonly Step['stage'][]): Step[] =>
    steps.filter(({ stage }) => stages.includes(stage));
  const built = worstOf(of('build', 'add'), dkms);
  const decisive = built ?? of('install')[0] ?? of('none')[0];
  const after = worstOf(of('after'), dkms);
  const error = decisive?.error;
  return {
    version: dkms,
    outcome: built === undefined ? 'absent' : outcomeOf(built.status, dkms),
    ...(after === undefined ? {} : { after: outcomeOf(after.status, dkms) }),
    status: decisive?.status ?? -1,
    seconds: of('build').reduce((sum, { seconds }) => sum + seconds, 0),
    ...(error === undefined ? {} : { error }),
    steps: [...steps],
  };
}

/** The verdicts of Lockstep that say the same. */
const SAME: Record<DkmsOutcome, readonly string[]> = {
  built: ['built', 'published'],
  excluded: ['excluded', 'in-tree'],
  blocked: ['blocked'],
  failed: ['failed'],
  absent: ['absent', 'failed', 'broken'],
};

/**
 * Whether both say the same. A module that DKMS builds only after others may be blocked, or be what it is then:
 * Lockstep may build the others first.
 */
export function agree(dkms: DkmsResult, lockstep: LockstepResult): boolean {
  const { verdict } = lockstep;
  if (dkms.after !== undefined) {
    return verdict === 'blocked' || SAME[dkms.after].includes(verdict);
  }
  return SAME[dkms.outcome].includes(verdict);
}
