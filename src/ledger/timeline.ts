import * as path from 'node:path';
import { z } from 'zod';
import type { Arrival, Outcome } from '../model/timeline.ts';
import { LineFile } from './lines.ts';

const instant = z.iso.datetime();

const arrival = { at: instant, suite: z.string(), released: instant.optional() };

const arrivalSchema = z.discriminatedUnion('type', [
  z.object({
    type: z.literal('kernel'),
    ...arrival,
    release: z.string(),
    architecture: z.string(),
    version: z.string(),
  }),
  z.object({ type: z.literal('module'), ...arrival, module: z.string(), version: z.string() }),
]) satisfies z.ZodType<Arrival>;

const outcome = {
  at: instant,
  suite: z.string(),
  module: z.string(),
  moduleVersion: z.string(),
  release: z.string(),
  architecture: z.string(),
  kernelVersion: z.string(),
};

const outcomeSchema = z.discriminatedUnion('type', [
  z.object({ type: z.literal('published'), ...outcome }),
  z.object({
    type: z.literal('failed'),
    ...outcome,
    reason: z.string(),
    key: z.string().optional(),
  }),
  z.object({ type: z.literal('mended'), ...outcome }),
]) satisfies z.ZodType<Outcome>;

/**
 * What lag is computed from, and what the feed tells: when kernels and module versions came into the suites, and how
 * targets fared. Both files only grow; a thing is noted once.
 *
 *     arrivals.jsonl   one line a kernel × suite and a module version × suite
 *     outcomes.jsonl   one line a target that was published for the first time, failed or was mended
 */
export class Timeline {
  readonly arrivals: LineFile<Arrival>;
  readonly outcomes: LineFile<Outcome>;

  constructor(directory: string) {
    this.arrivals = new LineFile(
      path.join(directory, 'arrivals.jsonl'),
      arrivalSchema,
      'when kernels and modules came is not known then',
    );
    this.outcomes = new LineFile(
      path.join(directory, 'outcomes.jsonl'),
      outcomeSchema,
      'what was published is noted anew, earlier failures are forgotten',
    );
  }
}
