import type { Behaviour, SteerableMirror } from '../support/steerable-mirror.ts';
import type { Random } from './random.ts';
import { SUITE } from './world.ts';

const RELEASE = `dists/${SUITE}/InRelease`;
const KINDS = ['503', 'reset', 'truncated', 'short', 'flipped', 'stale'] as const;

function behaviourOf(kind: Exclude<(typeof KINDS)[number], 'stale'>): Behaviour {
  return kind === '503' ? { kind: 'status', status: 503 } : { kind };
}

/** A mirror that goes wrong for a while in some way. */
export class Flaky {
  readonly #mirror: SteerableMirror;
  readonly #random: Random;
  #old: Buffer | undefined;

  constructor(mirror: SteerableMirror, random: Random) {
    this.#mirror = mirror;
    this.#random = random;
  }

  /** Keeps the Release file as it is now, for a mirror that is stuck with it later. */
  remember(): void {
    this.#old = this.#mirror.own(RELEASE) ?? this.#old;
  }

  /** @returns how, in words */
  begin(): string {
    const kind = this.#random.oneOf(KINDS);
    if (kind === 'stale') {
      this.#mirror.steer(/InRelease$/, { kind: 'swapped', body: this.#old ?? Buffer.alloc(0) });
      return 'the mirror is stuck';
    }
    const where = this.#random.oneOf([/InRelease$/, /Packages/, /\/pool\//, /./]);
    this.#mirror.steer(where, behaviourOf(kind));
    return `the mirror answers ${where.source} with ${kind}`;
  }

  end(): void {
    this.#mirror.calm();
  }
}
