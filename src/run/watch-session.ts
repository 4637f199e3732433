import { asError, LockstepError } from '../core/errors.ts';
import { Throttle } from '../core/throttle.ts';
import type { Job } from '../engine/engine.ts';
import { JobQueue } from '../engine/queue.ts';
import type { Kernel } from '../model/kernels.ts';
import type { Plan, Target } from '../model/plans.ts';
import type { BuildRecord } from '../model/records.ts';
import { queuedOf } from './build-all.ts';
import { buildJob, Expectations } from './build-jobs.ts';
import { isSuspect } from './build-target.ts';
import type { Context } from './context.ts';
import { TreesOfArchives } from './kernel-trees.ts';
import { noteKernels, planSurvey } from './plan.ts';
import { Preparations } from './preparations.ts';
import { publishAll, tellPublished } from './publish.ts';
import { pushAfterRun } from './push.ts';
import { clearCache } from './run.ts';
import { type Survey, surveyArchives } from './survey.ts';
import { isDue, LONG_SECONDS, rankOf } from './urgency.ts';
import { writeSiteAfterRun } from './write-site.ts';

/** The part of the time that planning, publishing and writing the site may take while builds go on. */
const SETTLING_SHARE = 0.1;
/** Milliseconds that what is built waits for it at most, beside the time that it takes. */
const SETTLING_REST = 20_000;

/** What came of a session. */
export interface SessionEnd {
  built: number;
  /** Whether a package was published or taken out. */
  changed: boolean;
  /** What kept something from being built or published. */
  error: Error | undefined;
  /** Whether it ended with targets left, because another command waits for the state folder. */
  isYielding: boolean;
  /** Whether another command waited for the state folder when it was given back. */
  isWanted: boolean;
}

/**
 * The builds that are in work, and the looks at the archives that go on meanwhile: each look says anew what is to be
 * built and in which order, what is built is published along. The state folder is held for as long as it goes on.
 */
export class WatchSession {
  readonly #context: Context;
  readonly #queue: JobQueue;
  readonly #settling: Throttle;
  readonly #trees: TreesOfArchives;
  readonly #preparations: Preparations;
  readonly #expectations: Expectations;
  /** Keys that were begun since the last look: a build that leaves no record is tried again by the next one. */
  readonly #begun = new Set<string>();
  readonly #done = new Map<string, Target>();
  /** Those that wait, in their order. */
  #wanted = new Map<string, Target>();
  #survey: Survey | undefined;
  /** What the last look has found, until it is noted. */
  #seen: Survey | undefined;
  #isChanged = false;
  /** Whether destinations are to be brought in step even if nothing changes. */
  #isPushDue = true;
  /** Whether every destination was reached since the last look: one that is not holds nothing back. */
  #isReached = true;
  /** What kept a build from leaving a record. */
  #failure: Error | undefined;
  /** What kept the last plan from being published. */
  #unsettled: Error | undefined;

  constructor(context: Context) {
    this.#context = context;
    this.#trees = new TreesOfArchives(context);
    this.#preparations = new Preparations(context);
    this.#expectations = new Expectations(context.ledger.all());
    this.#settling = new Throttle(() => this.#settle(), SETTLING_SHARE, SETTLING_REST);
    this.#queue = new JobQueue({
      slots: context.jobs,
      longSeconds: LONG_SECONDS,
      signal: context.signal,
      mayBegin: () => !context.isWanted(),
      onEnd: (_key, error) => this.#ended(error),
    });
  }

  /**
   * Looks at the archives: what is new joins the builds, what is gone and has not begun leaves them.
   *
   * @throws LockstepError what kept the archives from being read; the builds go on
   */
  async look(): Promise<void> {
    this.#seen = await surveyArchives(this.#context, { refresh: true });
    this.#isReached = true;
    this.#isPushDue = true;
    this.#settling.ask();
    // While builds go on a look takes no more of the machine from them than what they give it.
    if (this.#queue.running.size === 0) {
      await this.#settling.flush();
    }
  }

  /** Resolves when nothing is in work, and all that was built is published or could not be. */
  async rest(): Promise<void> {
    do {
      await this.#queue.idle();
      await this.#settling.flush();
    } while (this.#queue.running.size > 0);
  }

  /** Begins no further builds, waits for those in work, and gives the state folder back. */
  async close(): Promise<SessionEnd> {
    const isYielding = this.#queue.waiting > 0;
    let isWanted = false;
    this.#wanted.clear();
    this.#queue.replace([]);
    try {
      await this.rest();
      if (this.#done.size > 0 && !this.#context.signal.aborted) {
        await clearCache(this.#context);
      }
    } catch (error) {
      this.#failure ??= asError(error);
    } finally {
      isWanted = this.#context.isWanted();
      await this.#context.close();
    }
    const error = this.#failure ?? this.#unsettled;
    return { built: this.#done.size, changed: this.#isChanged, error, isYielding, isWanted };
  }

  #ended(error: Error | undefined): void {
    if (error === undefined || this.#context.signal.aborted) {
      return;
    }
    this.#failure ??= error;
    if (error instanceof LockstepError && error.code === 'DISK_FULL') {
      // Each further one would meet it too.
      this.#wanted.clear();
      this.#queue.replace([]);
      this.#survey = undefined;
    }
  }

  /** Plans by what is known now: hands out builds, publishes what is built, writes the site. */
  async #settle(): Promise<void> {
    const context = this.#context;
    if (context.signal.aborted) {
      return;
    }
    try {
      const survey = await this.#newestSurvey();
      if (survey === undefined) {
        return;
      }
      const plan = await planSurvey(context, survey);
      this.#handOut(survey, plan);
      const { failure, ...published } = await publishAll(context, { survey, plan });
      tellPublished(context, published);
      this.#isChanged ||= published.changed;
      await writeSiteAfterRun(context, survey, published.changed ? undefined : plan);
      await this.#push(published.changed);
      this.#unsettled = failure;
    } catch (error) {
      this.#unsettled = asError(error);
    }
    if (this.#unsettled !== undefined && !context.signal.aborted) {
      const { message } = this.#unsettled;
      context.emit({ type: 'warning', code: 'PUBLISH_DELAYED', message });
    }
  }

  /** After a failure the next look tries again. */
  async #push(isChanged: boolean): Promise<void> {
    if (this.#isReached && (isChanged || this.#isPushDue)) {
      const pushes = await pushAfterRun(this.#context);
      this.#isPushDue = false;
      this.#isReached = pushes.every(({ error }) => error === undefined);
    }
  }

  async #newestSurvey(): Promise<Survey | undefined> {
    if (this.#seen !== undefined) {
      await noteKernels(this.#context, this.#seen);
      this.#survey = this.#seen;
      this.#seen = undefined;
      this.#failure = undefined;
      this.#begun.clear();
    }
    return this.#survey;
  }

  #handOut(survey: Survey, plan: Plan): void {
    const context = this.#context;
    const now = new Date();
    const queued = queuedOf(plan).filter(
      (target) => !this.#begun.has(target.key ?? '') && isDue(target, now),
    );
    const suspects = [...this.#done].filter(([, target]) => isSuspect(context, survey, target));
    const { running } = this.#queue;
    const wanted = new Map(
      [...queued.map((target): [string, Target] => [target.key ?? '', target]), ...suspects].filter(
        ([key]) => !running.has(key),
      ),
    );
    const isNew = [...wanted.keys()].some((key) => !this.#wanted.has(key));
    this.#wanted = wanted;
    this.#queue.replace(this.#jobsOf(survey));
    if (isNew) {
      const left = this.#queue.waiting + this.#queue.running.size;
      context.emit({ type: 'plan', total: plan.targets.length, queued: left });
    }
  }

  #jobsOf(survey: Survey): Job[] {
    const newest = new Set<Kernel>(
      survey.suites.flatMap(({ kernels }) =>
        kernels.filter(({ tracks }) => tracks.length > 0).map(({ kernel }) => kernel),
      ),
    );
    return [...this.#wanted].map(([key, target]) =>
      buildJob(this.#context, survey, [key, target], {
        trees: this.#trees,
        expectations: this.#expectations,
        rankOf: (of, seconds) => rankOf(of, newest.has(of.kernel), seconds),
        prepared: () => this.#prepare(survey, key, target),
        onBuilt: (record) => this.#built(record, target),
      }),
    );
  }

  async #prepare(survey: Survey, key: string, target: Target): Promise<void> {
    this.#begun.add(key);
    this.#wanted.delete(key);
    const upcoming = this.#queue.upcoming().flatMap((id): [string, Target][] => {
      const next = this.#wanted.get(id);
      return next === undefined ? [] : [[id, next]];
    });
    await this.#preparations.of([key, target], survey, upcoming);
  }

  #built({ key }: BuildRecord, target: Target): void {
    this.#done.set(key, target);
    this.#settling.ask();
  }
}
