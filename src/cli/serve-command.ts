import { buildCommand } from '@stricli/core';
import { loadConfig } from '../config/load.ts';
import { exists } from '../core/files.ts';
import { LockstepError } from '../core/errors.ts';
import { serveRepository } from '../run/serve.ts';
import { commonAliases, commonFlags, examples, parsePort } from './flags.ts';
import { type CommonFlags, reportError } from './session.ts';

interface ServeFlags extends CommonFlags {
  port: number;
  host: string;
}

export const serveCommand = buildCommand({
  docs: {
    brief: 'Serve the published repository over HTTP, by default on this machine only',
    customUsage: examples(['serve -c examples/quickstart.yaml', 'on http://localhost:8473']),
  },
  parameters: {
    flags: {
      ...commonFlags,
      port: {
        kind: 'parsed',
        parse: parsePort,
        brief: 'Port to listen on',
        placeholder: 'port',
        default: '8473',
      },
      host: {
        kind: 'parsed',
        parse: String,
        brief: 'Address to listen on',
        placeholder: 'address',
        default: '127.0.0.1',
      },
    },
    aliases: commonAliases,
  },
  func: async (flags: ServeFlags) => {
    try {
      const { repository } = await loadConfig(flags.config);
      if (!(await exists(repository.directory))) {
        throw new LockstepError(
          'REPOSITORY_INVALID',
          `nothing is published in ${repository.directory}`,
          {
            hint: `lockstep run -c ${flags.config}`,
          },
        );
      }
      const server = await serveRepository(repository.directory, {
        port: flags.port,
        host: flags.host,
      });
      process.stdout.write(
        flags.json
          ? `${JSON.stringify({ url: server.url, directory: repository.directory })}\n`
          : `serving ${repository.directory} on ${server.url} (Ctrl-C ends it)\n`,
      );
      await new Promise<void>((resolve) => {
        process.once('SIGINT', resolve);
        process.once('SIGTERM', resolve);
      });
      await server.close();
    } catch (error) {
      process.exitCode = reportError(error, flags.json, undefined);
    }
  },
});
