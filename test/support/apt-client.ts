import type { ClientRoot } from './client-root.ts';

const CYCLE = `
apt-get -q update &&
apt-get -q -y --auto-remove install alpha &&
dpkg-query -W -f '\${db:Status-Abbrev} \${Package} \${Version}\n' alpha beta 'extra-*'
`;

/**
 * A machine that updates and installs again and again. Each generation of its repository has the packages `alpha`
 * and `beta` of one version, which is its number, and `extra-<number>`; alpha depends on both.
 */
export class AptClient {
  readonly name: string;
  readonly #root: ClientRoot;
  readonly #live: () => number;
  readonly #ended = new AbortController();
  #loop: Promise<void> | undefined;
  /** The generation that was live when the present cycle began. */
  #began = 0;
  #cycles = 0;
  readonly #seen: number[] = [];
  #waiting: (() => void)[] = [];

  private constructor(name: string, root: ClientRoot, live: () => number) {
    this.name = name;
    this.#root = root;
    this.#live = live;
  }

  /**
   * @param sources the repository's `.sources` file
   * @param live the generation that is published
   */
  static async make(
    { name, root, sources }: { name: string; root: ClientRoot; sources: string },
    live: () => number,
  ): Promise<AptClient> {
    // Debian's own packages are of no interest, nor is debconf's word on how it would ask.
    const others = '/etc/apt/sources.list /etc/apt/sources.list.d/* /etc/apt/apt.conf.d/70debconf';
    await root.must(['sh', '-c', `rm -f ${others}`]);
    await root.writeFile('/etc/apt/sources.list.d/own.sources', sources);
    await root.writeFile(
      '/etc/apt/apt.conf.d/99-own',
      'Dir::Cache::archives "own-archives/";\nAPT::Update::Error-Mode "any";\n',
    );
    await root.must(['mkdir', '-p', '/var/cache/apt/own-archives/partial']);
    await root.writeFile('/etc/dpkg/dpkg.cfg.d/own', 'force-unsafe-io\n');
    return new AptClient(name, root, live);
  }

  start(): void {
    this.#loop = this.#run();
    this.#loop.catch(() => this.#wake());
  }

  async #run(): Promise<void> {
    while (!this.#ended.signal.aborted) {
      this.#began = this.#live();
      this.#seen.push(await this.cycle());
      this.#cycles += 1;
      this.#wake();
    }
  }

  #wake(): void {
    for (const resolve of this.#waiting.splice(0)) {
      resolve();
    }
  }

  /**
   * Updates and installs once.
   *
   * @returns the generation that it has then
   * @throws Error when apt says a word of warning, or what is installed is a mix
   */
  async cycle(): Promise<number> {
    const { exitCode, stdout, stderr } = await this.#root.run(['sh', '-c', CYCLE]);
    const said = `${this.name}:\n${stdout}${stderr}`;
    if (exitCode !== 0 || stderr !== '' || /^(?:[WEN]|Err|Ign):/m.test(stdout)) {
      throw new Error(said);
    }
    const lines = [...stdout.matchAll(/^ii +(?<name>[a-z]+)(?:-(?<of>\d+))? (?<version>\d+)$/gm)];
    const generations = lines.map(({ groups }) => groups?.['of'] ?? groups?.['version']);
    if (lines.length !== 3 || new Set(generations).size !== 1) {
      throw new Error(`a mix: ${said}`);
    }
    return Number(generations[0]);
  }

  /** What it has had installed, cycle by cycle. */
  get seen(): readonly number[] {
    return this.#seen;
  }

  /** Waits for a cycle that has begun after now. @throws what a cycle failed with */
  async wholeCycle(): Promise<void> {
    await this.#until((cycles) => this.#cycles >= cycles + 2);
  }

  /** Waits until its present cycle is one that began when this generation was live, or later. */
  async hasBegunAt(generation: number): Promise<void> {
    await this.#until(() => this.#began >= generation);
  }

  async #until(isSo: (cycles: number) => boolean): Promise<void> {
    const cycles = this.#cycles;
    while (!isSo(cycles)) {
      const woken = new Promise<void>((resolve) => this.#waiting.push(resolve));
      await Promise.race([this.#loop, woken]);
    }
  }

  /** Ends after the present cycle. @throws what a cycle failed with */
  async stop(): Promise<void> {
    this.#ended.abort();
    await this.#loop;
  }
}
