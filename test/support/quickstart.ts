import * as fs from 'node:fs/promises';
import * as path from 'node:path';
import { execa } from 'execa';
import { serveRepository } from '../../src/publisher/serve.ts';
import { PROGRAM_ENVIRONMENT, programCommand } from './program.ts';

const ROOT = path.join(import.meta.dirname, '../..');

export interface ProgramResult {
  exitCode: number | undefined;
  stdout: string;
  stderr: string;
}

/** Runs the program as a user does. */
export async function lockstep(
  args: readonly string[],
  options: { cwd?: string; timeout?: number; input?: string } = {},
): Promise<ProgramResult> {
  const [program = '', ...words] = programCommand(args);
  const result = await execa(program, words, {
    cwd: options.cwd ?? ROOT,
    timeout: options.timeout ?? 900_000,
    reject: false,
    env: PROGRAM_ENVIRONMENT,
    ...(options.input === undefined ? { stdin: 'ignore' } : { input: options.input }),
  });
  return { exitCode: result.exitCode, stdout: result.stdout, stderr: result.stderr };
}

export interface Quickstart {
  config: string;
  state: string;
  repository: string;
  /** The newest release of the flavour amd64. */
  release: string;
}

/**
 * What `examples/quickstart.yaml` publishes, in a folder of its own below `out/`. The first test file that asks for
 * it runs it; the others wait for it and find nothing new.
 *
 * @param name another name gives a repository of its own
 * @param edit changes the text of the configuration
 */
export async function quickstart(
  name = 'quickstart',
  edit: (text: string) => string = (text) => text,
): Promise<Quickstart> {
  const folder = path.join(ROOT, 'out/test', name);
  await fs.mkdir(folder, { recursive: true });
  const example = await fs.readFile(path.join(ROOT, 'examples/quickstart.yaml'), 'utf8');
  const config = path.join(folder, 'lockstep.yaml');
  await fs.writeFile(config, edit(example.replaceAll('../out/quickstart', '.')));
  const result = await lockstep(['run', '-c', config, '--wait', '600', '--json']);
  if (result.exitCode !== 0) {
    throw new Error(`the quickstart ended with ${result.exitCode}:\n${result.stderr}`);
  }
  const release = /"release": "(?<release>[^"]*\d[^"]*)"/.exec(result.stdout)?.groups?.['release'];
  return {
    config,
    state: path.join(folder, 'state'),
    repository: path.join(folder, 'repository'),
    release: release ?? '',
  };
}

export interface Served extends AsyncDisposable {
  url: string;
  /** Text of a suite's `.sources` file, with the address at which it is served here. */
  sources(suite: string): Promise<string>;
}

/** Serves a repository on a free port. */
export async function serve(repository: string): Promise<Served> {
  const server = await serveRepository(repository, { port: 0 });
  return {
    url: server.url,
    async sources(suite) {
      const response = await fetch(`${server.url.replace(/\/$/, '')}/${suite}.sources`);
      return (await response.text()).replace(/^URIs: .*$/m, `URIs: ${server.url}`);
    },
    async [Symbol.asyncDispose]() {
      await server.close();
    },
  };
}
