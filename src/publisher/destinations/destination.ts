/** What a push changed. */
export interface Pushed {
  /** Files that were written or removed there. */
  changed: number;
}

/**
 * Somewhere that a published repository is brought to, besides the folder that it is published in. One that is made
 * for another kind of place keeps these promises:
 *
 * - Whoever reads there finds every suite whole at every instant, also while a push is at work, and after one that was
 *   cut short at any point: packages and indices by hash first, then plain indices, then each InRelease at once;
 *   what is old goes last, and only what no kept state names, and not the state that was there before.
 * - A push that fails leaves the suites as they were; the next one goes on.
 * - What is not Lockstep's there stays.
 */
export interface Destination {
  /** For messages. */
  readonly name: string;
  /**
   * Brings the repository there, as it is in its folder, which nobody changes meanwhile.
   *
   * @throws LockstepError DESTINATION_FAILED, ENVIRONMENT (a program is missing), INTERRUPTED
   */
  push(signal?: AbortSignal): Promise<Pushed>;
}
