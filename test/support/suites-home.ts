import * as fs from 'node:fs/promises';
import * as path from 'node:path';
import { z } from 'zod';
import { parseStanza, type Stanza } from '../../src/debian/control.ts';
import { VERDICTS } from '../../src/model/verdicts.ts';
import { exists } from '../../src/core/files.ts';
import { runProgram } from '../../src/programs/run.ts';
import { linkCache } from './build-roots.ts';
import type { ProgramEnd, Scratch } from './program.ts';
import { publishedIndex } from './published-index.ts';
import { type TestConfig, writeConfig } from './test-config.ts';

const passedOver = z.strictObject({
  version: z.string(),
  from: z.string(),
  verdict: z.enum(VERDICTS),
  reason: z.string().min(1),
});

const target = z.strictObject({
  module: z.string(),
  moduleVersion: z.string(),
  release: z.string(),
  architecture: z.string(),
  suites: z.array(z.string()),
  verdict: z.enum(VERDICTS),
  reason: z.string().min(1),
  since: z.iso.datetime(),
  from: z.string().optional(),
  cause: z.string().optional(),
  ahead: z.array(z.string()).optional(),
  passedOver: z.array(passedOver).optional(),
  unseenSince: z.iso.datetime().optional(),
});

const index = z.strictObject({
  suite: z.string(),
  component: z.string(),
  architecture: z.string(),
  state: z.enum(['stale', 'missing']),
  lastGood: z.iso.datetime().nullable(),
  code: z.string(),
  message: z.string().min(1),
});

const plan = z.object({
  targets: z.array(target),
  kept: z.array(target),
  absent: z.array(z.object({ suite: z.string(), module: z.string() })),
  indices: z.array(index),
});

const result = plan.extend({ built: z.number().optional() });

const preflight = z.strictObject({
  ready: z.array(target),
  failing: z.array(target),
  unknown: z.array(target),
  absent: plan.shape.absent,
  indices: z.array(index),
});

const change = z.looseObject({
  run: z.number(),
  at: z.iso.datetime(),
  type: z.string(),
  suite: z.string().optional(),
  release: z.string().optional(),
  track: z.string().optional(),
  from: z.string().optional(),
  to: z.string().optional(),
});

export type ShownTarget = z.output<typeof target>;
export type Change = z.output<typeof change>;

/** What a command with `--json` ended with. */
export type Shown<Result> = Result & { exitCode: number | undefined; stderr: string };

/** A folder with a configuration, its state and the repository that comes of it. */
export interface SuitesHome {
  folder: string;
  configure(config: TestConfig): Promise<void>;
  lockstep(...args: string[]): Promise<ProgramEnd>;
  run(): Promise<Shown<z.output<typeof result>>>;
  /** `plan`, `status`, `run --dry-run`: what shows a plan and changes nothing. */
  plan(...command: string[]): Promise<Shown<z.output<typeof plan>>>;
  preflight(...args: string[]): Promise<Shown<z.output<typeof preflight>>>;
  since(when: string): Promise<Change[]>;
  /** The packages of a published suite by name; none when there is no such suite. */
  published(suite: string, architecture?: string): Promise<Map<string, Stanza>>;
  /** Runs `apt-get update` on the published suites. @returns what apt complains of; it should be nothing */
  complaints(...suites: string[]): Promise<string[]>;
}

/** @param seed the state folder of another home, whose downloads and unpacked packages this one begins with */
export async function suitesHome(box: Scratch, name: string, seed?: string): Promise<SuitesHome> {
  const folder = path.join(box.path, name);
  const repository = path.join(folder, 'repository');
  if (seed !== undefined) {
    await linkCache(seed, path.join(folder, 'state'));
  }
  const lockstep = ([command = '', ...args]: readonly string[]): Promise<ProgramEnd> =>
    box.run([command, '-c', path.join(folder, 'lockstep.yaml'), '--json', ...args]);
  async function shown<Result extends object>(
    schema: z.ZodType<Result>,
    args: readonly string[],
  ): Promise<Shown<Result>> {
    const { exitCode, stdout, stderr } = await lockstep(args);
    const parsed = schema.safeParse(stdout === '' ? undefined : JSON.parse(stdout));
    if (!parsed.success) {
      throw new Error(
        `${args.join(' ')} ended with ${exitCode}:\n${parsed.error.message}\n${stdout}\n${stderr}`,
      );
    }
    return { ...parsed.data, exitCode, stderr };
  }
  return {
    folder,
    async configure(config) {
      await writeConfig(folder, config);
    },
    lockstep: (...args) => lockstep(args),
    run: () => shown(result, ['run']),
    plan: (...command) => shown(plan, command),
    preflight: (...args) => shown(preflight, ['preflight', ...args]),
    async since(when) {
      const { stdout, stderr } = await lockstep(['kernels', '--offline', '--since', when]);
      return z.array(change, { error: stderr }).parse(JSON.parse(stdout));
    },
    async published(suite, architecture = 'amd64') {
      const packages = `main/binary-${architecture}/Packages`;
      const isThere = await exists(path.join(repository, 'dists', suite, `${packages}.gz`));
      const text = isThere ? await publishedIndex(repository, suite, packages) : '';
      const stanzas = text.split('\n\n').filter((stanza) => stanza.trim() !== '');
      return new Map(
        stanzas.map(parseStanza).map((fields) => [fields.get('Package') ?? '', fields]),
      );
    },
    complaints: (...suites) => complaintsOf(folder, repository, suites),
  };
}

async function complaintsOf(
  folder: string,
  repository: string,
  suites: readonly string[],
): Promise<string[]> {
  const root = path.join(folder, 'client');
  await fs.mkdir(path.join(root, 'lists/partial'), { recursive: true });
  const names = await fs.readdir(repository);
  const key = path.join(repository, names.find((name) => name.endsWith('.asc')) ?? '');
  await fs.writeFile(
    path.join(root, 'sources.list'),
    suites.map((suite) => `deb [signed-by=${key}] file:${repository} ${suite} main\n`).join(''),
  );
  const options = [
    `Dir::Etc::sourcelist=${root}/sources.list`,
    'Dir::Etc::sourceparts=/dev/null',
    `Dir::State::lists=${root}/lists`,
    `Dir::Cache=${root}`,
    'APT::Sandbox::User=root',
    'APT::Update::Error-Mode=any',
  ].flatMap((option) => ['-o', option]);
  const update = await runProgram('apt-get', ['update', '-q', ...options], { allowFailure: true });
  const lines = `${update.stdout}\n${update.stderr}`.split('\n');
  return [
    ...lines.filter((line) => /^(?:W|E|Err|Ign):/.test(line)),
    ...(update.exitCode === 0 ? [] : [`status ${update.exitCode}`]),
  ];
}
