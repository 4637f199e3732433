import { z } from 'zod';
import { moduleNameOf } from '../debian/module-name.ts';
import { parseConditions } from '../debian/condition.ts';
import type { SourceOrigin, SourceRequest } from '../model/sources.ts';
import { GIT_COMMIT, GIT_TAG, GIT_URL } from '../programs/git.ts';
import { packageName, suiteName } from './names.ts';

/** What may be published: `free` is Debian's main. */
export const publishPolicy = z.enum(['free', 'nonfree']);
export type PublishPolicy = z.output<typeof publishPolicy>;

const koName = z
  .string()
  .regex(/^[A-Za-z0-9][A-Za-z0-9_.+~-]{0,127}$/, 'is not a module name')
  .refine((name) => !/\.k?o$/.test(name), 'must be without `.ko`');

/** A path below a source. */
const below = z
  .string()
  .regex(
    /^[A-Za-z0-9_+~][\w.+~@-]*(\/[A-Za-z0-9_+~][\w.+~@-]*)*$/,
    'must be a folder of the source, like `drivers/x`',
  );

const built = z.strictObject({
  name: koName.describe('Module file without `.ko`'),
  location: below.optional().describe('Folder of the source in which it is after the build'),
  installed: koName.optional().describe('Name to install it under; its own by default'),
});

const patch = z.strictObject({
  file: z.string().min(1).describe('Patch, applied by `patch -p1`; relative to this file'),
  kernels: z
    .string()
    .refine(
      (text) => parseConditions(text) !== undefined,
      'must be conditions on a kernel version like ">= 6.12, << 6.17"',
    )
    .optional()
    .describe(
      'Upstream versions of the kernels that it is for, like ">= 6.12, << 6.17"; all by default',
    ),
});

const SOURCES = ['package', 'directory', 'tarball', 'git'] as const;

export const module = z.strictObject({
  package: packageName.optional().describe('A DKMS package of the suites above'),
  directory: z
    .string()
    .min(1)
    .optional()
    .describe('A folder with the source, relative to this file'),
  tarball: z
    .string()
    .min(1)
    .refine(
      (text) =>
        !/^[a-z][a-z0-9+.-]*:/i.test(text) || /^(https?:\/\/|file:\/\/\/)[^\s]+$/.test(text),
      'must be a path, or an address of http, https or file',
    )
    .optional()
    .describe('A source tarball: a path relative to this file, or an address'),
  sha256: z
    .string()
    .regex(/^[0-9a-f]{64}$/, 'must be 64 hex digits: sha256sum prints them')
    .optional()
    .describe('SHA-256 of the tarball'),
  git: z
    .string()
    .regex(GIT_URL, 'must be an address of https, http, ssh, git or file')
    .optional()
    .describe('A git repository'),
  tag: z.string().regex(GIT_TAG, 'is not the name of a tag').optional().describe('Tag to build'),
  commit: z
    .string()
    .regex(GIT_COMMIT, 'must be the whole name of a commit, 40 hex digits')
    .optional()
    .describe('Commit to build'),
  name: packageName
    .optional()
    .describe("The module's name in package names; needed unless the source is a package"),
  version: z
    .string()
    .regex(
      /^[0-9][A-Za-z0-9.+~]{0,63}$/,
      'must be an upstream version without hyphen (deb-version(7))',
    )
    .optional()
    .describe(
      "The source's version; by default its dkms.conf's, its tag's, or one made of its commit or tree",
    ),
  folder: below.optional().describe('Folder of the source that has the module'),
  make: z
    .string()
    .min(1)
    .max(1000)
    .regex(/^[ !#-[\]-~]+$/, 'must be one line of ASCII without " and \\')
    .optional()
    .describe("Command that builds a source without dkms.conf; kbuild's by default"),
  built: z.array(built).min(1).optional().describe('What a source without dkms.conf builds'),
  component: z
    .enum(['main', 'contrib', 'non-free', 'non-free-firmware'])
    .optional()
    .describe('What a source that is no package counts as; main by default'),
  from: z
    .array(suiteName)
    .min(1)
    .optional()
    .describe(
      'Suites or archives in order of preference: the first version that builds is used; `own` is the published suite itself, and the default',
    ),
  patches: z
    .array(patch)
    .min(1)
    .optional()
    .describe('Patches, in the order in which they are applied'),
  publish: publishPolicy
    .optional()
    .describe("Whether it is published although it is not from main; the repository's by default"),
  initramfs: z
    .boolean()
    .optional()
    .describe('Rebuild the initramfs when the module is installed (modules needed at boot)'),
  buildPackages: z
    .array(packageName)
    .optional()
    .describe('Debian packages that its build needs beside compiler and headers'),
});

export type ModuleConfig = z.output<typeof module>;
export type PackageModule = ModuleConfig & { package: string };

/** Whether a module's source is a DKMS package. */
export function isPackage(entry: ModuleConfig): entry is PackageModule {
  return entry.package !== undefined;
}

/** The name that a module has in package names. */
export function nameOf(entry: ModuleConfig): string {
  return isPackage(entry) ? moduleNameOf(entry.package) : (entry.name ?? '');
}

function originOf({ directory, tarball, sha256, git, tag, commit }: ModuleConfig): SourceOrigin {
  if (directory !== undefined) {
    return { kind: 'directory', path: directory };
  }
  return tarball === undefined
    ? { kind: 'git', url: git ?? '', tag, commit }
    : { kind: 'tarball', uri: tarball, sha256: sha256 ?? '' };
}

/** What a configuration asks for where the source is no package. */
export function requestOf(entry: ModuleConfig): SourceRequest {
  const { version, folder, make, built: modules } = entry;
  return { name: nameOf(entry), origin: originOf(entry), version, folder, make, built: modules };
}

type Key = keyof ModuleConfig;

/** Keys → the keys of which one has to be there too. */
const NEEDS: readonly [key: Key, needed: readonly Key[]][] = [
  ['sha256', ['tarball']],
  ['tag', ['git']],
  ['commit', ['git']],
  ['from', ['package']],
  ['make', ['built']],
  ...(['name', 'version', 'folder', 'built', 'component'] as const).map((key): [Key, Key[]] => [
    key,
    ['directory', 'tarball', 'git'],
  ]),
  ['directory', ['name']],
  ['tarball', ['name']],
  ['tarball', ['sha256']],
  ['git', ['name']],
  ['git', ['tag', 'commit']],
];

/** Refuses keys that have no meaning together, and modules of one name. */
export const checkModules: z.core.CheckFn<ModuleConfig[]> = ({ value, issues }) => {
  const names = new Set<string>();
  for (const [index, entry] of value.entries()) {
    const problem = (message: string, ...path: Key[]): void => {
      issues.push({ code: 'custom', message, path: [index, ...path], input: entry });
    };
    const has = (key: Key): boolean => entry[key] !== undefined;
    const sources = SOURCES.filter(has);
    if (sources.length === 0) {
      problem(`must have one of ${SOURCES.join(', ')}`);
      continue;
    }
    for (const source of sources.slice(1)) {
      problem(`${sources[0]} and ${source} are two sources of one module`, source);
    }
    if (has('tag') && has('commit')) {
      problem('tag and commit are two versions of one source', 'commit');
    }
    for (const [key, needed] of NEEDS) {
      if (has(key) && sources.length === 1 && !needed.some(has)) {
        problem(`needs ${needed.join(' or ')} beside it`, key);
      }
    }
    const name = nameOf(entry);
    if (names.has(name)) {
      problem(`the module ${name} is named twice`);
    }
    names.add(name);
  }
};
