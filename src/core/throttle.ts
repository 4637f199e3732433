/**
 * Does the same work again and again as it is asked for: one at a time, whatever was asked for meanwhile is one more,
 * and for no more than a share of the time, unless it would have to rest too long for that. The first time is at once.
 */
export class Throttle {
  readonly #work: () => Promise<void>;
  readonly #share: number;
  readonly #longestRest: number;
  #isAsked = false;
  #working: Promise<void> | undefined;
  #timer: NodeJS.Timeout | undefined;
  /** Milliseconds since 1970: before this it rests. */
  #restsUntil = 0;

  /**
   * @param work must not throw
   * @param share the part of the time that the work may take, above 0 and at most 1
   * @param longestRest milliseconds after which it goes on in any case: what comes meanwhile makes the next time longer, and the
   *   rest after it, for ever where what comes takes more than the share
   */
  constructor(
    work: () => Promise<void>,
    share: number,
    longestRest: number = Number.POSITIVE_INFINITY,
  ) {
    this.#work = work;
    this.#share = share;
    this.#longestRest = longestRest;
  }

  /** Says that there is something to do; returns at once. */
  ask(): void {
    this.#isAsked = true;
    if (this.#working !== undefined || this.#timer !== undefined) {
      return;
    }
    const rest = this.#restsUntil - Date.now();
    if (rest <= 0) {
      void this.flush();
      return;
    }
    this.#timer = setTimeout(() => void this.flush(), rest);
  }

  /** Does at once what was asked for, and waits until nothing is left to do. */
  async flush(): Promise<void> {
    while (this.#working !== undefined) {
      await this.#working;
    }
    clearTimeout(this.#timer);
    this.#timer = undefined;
    // What is asked for while others wait here is done by the first of them.
    if (this.#isAsked) {
      this.#isAsked = false;
      this.#working = this.#workOnce();
      await this.#working;
    }
  }

  async #workOnce(): Promise<void> {
    const began = Date.now();
    await this.#work();
    const took = Date.now() - began;
    this.#restsUntil = Date.now() + Math.min(this.#longestRest, took * (1 / this.#share - 1));
    this.#working = undefined;
    if (this.#isAsked) {
      this.ask();
    }
  }
}
