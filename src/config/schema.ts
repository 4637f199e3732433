import { z } from 'zod';

const packageName = z
  .string()
  .regex(/^[a-z0-9][a-z0-9+.-]+$/, 'is not a Debian package name (Policy 5.6.1)');
const suiteName = z.string().regex(/^[a-z0-9][a-z0-9./-]*$/, 'is not a suite name');
const componentName = z.string().regex(/^[a-z0-9][a-z0-9/-]*$/, 'is not a component name');
const architectureName = z.string().regex(/^[a-z0-9][a-z0-9-]*$/, 'is not an architecture name');
const oneLine = z
  .string()
  .min(1)
  .max(100)
  // eslint-disable-next-line no-control-regex -- control characters are what it refuses
  .regex(/^[^\u0000-\u001f\u007f]+$/, 'must be one line of text');

const repository = z
  .strictObject({
    origin: oneLine.describe('Name of the repository: its Release Origin and the name of its key'),
    directory: z.string().min(1).describe('Folder that is published, relative to this file'),
    url: z
      .url({ protocol: /^(https?|file)$/ })
      .default('http://localhost:8473')
      .describe('Address at which administrators reach the directory'),
    maintainer: oneLine
      .regex(/^[^<>]+ <[^<>@\s]+@[^<>@\s]+>$/, 'must look like "Name <mail@example.org>"')
      .optional()
      .describe('Maintainer of the packages that are built'),
  })
  .describe('What Lockstep publishes');

const archive = z.strictObject({
  suites: z.array(suiteName).min(1).describe('Suites that a machine of this release uses together'),
  components: z.array(componentName).min(1).default(['main']),
  publish: suiteName
    .regex(/^[a-z0-9][a-z0-9.-]*$/, 'is not a suite name')
    .optional()
    .describe('Name of the published suite; the first of `suites` by default'),
  mirror: z
    .url({ protocol: /^(https?|file|ftp)$/ })
    .optional()
    .describe("Address of the mirror; the machine's own apt configuration by default"),
  keyring: z
    .string()
    .min(1)
    .optional()
    .describe('File with the archive keys; Debian’s keyring by default'),
  checkValidUntil: z
    .boolean()
    .default(true)
    .describe('Refuse a Release file that is past its Valid-Until'),
});

const kernels = z
  .strictObject({
    architectures: z.array(architectureName).min(1).default(['amd64']),
    flavours: z
      .union([z.literal('all'), z.array(z.string().min(1)).min(1)], {
        error: 'must be `all` or a list of flavours',
      })
      .default('all')
      .describe('`all`, or the flavours wanted (`amd64`, `cloud-amd64` ...)'),
    abis: z
      .union([z.literal('newest'), z.literal('all'), z.int().min(1)], {
        error: 'must be `newest`, `all` or a whole number from 1 on',
      })
      .default('newest')
      .describe('`newest`, `all`, or how many of the newest of each flavour'),
  })
  .prefault({});

const module = z.strictObject({
  package: packageName.describe('A DKMS package of the suites above'),
  initramfs: z
    .boolean()
    .optional()
    .describe('Rebuild the initramfs when the module is installed (modules needed at boot)'),
});

const limits = z
  .strictObject({
    evaluateSeconds: z.number().positive().default(20).describe('Wall time of one dkms.conf'),
    buildMinutes: z.number().positive().default(60).describe('Wall time of one build'),
    logMegabytes: z.number().positive().default(32).describe('Output of one build'),
    fileMegabytes: z.number().positive().default(4096).describe('Largest file of a build'),
    processes: z.int().min(64).default(4096).describe('Processes and threads of one build'),
  })
  .prefault({});

/** Refuses a list in which two entries have the same name; the later one is where the error stands. */
function unique<Entry>(
  namesOf: (entry: Entry) => readonly string[],
  what: string,
): z.core.CheckFn<Entry[]> {
  return (payload) => {
    const seen = new Set<string>();
    for (const [index, entry] of payload.value.entries()) {
      for (const name of namesOf(entry)) {
        if (seen.has(name)) {
          payload.issues.push({
            code: 'custom',
            message: `the ${what} ${name} is named twice`,
            path: [index],
            input: entry,
          });
        }
        seen.add(name);
      }
    }
  };
}

/** The configuration file's shape; unknown keys are errors. */
export const configSchema = z.strictObject({
  repository,
  state: z
    .string()
    .min(1)
    .default('./lockstep-state')
    .describe('Folder for keys, ledger and caches, relative to this file'),
  archives: z
    .array(archive)
    .min(1)
    .check(unique((entry) => [entry.publish ?? entry.suites[0] ?? ''], 'published suite')),
  kernels,
  modules: z
    .array(module)
    .min(1)
    .check(unique((entry) => [entry.package], 'package')),
  jobs: z
    .int()
    .min(1)
    .max(1024)
    .optional()
    .describe('Builds at once; the number of cores by default'),
  limits,
});

export type ConfigFile = z.output<typeof configSchema>;
export type ArchiveConfig = ConfigFile['archives'][number];
export type ModuleConfig = ConfigFile['modules'][number];
export type Limits = ConfigFile['limits'];

/** A configuration with every path made absolute. */
export interface Config extends ConfigFile {
  /** The file it was read from, absolute. */
  file: string;
}

/** The JSON Schema (2020-12) of the configuration, for editors. */
export function configJsonSchema(): object {
  return z.toJSONSchema(configSchema, { io: 'input' });
}
