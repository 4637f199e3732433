import type { Verdict } from './verdicts.ts';

/** What the parts say while they work; terminal, log, JSON and pages only present it. */
export type LockstepEvent =
  | { type: 'phase'; phase: Phase; detail: string }
  | { type: 'phase-done'; phase: Phase; seconds: number; detail: string }
  | { type: 'warning'; code: string; message: string }
  | { type: 'fetch'; what: string; bytes: number }
  | { type: 'plan'; total: number; queued: number }
  | { type: 'target-started'; module: string; release: string }
  | {
      type: 'target-done';
      module: string;
      release: string;
      verdict: Verdict;
      reason: string;
      seconds: number;
    }
  | { type: 'published'; suite: string; packages: number; added: string[]; removed: string[] }
  | { type: 'unchanged' };

export type Phase =
  | 'setup'
  | 'archive'
  | 'kernels'
  | 'plan'
  | 'fetch'
  | 'build'
  | 'package'
  | 'publish'
  | 'cache';

export type Emit = (event: LockstepEvent) => void;
