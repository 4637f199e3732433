import { z } from 'zod';
import { componentName, publishedName, suiteName } from './names.ts';

export const archive = z.strictObject({
  suites: z.array(suiteName).min(1).describe('Suites that a machine of this release uses together'),
  components: z.array(componentName).min(1).default(['main']),
  publish: z
    .union([publishedName, z.literal(false)], {
      error: 'must be the name of a suite, or `false` for suites that are only read',
    })
    .optional()
    .describe(
      'Name of the published suite, the first of `suites` by default; entries of one name are used together. `false`: only read',
    ),
  base: publishedName
    .optional()
    .describe(
      'Archive that a machine with these suites uses as well: `trixie` for trixie-backports',
    ),
  ahead: z
    .array(publishedName)
    .default([])
    .describe(
      'Archives whose kernels are expected in this one and are built for it before they arrive',
    ),
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

export type ArchiveConfig = z.output<typeof archive>;

/** The archives of one published suite, used together as on a machine of that suite. */
export interface ArchiveGroup {
  /** The published suite; the first suite of those that are only read. */
  name: string;
  isPublished: boolean;
  entries: ArchiveConfig[];
  /** Names of the groups that a machine with this one uses as well, nearest first. */
  bases: string[];
  /** Names of the groups whose kernels are expected in this one. */
  ahead: string[];
}

/** The name of the group that an entry belongs to. */
function groupOf(entry: ArchiveConfig): string {
  return (entry.publish === false ? undefined : entry.publish) ?? entry.suites[0] ?? '';
}

/** The names by which an entry can be meant: its group's and its suites'. */
export function namesOf(entry: ArchiveConfig): string[] {
  return [...new Set([groupOf(entry), ...entry.suites])];
}

function basesOf(name: string, baseOf: ReadonlyMap<string, string>): string[] {
  const bases: string[] = [];
  let base = baseOf.get(name);
  while (base !== undefined && !bases.includes(base)) {
    bases.push(base);
    base = baseOf.get(base);
  }
  return bases;
}

function baseMap(entries: readonly ArchiveConfig[]): Map<string, string> {
  return new Map(
    entries.flatMap((entry): [string, string][] =>
      entry.base === undefined ? [] : [[groupOf(entry), entry.base]],
    ),
  );
}

/** The entries of a configuration by the suite that they are published as, in the order of the file. */
export function archiveGroups(entries: readonly ArchiveConfig[]): ArchiveGroup[] {
  const groups = new Map<string, ArchiveGroup>();
  const baseOf = baseMap(entries);
  for (const entry of entries) {
    const name = groupOf(entry);
    const group = groups.get(name) ?? {
      name,
      isPublished: entry.publish !== false,
      entries: [],
      bases: basesOf(name, baseOf),
      ahead: [],
    };
    group.entries.push(entry);
    group.ahead.push(...entry.ahead.filter((other) => !group.ahead.includes(other)));
    groups.set(name, group);
  }
  return [...groups.values()];
}

/** Refuses archives that name what is not there, contradict each other or read the same index twice. */
export const checkArchives: z.core.CheckFn<ArchiveConfig[]> = ({ value, issues }) => {
  const groups = new Set(value.map(groupOf));
  const seen = new Set<string>();
  const isPublished = new Map<string, boolean>();
  const baseOf = baseMap(value);
  const problem = (message: string, path: (string | number)[]): void => {
    issues.push({ code: 'custom', message, path, input: value });
  };
  for (const [index, entry] of value.entries()) {
    const name = groupOf(entry);
    for (const [place, suite] of entry.suites.entries()) {
      for (const component of entry.components) {
        const id = `${name} ${entry.mirror ?? ''} ${suite} ${component}`;
        if (seen.has(id)) {
          problem(`the component ${component} of ${suite} is named twice`, [
            index,
            'suites',
            place,
          ]);
        }
        seen.add(id);
      }
    }
    if ((isPublished.get(name) ?? entry.publish !== false) !== (entry.publish !== false)) {
      problem(`${name} is published by one entry and only read by another`, [index]);
    }
    isPublished.set(name, entry.publish !== false);
    const there = [...groups].filter((other) => other !== name).join(', ') || 'none besides';
    const unknown = (other: string): string =>
      other === name ? 'an archive can’t name itself' : `no archive ${other}; there are ${there}`;
    if (entry.base !== undefined) {
      if (!groups.has(entry.base) || entry.base === name) {
        problem(unknown(entry.base), [index, 'base']);
      } else if (baseOf.get(name) !== entry.base) {
        problem(`${name} has two bases`, [index, 'base']);
      } else if (basesOf(name, baseOf).includes(name)) {
        problem(`the bases of ${name} lead back to it`, [index, 'base']);
      }
    }
    for (const [place, other] of entry.ahead.entries()) {
      if (!groups.has(other) || other === name) {
        problem(unknown(other), [index, 'ahead', place]);
      }
    }
  }
};
