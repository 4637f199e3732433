import { readFileSync } from 'node:fs';
import { buildApplication, buildRouteMap, run, type StricliProcess } from '@stricli/core';
import {
  buildTargetCommand,
  doctorCommand,
  kernelsCommand,
  planCommand,
  schemaCommand,
  statusCommand,
  whyCommand,
} from './commands.ts';
import { addCommand, initCommand } from './configure-commands.ts';
import { keyRoutes } from './key-command.ts';
import { gcCommand } from './gc-command.ts';
import { preflightCommand } from './preflight-command.ts';
import { pushCommand } from './push-command.ts';
import { runCommand } from './run-command.ts';
import { serveCommand } from './serve-command.ts';
import { repairCommand, verifyCommand } from './verify-command.ts';
import { watchCommand } from './watch-command.ts';
import { siteCommand } from './site-command.ts';

function currentVersion(): string {
  const text = readFileSync(new URL('../../package.json', import.meta.url), 'utf8');
  const match = /"version": "(?<version>[^"]+)"/.exec(text);
  return match?.groups?.['version'] ?? '0';
}

const routes = buildRouteMap({
  routes: {
    init: initCommand,
    add: addCommand,
    run: runCommand,
    kernels: kernelsCommand,
    plan: planCommand,
    status: statusCommand,
    why: whyCommand,
    build: buildTargetCommand,
    preflight: preflightCommand,
    watch: watchCommand,
    site: siteCommand,
    verify: verifyCommand,
    repair: repairCommand,
    key: keyRoutes,
    gc: gcCommand,
    push: pushCommand,
    serve: serveCommand,
    doctor: doctorCommand,
    schema: schemaCommand,
  },
  docs: {
    brief: 'Kernel modules for every Debian kernel, in step with it',
    fullDescription:
      'Builds out-of-tree kernel modules for the kernels of Debian suites and publishes them in a signed apt ' +
      'repository. Begin with: lockstep run -c examples/quickstart.yaml',
  },
});

const application = buildApplication(routes, {
  name: 'lockstep',
  versionInfo: { currentVersion: currentVersion() },
  scanner: { caseStyle: 'allow-kebab-for-camel', allowArgumentEscapeSequence: true },
  documentation: { caseStyle: 'convert-camel-to-kebab' },
});

const USAGE = 2;

process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  // A reader that has seen enough (`| head`) is no failure.
  if (error.code === 'EPIPE') {
    process.exit(0);
  }
  throw error;
});

const { stdout, stderr, env } = process;
const stricli: StricliProcess & { exitCode?: string | number | null } = { stdout, stderr, env };
await run(application, process.argv.slice(2), { process: stricli });

// Stricli has negative statuses for arguments and commands that it does not know; commands set the process's own.
if (typeof stricli.exitCode === 'number' && stricli.exitCode !== 0) {
  process.exitCode = stricli.exitCode < 0 ? USAGE : stricli.exitCode;
}
