import { z } from 'zod';
import { type ArchiveConfig, archive, checkArchives, namesOf } from './archives.ts';
import { destination } from './destinations.ts';
import { checkModules, module, publishPolicy } from './modules.ts';
import { architectureName } from './names.ts';

const oneLine = z
  .string()
  .min(1)
  .max(100)
  // eslint-disable-next-line no-control-regex -- control characters are what it refuses
  .regex(/^[^\u0000-\u001f\u007f]+$/, 'must be one line of text');

const signing = z
  .strictObject({
    home: z
      .string()
      .min(1)
      .optional()
      .describe("GnuPG home of a key of the administrator's own, relative to this file"),
    key: z
      .string()
      .transform((text) => text.replace(/ /g, '').toUpperCase())
      .pipe(z.string().regex(/^[0-9A-F]{40}$/, 'must be a fingerprint of 40 hex digits'))
      .optional()
      .describe("Fingerprint of that key's primary key"),
    overlapDays: z
      .number()
      .min(0)
      .default(30)
      .describe(
        'Days for which both keys sign at least, from when machines could first get the next one',
      ),
  })
  .refine(({ home, key }) => (home === undefined) === (key === undefined), {
    error: '`home` and `key` go together',
  })
  .prefault({})
  .describe('What the repository is signed with; a key made by Lockstep unless given');

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
    validDays: z
      .number()
      .positive()
      .optional()
      .describe(
        'Days after which clients refuse an index that was not signed anew (Valid-Until); a run signs it after half of them. For ever unless given',
      ),
    signing,
    destinations: z
      .array(destination)
      .default([])
      .describe(
        'Where the repository is brought to, besides the directory, whenever it has changed',
      ),
    publish: publishPolicy
      .default('free')
      .describe('`free`: modules from main alone; `nonfree`: those from contrib and non-free too'),
  })
  .describe('What Lockstep publishes');

const kernels = z
  .strictObject({
    architectures: z
      .union([z.literal('all'), z.array(architectureName).min(1)], {
        error: 'must be `all` or a list of architectures',
      })
      .default(['amd64'])
      .describe('`all`: every architecture that the suites list; or a list'),
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

const retention = z
  .strictObject({
    graceDays: z
      .number()
      .min(0)
      .default(90)
      .describe('Days that a package stays after its kernel has left Debian'),
  })
  .prefault({});

const notify = z
  .strictObject({
    command: z
      .string()
      .min(1)
      .optional()
      .describe('Program that gets each notice as JSON on standard input'),
    mail: z
      .array(z.string().regex(/^[^\s<>,@-][^\s<>,@]*@[^\s<>,@]+$/, 'must be a mail address'))
      .min(1)
      .optional()
      .describe("Addresses that are told by the system's sendmail"),
    webhook: z
      .url({ protocol: /^https?$/ })
      .optional()
      .describe('Address that gets each notice as JSON by POST'),
  })
  .prefault({})
  .describe('Who is told when a module fails for a kernel, and when it is mended');

const UNITS: Readonly<Record<string, number>> = { K: 2 ** 10, M: 2 ** 20, G: 2 ** 30, T: 2 ** 40 };

const size = z
  .string()
  .regex(/^\d+(?:\.\d+)?[KMGT]$/, 'must be a size such as 20G or 500M')
  .transform((text) => Number(text.slice(0, -1)) * (UNITS[text.slice(-1)] ?? 1));

const cache = z
  .strictObject({
    size: size
      .prefault('20G')
      .describe(
        'What downloads, unpacked packages, roots and compilations may take between runs; the longest unused go first',
      ),
    objects: z
      .boolean()
      .default(true)
      .describe('Keep what is compiled, so that the next kernel compiles only what differs'),
    checkEvery: z
      .int()
      .min(0)
      .default(20)
      .describe(
        'Of so many builds that took from another kernel one is made clean too and compared; 0: none',
      ),
  })
  .prefault({});

const limits = z
  .strictObject({
    evaluateSeconds: z.number().positive().default(20).describe('Wall time of one dkms.conf'),
    buildMinutes: z.number().positive().default(60).describe('Wall time of one build'),
    logMegabytes: z.number().positive().default(32).describe('Output of one build'),
    fileMegabytes: z.number().positive().default(4096).describe('Largest file of a build'),
    memoryMegabytes: z
      .number()
      .positive()
      .default(8192)
      .describe('Memory of one build, all its processes together'),
    processes: z.int().min(64).default(4096).describe('Processes and threads of one build'),
  })
  .prefault({});

/** Every suite or archive that a module names has to be one of the configuration. */
const checkFrom: z.core.CheckFn<{
  archives: readonly ArchiveConfig[];
  modules: readonly { from?: string[] | undefined }[];
}> = ({ value, issues }) => {
  const known = new Set(['own', ...value.archives.flatMap(namesOf)]);
  for (const [index, { from = [] }] of value.modules.entries()) {
    for (const [place, name] of from.entries()) {
      const isTwice = from.indexOf(name) !== place;
      if (!known.has(name) || isTwice) {
        issues.push({
          code: 'custom',
          message: isTwice
            ? `${name} is named twice`
            : `no archive has the suite ${name}; there are ${[...known].join(', ')}`,
          path: ['modules', index, 'from', place],
          input: name,
        });
      }
    }
  }
};

/** The configuration file's shape; unknown keys are errors. */
export const configSchema = z
  .strictObject({
    repository,
    state: z
      .string()
      .min(1)
      .default('./lockstep-state')
      .describe('Folder for keys, ledger and caches, relative to this file'),
    archives: z.array(archive).min(1).check(checkArchives),
    kernels,
    modules: z.array(module).min(1).check(checkModules),
    retention,
    cache,
    toolchain: z
      .enum(['keep', 'rebuild'])
      .default('keep')
      .describe('Whether good builds are made again when only compiler and tools have changed'),
    jobs: z
      .int()
      .min(1)
      .max(1024)
      .optional()
      .describe('Builds at once; the number of cores by default'),
    notify,
    limits,
  })
  .check(checkFrom);

export type ConfigFile = z.output<typeof configSchema>;
export type { ModuleConfig } from './modules.ts';
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
