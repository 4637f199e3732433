import type { RunResult } from '../../src/programs/run.ts';
import type { ClientRoot, RootRunOptions } from '../support/client-root.ts';
import { type Pool, type PoolPackage, poolName, tarOf } from './pool.ts';
import { parseState, STATE_SCRIPT, type State } from './state.ts';
import type { SuiteName } from './suites.ts';
import { type World, worldScript } from './world.ts';

/**
 * What a machine starts with: the guard and the module foo for kernel A; only kernel A; Debian's tools alone; as the
 * first, with Debian's own kernels and sources.
 */
export type Start = 'guarded' | 'plain' | 'tools' | 'real';

const HOUR = 3_600_000;

/** Where machines come from. */
interface Home {
  suite: SuiteName;
  pool: Pool;
  machine(start: Start): Promise<Machine>;
}

/** One machine of a cell: a root, and the archives it reads. */
export class Machine implements AsyncDisposable {
  readonly root: ClientRoot;
  readonly suite: SuiteName;
  readonly #stage: Home;
  #there: Set<string> | undefined;
  /** Whether Debian's own sources stay beside the stage's repository of modules. */
  keepsSources = false;
  #date: number;

  /** @param isFirst whether it is made to be copied: its worlds are older than those of copies */
  constructor(stage: Home, root: ClientRoot, isFirst = false) {
    this.root = root;
    this.suite = stage.suite;
    this.#stage = stage;
    this.#date = Date.now() - (isFirst ? 24 * HOUR : HOUR);
  }

  /** Changes what the archives have; apt does not know yet. */
  async offer(world: World): Promise<void> {
    this.#date += 2000;
    const { suite, keepsSources } = this;
    const date = new Date(this.#date);
    const { script, packages } = await worldScript(
      this.#stage.pool,
      world,
      suite,
      date,
      keepsSources,
    );
    await this.#bring(packages);
    await this.shell(script);
  }

  /** Puts packages where the repositories say that they lie, unless they are there. */
  async #bring(packages: readonly PoolPackage[]): Promise<void> {
    this.#there ??= new Set((await this.shell('ls /srv/pool 2>/dev/null || :')).split('\n'));
    const missing = new Map(packages.map((one) => [poolName(one), one.file]));
    for (const name of this.#there) {
      missing.delete(name);
    }
    if (missing.size > 0) {
      const input = await tarOf(missing);
      await this.root.must(['sh', '-c', 'mkdir -p /srv/pool && tar -C /srv/pool -x'], { input });
      for (const name of missing.keys()) {
        this.#there.add(name);
      }
    }
  }

  /** Changes what the archives have, and lets apt read it; warnings of apt are no failure. */
  async publish(world: World): Promise<RunResult> {
    await this.offer(world);
    return await this.root.run(['apt-get', 'update']);
  }

  async run(command: readonly string[], options: RootRunOptions = {}): Promise<RunResult> {
    return await this.root.run(command, { timeout: 120, ...options });
  }

  /** Runs shell that must end well. */
  async shell(script: string): Promise<string> {
    return await this.root.must(['sh', '-eu'], { input: script, timeout: 120 });
  }

  /** What the machine has now. */
  async state(): Promise<State> {
    return parseState(await this.shell(STATE_SCRIPT));
  }

  /** A fresh machine of the same suite. */
  async another(start: Start): Promise<Machine> {
    return await this.#stage.machine(start);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.root[Symbol.asyncDispose]();
  }
}
