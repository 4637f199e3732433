import * as fs from 'node:fs/promises';
import * as path from 'node:path';
import type { RunResult } from '../../src/programs/run.ts';
import { type Cell, expectedIn } from './cell.ts';
import { judge, lackingIn, type Outcome } from './judge.ts';
import type { Machine } from './machine.ts';
import { OUT, type Stage } from './stage.ts';
import { images, type State } from './state.ts';
import type { SuiteName } from './suites.ts';
import { words } from './words.ts';

export interface CellResult {
  suite: SuiteName;
  group: string;
  name: string;
  outcome: Outcome | undefined;
  expected: Outcome;
  /** What happened once the modules were published; undefined when that was not tried. */
  later: string | undefined;
  /** What is bad whatever was expected, and what differs from it. */
  problems: string[];
  seconds: number;
}

const UPGRADE = ['apt', 'upgrade', '-y'];

/** All that is said on the way, for whoever looks into a cell. */
class Log {
  readonly #lines: string[] = [];

  add(title: string, result: RunResult): void {
    this.#lines.push(
      `\n##### ${title} (status ${result.exitCode})\n${result.stdout}${result.stderr}`,
    );
  }

  note(line: string): void {
    this.#lines.push(`\n##### ${line}\n`);
  }

  async write(file: string): Promise<void> {
    await fs.mkdir(path.dirname(file), { recursive: true });
    await fs.writeFile(file, this.#lines.join(''));
  }
}

/** Once everything is published: whether the newest kernel and all wanted modules came, and nothing is left to do. */
async function afterwards(machine: Machine, cell: Cell, log: Log): Promise<[string, string[]]> {
  const { later } = cell;
  if (later === undefined) {
    return ['', []];
  }
  log.add('then: apt-get update', await machine.publish(later.world));
  const before = await machine.state();
  const command = words(later.command ?? UPGRADE, machine.suite);
  const result = await machine.run(command);
  log.add(`then: ${command.join(' ')}`, result);
  const after = await machine.state();
  const output = `${result.stdout}${result.stderr}`;
  const { outcome, problems } = judge({ before, after, exitCode: result.exitCode, output });
  const all = [...problems, ...uncovered(after), ...after.pending.map((name) => `${name} waits`)];
  // A kernel that was let in before has only its module to wait for.
  const came = ['together', 'done'].includes(outcome) ? [] : [`then ${outcome}`];
  return [outcome, [...came, ...all].map((text) => `then: ${text}`)];
}

/** Installed kernels, the newest of each flavour, that lack a wanted module. */
function uncovered(state: State): string[] {
  const newest = [...images(state)].toSorted((a, b) => a.localeCompare(b, 'en', { numeric: true }));
  return [...new Set(state.wanted.map(({ flavour }) => flavour))].flatMap((flavour) => {
    const last = newest.findLast(
      (release) => lackingIn(release, [{ module: '', flavour }], state).isWanted,
    );
    const { lacks } = lackingIn(last ?? '', state.wanted, state);
    return lacks.map((module) => `${last} lacks ${module}`);
  });
}

/** Runs a cell on a machine of its own. */
export async function runCell(stage: Stage, cell: Cell): Promise<CellResult> {
  const began = performance.now();
  const { suite } = stage;
  const log = new Log();
  const result: CellResult = {
    ...{ suite, group: cell.group, name: cell.name, outcome: undefined, later: undefined },
    ...{ expected: expectedIn(cell, suite), problems: [], seconds: 0 },
  };
  try {
    await using machine = await stage.machine(cell.start ?? 'guarded');
    await play(machine, cell, result, log);
  } catch (error) {
    result.problems.push(`the cell could not be run: ${String(error).slice(0, 900)}`);
  }
  if (result.outcome !== undefined && result.outcome !== result.expected) {
    result.problems.unshift(`${result.outcome}, not ${result.expected}`);
  }
  result.seconds = (performance.now() - began) / 1000;
  log.note(result.problems.length === 0 ? 'good' : result.problems.join('\n'));
  await log.write(
    path.join(
      OUT,
      'logs',
      suite,
      `${`${cell.group} ${cell.name}`.replaceAll(/[^\w.+-]+/g, '_')}.log`,
    ),
  );
  return result;
}

async function play(machine: Machine, cell: Cell, result: CellResult, log: Log): Promise<void> {
  await cell.before?.(machine);
  log.add('apt-get update', await machine.publish(cell.world));
  await cell.prepare?.(machine);
  const before = await machine.state();
  const { command } = cell;
  const run =
    typeof command === 'function'
      ? await command(machine)
      : await machine.run(words(command, machine.suite));
  log.add(
    typeof command === 'function' ? 'operation' : words(command, machine.suite).join(' '),
    run,
  );
  const after = await machine.state();
  const output = `${run.stdout}${run.stderr}`;
  const { outcome, problems } = judge({ before, after, exitCode: run.exitCode, output }, cell);
  result.outcome = outcome;
  result.problems.push(...problems);
  const isApt = typeof command !== 'function' && command[0] === 'apt';
  const isGuarded = (cell.start ?? 'guarded') === 'guarded' && cell.isSilent !== true;
  if (outcome === 'held' && isApt && isGuarded && !output.includes('Held by lockstep-guard')) {
    result.problems.push('held without a word');
  }
  result.problems.push(...((await cell.check?.(machine, output)) ?? []));
  // Nothing is left to be brought.
  if (outcome === 'together' && after.pending.length === 0) {
    return;
  }
  const [later, more] = await afterwards(machine, cell, log);
  result.later = later === '' ? undefined : later;
  result.problems.push(...more);
}
