import { buildCommand } from '@stricli/core';
import { planAll } from '../run/plan.ts';
import { writeSite } from '../run/write-site.ts';
import { commonAliases, commonFlags, examples, waitFlag } from './flags.ts';
import { type CommonFlags, displayPath, withSession } from './session.ts';

interface SiteFlags extends CommonFlags {
  wait: number;
}

export const siteCommand = buildCommand({
  docs: {
    brief: 'Write the status site into the repository, from what is known; fetches nothing',
    customUsage: examples(['site -c examples/quickstart.yaml', 'the pages of the quickstart']),
  },
  parameters: { flags: { ...commonFlags, wait: waitFlag }, aliases: commonAliases },
  func: (flags: SiteFlags) =>
    withSession(
      { command: 'site', flags, wait: flags.wait, exclusive: true },
      async (context, config) => {
        const changes = await writeSite(context, await planAll(context, { refresh: false }));
        const page = `${displayPath(config.repository.directory)}/index.html`;
        const { files, written, removed } = changes;
        return {
          json: { directory: config.repository.directory, ...changes },
          text: `${files} files, ${written} written, ${removed} removed: ${page}\n`,
        };
      },
    ),
});
