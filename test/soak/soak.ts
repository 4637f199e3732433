import * as fs from 'node:fs/promises';
import * as path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { exists } from '../../src/core/files.ts';
import type { Stanza } from '../../src/debian/control.ts';
import { type SuitesHome } from '../support/suites-home.ts';
import { type SuitesStage, suitesStage } from '../support/suites-stage.ts';
import { Clock } from './clock.ts';
import { Flaky } from './flaky.ts';
import { mountsOf } from '../support/traces.ts';
import { leftFiles, leftProcesses } from './leftovers.ts';
import { Observer } from './observer.ts';
import { Random } from './random.ts';
import { SmallDisk } from './small-disk.ts';
import { Watcher } from './watcher.ts';
import { GRACE_DAYS, SUITE, World } from './world.ts';

export interface SoakOptions {
  seed: number;
  /** Things that happen to the archive. */
  steps: number;
  /** Looks at an archive that does not change any more, over which memory is measured. */
  idleLooks: number;
  /** When it fires all is ended and taken away. */
  signal: AbortSignal;
  tell: (line: string) => void;
}

export interface SoakResult {
  /** What is wrong; empty when all is well. */
  problems: string[];
  /** Figures for people, by name. */
  figures: Record<string, number>;
}

const MINUTES = 60_000;
/** Whatever a machine is busy with, this long nothing takes. */
const LONGEST_WAIT = 30 * MINUTES;
/** After this long an hour passes for what is missing still. */
const PATIENCE = 45_000;
const DISK_MEGABYTES = 6000;
/** Megabytes by which an idle watch may grow before it counts as a leak. */
const MAX_GROWTH = 64;

/** Runs a watch through the history of an archive, with everything going wrong that can. */
export async function soak(options: SoakOptions): Promise<SoakResult> {
  const stage = await suitesStage('soak');
  try {
    const clock = await Clock.make(stage.box.path);
    const folder = path.join(stage.box.path, 'home');
    const image = path.join(stage.box.path, 'disk.img');
    await using disk = await SmallDisk.mount(image, folder, DISK_MEGABYTES);
    return await new Soak(options, stage, clock, disk).run();
  } finally {
    await stage[Symbol.asyncDispose]();
  }
}

class Soak {
  readonly #options: SoakOptions;
  readonly #stage: SuitesStage;
  readonly #clock: Clock;
  readonly #disk: SmallDisk;
  readonly #random: Random;
  readonly #world: World;
  readonly #flaky: Flaky;
  readonly #watcher: Watcher;
  readonly #observer: Observer;
  readonly #problems: string[] = [];
  readonly #figures: Record<string, number> = {};
  readonly #began = Date.now();

  constructor(options: SoakOptions, stage: SuitesStage, clock: Clock, disk: SmallDisk) {
    this.#options = options;
    this.#stage = stage;
    this.#clock = clock;
    this.#disk = disk;
    this.#random = new Random(options.seed);
    this.#world = new World(stage, this.#random, clock);
    this.#flaky = new Flaky(stage.mirror, this.#random);
    this.#watcher = new Watcher(stage.box, clock, path.join(disk.folder, 'lockstep.yaml'));
    this.#observer = new Observer(path.join(disk.folder, 'repository'), SUITE);
  }

  async run(): Promise<SoakResult> {
    try {
      await this.#runSteps();
      await this.#measureMemory();
      await this.#stop();
      await this.#judge();
    } finally {
      await this.#watcher.stop();
      await this.#observer.end();
    }
    return { problems: this.#problems, figures: this.#figures };
  }

  #tell(line: string): void {
    const seconds = ((Date.now() - this.#began) / 1000).toFixed(0).padStart(5);
    this.#options.tell(`${seconds} s  ${this.#clock.now().toISOString().slice(0, 16)}  ${line}`);
  }

  async #configure(name: string): Promise<SuitesHome> {
    const home = await this.#stage.home(name);
    await home.configure({
      archives: [this.#stage.entry(SUITE)],
      modules: ['widget-dkms', 'gadget-dkms', 'sprocket-dkms'],
      kernels: { abis: 'all' },
      more: { retention: { graceDays: GRACE_DAYS }, cache: { size: '2500M' }, jobs: 2 },
    });
    return home;
  }

  async #runSteps(): Promise<void> {
    const { steps } = this.#options;
    await this.#world.begin();
    await this.#configure('home');
    this.#watcher.start();
    await this.#settled();
    // Not at the end, and by the seed.
    const fullAt = Math.ceil(this.#random.between(steps * 0.3, steps * 0.7));
    for (let step = 1; step <= steps; step += 1) {
      await this.#clock.leap(this.#random.between(6, 72));
      this.#flaky.remember();
      const what = await this.#world.happen(step === fullAt);
      const trouble = step === fullAt ? await this.#fillDisk() : await this.#trouble();
      const isSettling = step === steps || this.#random.isTrue(0.5);
      this.#tell(`${step}: ${what}; ${trouble}${isSettling ? '' : '; the next before it is done'}`);
      if (isSettling) {
        await this.#settled();
      }
    }
  }

  /** Kills and bad answers for some seconds. @returns what, in words */
  async #trouble(): Promise<string> {
    const told: string[] = [];
    if (this.#random.isTrue(0.6)) {
      told.push(this.#flaky.begin());
      await sleep(this.#random.between(1000, 6000));
    }
    if (this.#random.isTrue(0.6)) {
      const after = this.#random.between(0, 8000);
      const whom = this.#random.oneOf<'program' | 'group'>(['program', 'group']);
      await sleep(after);
      await this.#watcher.kill(whom);
      told.push(`killed (${whom}) after ${(after / 1000).toFixed(1)} s`);
    }
    this.#flaky.end();
    return told.join('; ') || 'nothing goes wrong';
  }

  /** The disk is full until the watch has said so, or has ended because of it. */
  async #fillDisk(): Promise<string> {
    await this.#disk.fill();
    const ends = this.#watcher.ends.length;
    const began = Date.now();
    await this.#until(
      'the watch has met the full disk',
      async () => /no space left/i.test(this.#watcher.said()) || this.#watcher.ends.length > ends,
    );
    await this.#disk.empty();
    return `the disk was full for ${((Date.now() - began) / 1000).toFixed(0)} s`;
  }

  async #until(what: string, done: () => Promise<boolean>): Promise<void> {
    const deadline = Date.now() + LONGEST_WAIT;
    while (!(await done())) {
      this.#options.signal.throwIfAborted();
      if (Date.now() > deadline) {
        throw new Error(`it never came to it: ${what}\n${this.#watcher.said().slice(-3000)}`);
      }
      await sleep(200);
    }
  }

  /** Waits until all that must be published is. */
  async #settled(): Promise<void> {
    const expected = this.#world.expected();
    let missing: string[] = [];
    const began = Date.now();
    let leapt = began;
    await this.#until(`published: ${[...expected.keys()].join(' ')}`, async () => {
      const { packages } = this.#observer;
      missing = [...expected]
        .filter(([name, version]) => !packages.get(name)?.get('Version')?.startsWith(version))
        .map(([name]) => name);
      if (missing.length > 0 && Date.now() - leapt > PATIENCE) {
        leapt = Date.now();
        // What the mirror broke rests for minutes, then hours.
        await this.#clock.leap(1);
        this.#tell(`   an hour later, for ${missing.length} that are missing`);
      }
      return missing.length === 0;
    });
    const memory = await this.#watcher.memory();
    this.#tell(
      `   settled in ${((Date.now() - began) / 1000).toFixed(0)} s: ${this.#observer.packages.size} packages, ${memory.toFixed(0)} MB`,
    );
  }

  /** The watch looks at an archive that does not change; its memory over these looks is judged. */
  async #measureMemory(): Promise<void> {
    const { idleLooks } = this.#options;
    const looks = (): number =>
      this.#stage.mirror.answers.filter(({ name }) => name.endsWith(`${SUITE}/InRelease`)).length;
    const first = looks();
    const samples: [looks: number, megabytes: number][] = [];
    await this.#until('enough looks', async () => {
      const sample = await this.#watcher.memory();
      if (!Number.isNaN(sample)) {
        samples.push([looks() - first, sample]);
      }
      return looks() - first >= idleLooks;
    });
    const mean = (some: typeof samples): number =>
      some.reduce((sum, [, value]) => sum + value, 0) / some.length;
    // A heap that was just begun grows until it is collected for the first time: the first half warms up.
    const warm = samples.slice(Math.floor(samples.length / 2));
    const part = Math.max(1, Math.floor(warm.length / 5));
    const begin = mean(warm.slice(0, part));
    const growth = mean(warm.slice(-part)) - begin;
    const slope = (slopeOf(warm) * 1000).toFixed(1);
    this.#tell(
      `memory over ${looks() - first} idle looks: ${begin.toFixed(0)} MB, growth ${growth.toFixed(1)} MB, slope ${slope} MB in 1,000 looks`,
    );
    Object.assign(this.#figures, {
      'memory of the idle watch, MB': Math.round(begin),
      'its growth over the idle looks, MB': Number(growth.toFixed(1)),
      'its slope, MB in 1,000 looks': Number(slope),
      'idle looks': looks() - first,
    });
    if (growth > MAX_GROWTH) {
      this.#problems.push(`an idle watch grew by ${growth.toFixed(0)} MB`);
    }
  }

  async #stop(): Promise<void> {
    const status = await this.#watcher.stop();
    if (status !== 0) {
      this.#problems.push(`the watch ended with ${status} at SIGTERM`);
    }
    await this.#observer.end();
  }

  async #lockstep(home: SuitesHome, ...args: string[]): Promise<void> {
    const [command = '', ...rest] = args;
    const config = path.join(home.folder, 'lockstep.yaml');
    const { env } = this.#clock;
    const end = await this.#stage.box.run([command, '-c', config, ...rest], { env });
    if (end.exitCode !== 0) {
      this.#problems.push(
        `lockstep ${args.join(' ')}: ${end.exitCode}\n${end.stdout}${end.stderr}`,
      );
    }
  }

  async #judge(): Promise<void> {
    const { box } = this.#stage;
    const folder = this.#disk.folder;
    const home: SuitesHome = await this.#configure('home');
    await this.#lockstep(home, 'verify');
    await this.#lockstep(home, 'plan', '--offline');
    this.#problems.push(
      ...(await leftProcesses(box.tmp)).map((line) => `left running: ${line}`),
      ...(await mountsOf(`${folder}/`)).map((at) => `left mounted: ${at}`),
      ...(await leftFiles(folder, box.tmp)).map((name) => `left behind: ${name}`),
      ...[...this.#observer.conflicts].map((name) => `two contents: ${name}`),
      ...this.#watcher.ends.map((end) => `the watch ended by itself: ${end}`),
      ...(await this.#publishedTwice()).map((name) => `published twice: ${name}`),
    );
    const clean = await this.#configure('clean');
    // One build of gadget fails, always.
    await box.run(['run', '-c', path.join(clean.folder, 'lockstep.yaml')], {
      env: this.#clock.env,
    });
    this.#compare(await home.published(SUITE), await clean.published(SUITE));
    Object.assign(this.#figures, {
      'kernels that arrived': this.#world.arrivals,
      'kernels that were withdrawn': this.#world.withdrawals,
      kills: this.#watcher.kills,
      'states of the repository seen': this.#observer.generations,
      'package names seen': this.#observer.count,
      'packages at the end': (await home.published(SUITE)).size,
      minutes: Math.round((Date.now() - this.#began) / MINUTES),
    });
  }

  /** What a clean run publishes must be there, the same; what is there besides must have a reason. */
  #compare(soaked: ReadonlyMap<string, Stanza>, clean: ReadonlyMap<string, Stanza>): void {
    if (clean.size === 0) {
      this.#problems.push('the clean run published nothing');
    }
    const expected = this.#world.expected();
    for (const name of expected.keys()) {
      if (!clean.has(name)) {
        this.#problems.push(`the clean run lacks ${name}`);
      }
    }
    for (const [name, stanza] of clean) {
      const own = soaked.get(name);
      const fields = expected.has(name) ? ['Version', 'SHA256', 'Depends'] : ['Depends'];
      for (const field of fields) {
        if (own?.get(field) !== stanza.get(field)) {
          this.#problems.push(
            `${name}: ${field} is ${own?.get(field)}, after a clean run ${stanza.get(field)}`,
          );
        }
      }
    }
    for (const name of soaked.keys()) {
      if (!clean.has(name) && !this.#world.mayHave(name)) {
        this.#problems.push(`${name} should have been taken out`);
      }
    }
  }

  /** Targets that the ledger notes as published for the first time more than once. */
  async #publishedTwice(): Promise<string[]> {
    const file = path.join(this.#disk.folder, 'state/ledger/outcomes.jsonl');
    const lines = (await exists(file)) ? (await fs.readFile(file, 'utf8')).split('\n') : [];
    const seen = new Set<string>();
    return lines
      .filter((line) => line.startsWith('{"type":"published"') || line.includes('"published"'))
      .map((line) => line.replace(/"at":"[^"]*",?/, ''))
      .filter((line) => {
        const isTwice = seen.has(line);
        seen.add(line);
        return isTwice;
      });
  }
}

/** Least squares. */
function slopeOf(points: readonly (readonly [x: number, y: number])[]): number {
  const count = points.length;
  const meanX = points.reduce((sum, [x]) => sum + x, 0) / count;
  const meanY = points.reduce((sum, [, y]) => sum + y, 0) / count;
  const over = points.reduce((sum, [x, y]) => sum + (x - meanX) * (y - meanY), 0);
  const under = points.reduce((sum, [x]) => sum + (x - meanX) ** 2, 0);
  return under === 0 ? 0 : over / under;
}
