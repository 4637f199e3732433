/** Something to run, once. */
export interface Job {
  id: string;
  /** Expected wall seconds: longer jobs begin first, so that the last one to end ends early. */
  weight: number;
  /** Jobs of a lower rank begin first, whatever their weight; 0 unless given. */
  rank?: number;
  run: (signal: AbortSignal) => Promise<void>;
}

/**
 * Runs jobs. Holds no truth: what a job did stands in the ledger, and an engine can be emptied and planned anew.
 */
export interface Engine {
  /**
   * Runs all jobs to their end. A job that throws stops nothing else.
   *
   * @param signal when it fires, running jobs are told and no other begins
   * @returns what each failed job threw, by id
   */
  run(jobs: readonly Job[], signal: AbortSignal): Promise<Map<string, Error>>;
}
