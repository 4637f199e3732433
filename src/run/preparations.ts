import type { Target } from '../model/plans.ts';
import type { Context } from './context.ts';
import { prepareAll } from './prepare-all.ts';
import type { Survey } from './survey.ts';

/** Targets that are prepared in one go. */
const TOGETHER = 24;
/** So many of the next ones are prepared while others are built. */
const AHEAD = 6;

/**
 * What builds need is fetched and unpacked for some targets at once, as many as are about to begin: the first build does
 * not wait for the downloads of the last.
 */
export class Preparations {
  readonly #context: Context;
  readonly #going = new Map<string, Promise<unknown>>();

  constructor(context: Context) {
    this.#context = context;
  }

  /**
   * Waits until a target is prepared, or could not be, which its build then tells of.
   *
   * @param upcoming the targets that wait to be built, in their order
   * @throws LockstepError INTERRUPTED, DISK_FULL
   */
  async of(
    [key, target]: readonly [string, Target],
    survey: Survey,
    upcoming: readonly (readonly [string, Target])[],
  ): Promise<void> {
    await (this.#going.get(key) ?? this.#begin(survey, [[key, target], ...upcoming]));
    // What has begun needs it no more.
    this.#going.delete(key);
    if (upcoming.slice(0, AHEAD).some(([next]) => !this.#going.has(next))) {
      // Whoever waits for these hears what went wrong.
      this.#begin(survey, upcoming).catch(() => undefined);
    }
  }

  #begin(survey: Survey, targets: readonly (readonly [string, Target])[]): Promise<unknown> {
    const some = targets.filter(([key]) => !this.#going.has(key)).slice(0, TOGETHER);
    const going = prepareAll(
      this.#context,
      survey,
      some.map(([, target]) => target),
    );
    for (const [key] of some) {
      this.#going.set(key, going);
    }
    going.catch(() => {
      for (const [key] of some) {
        this.#going.delete(key);
      }
    });
    return going;
  }
}
