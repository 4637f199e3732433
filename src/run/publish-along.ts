import type { Context } from './context.ts';
import { planSurvey } from './plan.ts';
import { publishAll, tellPublished } from './publish.ts';
import { pushAfterRun } from './push.ts';
import type { Survey } from './survey.ts';

/**
 * Publishes what is built while other builds go on. One publication at a time: what ends meanwhile is in the next one.
 */
export class PublishAlong {
  readonly #context: Context;
  readonly #survey: Survey;
  #isWanted = false;
  #isReached = true;
  #work: Promise<void> | undefined;

  constructor(context: Context, survey: Survey) {
    this.#context = context;
    this.#survey = survey;
  }

  /** Says that something was built; returns at once. */
  note(): void {
    this.#isWanted = true;
    this.#work ??= this.#publish();
  }

  /** Waits until all that was noted is published, or could not be: the run's own publication tells of that. */
  async end(): Promise<void> {
    await this.#work;
  }

  /** A destination that is out of reach holds nothing back: the run's end tries again. */
  async #push(isChanged: boolean): Promise<void> {
    if (isChanged && this.#isReached) {
      const pushes = await pushAfterRun(this.#context);
      this.#isReached = pushes.every(({ error }) => error === undefined);
    }
  }

  async #publish(): Promise<void> {
    const { emit, signal } = this.#context;
    try {
      while (this.#isWanted && !signal.aborted) {
        this.#isWanted = false;
        const plan = await planSurvey(this.#context, this.#survey);
        const published = await publishAll(this.#context, { survey: this.#survey, plan });
        tellPublished(this.#context, published);
        await this.#push(published.changed);
      }
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      emit({ type: 'warning', code: 'PUBLISH_DELAYED', message });
    } finally {
      this.#work = undefined;
    }
  }
}
