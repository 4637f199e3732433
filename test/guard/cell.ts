import type { RunResult } from '../../src/programs/run.ts';
import type { Facts, Outcome } from './judge.ts';
import type { Machine, Start } from './machine.ts';
import type { SuiteName } from './suites.ts';
import type { World } from './world.ts';

/** What a cell expects: the same in every suite, or one a suite and for the others `default`. */
export type Expected = Outcome | Readonly<Partial<Record<SuiteName | 'default', Outcome>>>;

/** One operation in one situation. */
export interface Cell extends Facts {
  /** Heading of its part of the table. */
  group: string;
  /** Its row, and its name for `--cell`. */
  name: string;
  /** Where it makes sense; everywhere unless given. */
  suites?: readonly SuiteName[];
  /** `guarded` unless given. */
  start?: Start;
  /** What is done before the archives change. */
  before?: (machine: Machine) => Promise<void>;
  /** What the archives have; read by `apt-get update`. */
  world: World;
  /** What is done after the machine has read that. */
  prepare?: (machine: Machine) => Promise<void>;
  /** The operation. Words that begin with `@` are replaced, as `words` says. */
  command: readonly string[] | ((machine: Machine) => Promise<RunResult>);
  expected: Expected;
  /** A kernel is held by what apt itself does: the guard can't say so. */
  isSilent?: boolean;
  /** What else must be true; what is not, in words. */
  check?: (machine: Machine, output: string) => Promise<string[]>;
  /**
   * The archives once all modules are published, and the operation then, by which kernel and modules come together.
   * None when undefined.
   */
  later?: { world: World; command?: readonly string[] } | undefined;
}

/** The outcome that a cell expects in a suite. */
export function expectedIn({ expected }: Cell, suite: SuiteName): Outcome {
  if (typeof expected === 'string') {
    return expected;
  }
  const outcome = expected[suite] ?? expected.default;
  if (outcome === undefined) {
    throw new Error(`nothing is expected in ${suite}`);
  }
  return outcome;
}
