import { z } from 'zod';

/** How DKMS ended for a package and a kernel. `absent`: it has no dkms.conf, or can't be installed in its own suite. */
export const DKMS_OUTCOMES = ['built', 'excluded', 'blocked', 'failed', 'absent'] as const;
export type DkmsOutcome = (typeof DKMS_OUTCOMES)[number];

/** The steps of `try-package.sh`. */
export const STAGES = ['install', 'none', 'add', 'build', 'depend', 'after'] as const;

export const stepSchema = z.object({
  stage: z.enum(STAGES),
  /** The module as DKMS names it; a package's name where there is none. */
  name: z.string(),
  version: z.string(),
  /** Exit status; 124 and 137 are a time-out's. */
  status: z.number(),
  seconds: z.number(),
  /** The log's line that tells most, when the status is not 0. */
  error: z.string().optional(),
});
export type Step = z.infer<typeof stepSchema>;

export const dkmsResultSchema = z.object({
  /** DKMS's own version. */
  version: z.string(),
  outcome: z.enum(DKMS_OUTCOMES),
  /** The outcome once the modules were installed that it needs; only for packages with BUILD_DEPENDS. */
  after: z.enum(DKMS_OUTCOMES).optional(),
  status: z.number(),
  seconds: z.number(),
  error: z.string().optional(),
  steps: z.array(stepSchema),
});
export type DkmsResult = z.infer<typeof dkmsResultSchema>;

export const lockstepResultSchema = z.object({
  verdict: z.string(),
  reason: z.string(),
  /** Of its build, when it has one. */
  seconds: z.number().optional(),
});
export type LockstepResult = z.infer<typeof lockstepResultSchema>;

export const packageResultSchema = z.object({
  package: z.string(),
  version: z.string(),
  component: z.string(),
  /** Version of the kernel's headers package. */
  kernelVersion: z.string(),
  /** Packages installed beside its own dependencies: build-packages.yaml. */
  more: z.array(z.string()),
  dkms: dkmsResultSchema.optional(),
  lockstep: lockstepResultSchema.optional(),
});
export type PackageResult = z.infer<typeof packageResultSchema>;

/** What is kept of one suite × release. */
export const resultsSchema = z.object({
  suite: z.string(),
  release: z.string(),
  flavour: z.string(),
  results: z.array(packageResultSchema),
});
export type Results = z.infer<typeof resultsSchema>;
