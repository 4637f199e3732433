/** What is true of a target; DESIGN's vocabulary. Every target has exactly one. */
export const VERDICTS = [
  'published',
  'built',
  'building',
  'queued',
  'in-tree',
  'excluded',
  'failed',
  'broken',
  'blocked',
  'headers-gone',
  'retired',
] as const;

export type Verdict = (typeof VERDICTS)[number];

export interface VerdictMeaning {
  /** Who must act, as a sentence for people. */
  action: string;
  /** Whether a run can end with it: nothing is left to do that Lockstep could do now. */
  final: boolean;
}

export const VERDICT_MEANINGS: Record<Verdict, VerdictMeaning> = {
  published: { action: 'no action required', final: true },
  built: { action: 'no action required: it is published by the next run', final: false },
  building: { action: 'no action required: it is being built', final: false },
  queued: { action: 'no action required: it is built by the next run', final: false },
  'in-tree': { action: 'no action required: the kernel brings the module', final: true },
  excluded: {
    action: 'no action required: the module says that it is not for this kernel',
    final: true,
  },
  failed: { action: "the module's maintainer: it does not compile for this kernel", final: true },
  broken: {
    action: 'whoever runs Lockstep: something here went wrong; it is tried again',
    final: false,
  },
  blocked: { action: 'no action required here: another module has to be built first', final: true },
  'headers-gone': {
    action: 'nobody: the archive has no headers for this kernel any more',
    final: true,
  },
  retired: { action: 'no action required: the kernel has left Debian', final: true },
};
