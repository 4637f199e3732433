import { buildCommand } from '@stricli/core';
import { formatBytes, printable } from '../report/text.ts';
import { collectGarbage, findGarbage, GARBAGE_KINDS, type GcResult } from '../run/gc.ts';
import { planAll } from '../run/plan.ts';
import { commonAliases, commonFlags, examples, waitFlag } from './flags.ts';
import { type CommonFlags, displayPath, withSession } from './session.ts';

interface GcFlags extends CommonFlags {
  wait: number;
  apply: boolean;
}

const TITLES: Record<(typeof GARBAGE_KINDS)[number], string> = {
  package: 'published packages past retention',
  repository: 'files of the repository',
  made: 'made packages',
  build: 'builds of the ledger',
  root: 'lists of build roots',
  cache: 'cache',
  archive: 'roots of archives',
  log: 'logs',
};

/** Lines of one kind that people are shown; `--json` has all. */
const SHOWN = 20;

function textOf({ applied, garbage, bytes, cache }: GcResult, config: string): string {
  const lines: string[] = [];
  for (const kind of GARBAGE_KINDS) {
    const found = garbage.filter((entry) => entry.kind === kind);
    const sum = found.reduce((total, entry) => total + entry.bytes, 0);
    if (found.length > 0) {
      lines.push(`${TITLES[kind]}: ${found.length}, ${formatBytes(sum)}`);
      for (const { what, why, bytes: size } of found.slice(0, SHOWN)) {
        const shown = what.startsWith('/') ? displayPath(what) : what;
        lines.push(`  ${printable(shown)} (${formatBytes(size)}): ${printable(why)}`);
      }
      if (found.length > SHOWN) {
        lines.push(`  and ${found.length - SHOWN} more (--json lists them)`);
      }
    }
  }
  const limit = `the cache has ${formatBytes(cache.bytes)} of ${formatBytes(cache.limit)}`;
  const much = `${garbage.length} things, ${formatBytes(bytes)}`;
  lines.push(
    garbage.length === 0
      ? `nothing to remove; ${limit}`
      : applied
        ? `removed ${much}`
        : `would remove ${much}; ${limit}\nlockstep gc --apply -c ${config} removes it`,
  );
  return `${lines.join('\n')}\n`;
}

export const gcCommand = buildCommand({
  docs: {
    brief: 'Show what nothing needs any more and why; remove it with --apply',
    fullDescription:
      'Published packages past retention, files of the repository that no kept state names, builds that no package and ' +
      'no target is made of, what makes the cache too large, archives that are not configured any more, old logs. ' +
      'Without --apply it changes nothing and works beside a run or a watch; with it, it takes their turn. Runs remove ' +
      'most of it by themselves; builds go by this command alone.',
    customUsage: examples(
      ['gc -c lockstep.yaml', 'only show'],
      ['gc --apply --wait 600', 'remove it, when a watch has ended its look'],
      ['gc --json', 'everything, with sizes in bytes'],
    ),
  },
  parameters: {
    flags: {
      ...commonFlags,
      wait: waitFlag,
      apply: {
        kind: 'boolean',
        brief: 'Remove it',
        default: false,
        withNegated: false,
      },
    },
    aliases: commonAliases,
  },
  func: (flags: GcFlags) =>
    withSession(
      { command: 'gc', flags, wait: flags.wait, exclusive: flags.apply },
      async (context) => {
        const result = flags.apply
          ? await collectGarbage(context)
          : await findGarbage(context, await planAll(context, { refresh: false }));
        return { json: result, text: textOf(result, flags.config) };
      },
    ),
});
