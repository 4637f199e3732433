import type { OwnPackage } from '../support/small-archive.ts';
import type { SuitesStage } from '../support/suites-stage.ts';
import type { TestKernel } from '../support/test-kernels.ts';
import type { Clock } from './clock.ts';
import type { Random } from './random.ts';

export const SUITE = 'soak';
export const GRACE_DAYS = 5;
const DAY = 86_400_000;
const NAMES = ['widget', 'gadget', 'sprocket'] as const;

interface OwnModule {
  name: string;
  version: string;
  deb: OwnPackage;
}

/** The archive's history: kernels arrive, get new versions and are withdrawn, modules are updated. */
export class World {
  readonly #stage: SuitesStage;
  readonly #random: Random;
  readonly #clock: Clock;
  #kernels: TestKernel[] = [];
  #modules: OwnModule[] = [];
  /** Releases → when they were withdrawn. */
  readonly withdrawn = new Map<string, Date>();
  /** The release that gadget does not compile for. */
  #bad = '';
  #count = 0;
  arrivals = 0;
  withdrawals = 0;

  constructor(stage: SuitesStage, random: Random, clock: Clock) {
    this.#stage = stage;
    this.#random = random;
    this.#clock = clock;
  }

  async begin(): Promise<void> {
    this.#bad = `6.12.${200 + Math.floor(this.#random.between(3, 8))}+deb13`;
    this.#modules = await Promise.all(NAMES.map((name) => this.#module(name, '1.0')));
    await this.#arrive();
    await this.#arrive();
    await this.#publish();
  }

  /** Lets one thing happen. @param isArrival whether it is to be a new kernel @returns what, in words */
  async happen(isArrival: boolean): Promise<string> {
    const isFew = isArrival || this.#kernels.length < 2;
    const isMany = this.#kernels.length > 4;
    const chance = isFew ? 0 : isMany ? 0.99 : this.#random.next();
    const what =
      chance < 0.5
        ? await this.#arrive()
        : chance < 0.6
          ? await this.#renew()
          : chance < 0.68
            ? await this.#update()
            : this.#withdraw();
    await this.#publish();
    return what;
  }

  /** Names of the module packages that must be published when all is built, with the beginning of their versions. */
  expected(): Map<string, string> {
    return new Map(
      this.#kernels.flatMap(({ release, version }) =>
        this.#modules
          .filter(({ name }) => name !== 'gadget' || !release.startsWith(this.#bad))
          .map(({ name, version: own }): [string, string] => [
            `${name}-modules-${release}`,
            `${own}-0+${version.replaceAll('-', '+')}`,
          ]),
      ),
    );
  }

  /** Whether a module package may still be published now: its kernel is there, or has left within the grace period. */
  mayHave(name: string): boolean {
    const release = name.replace(/^.*-modules-/, '');
    const left = this.withdrawn.get(release);
    return left === undefined || this.#clock.now().getTime() - left.getTime() < GRACE_DAYS * DAY;
  }

  async #arrive(): Promise<string> {
    this.#count += 1;
    this.arrivals += 1;
    const upstream = `6.12.${200 + this.#count}`;
    const release = `${upstream}+deb13-cloud-amd64`;
    const kernel = await this.#stage.kernel({ release, version: `${upstream}-1` });
    this.#kernels = [...this.#kernels, kernel];
    return `${release} arrives`;
  }

  /** The newest kernel in another version under the same release. */
  async #renew(): Promise<string> {
    const newest = this.#newest();
    const { release } = newest;
    const [upstream = '', revision = ''] = newest.version.split('-');
    const version = `${upstream}-${Number(revision) + 1}`;
    const kernel = await this.#stage.kernel({ release, version });
    this.#kernels = [...this.#kernels.filter((other) => other !== newest), kernel];
    this.arrivals += 1;
    return `${release} arrives as ${version}`;
  }

  async #update(): Promise<string> {
    const name = this.#random.oneOf(NAMES);
    const old = this.#modules.find((module) => module.name === name);
    const version = `1.${Number(old?.version.split('.')[1]) + 1}`;
    const updated = await this.#module(name, version);
    this.#modules = this.#modules.map((module) => (module.name === name ? updated : module));
    return `${name} is updated to ${version}`;
  }

  #withdraw(): string {
    const [oldest, ...others] = this.#kernels;
    this.#kernels = others;
    this.withdrawals += 1;
    this.withdrawn.set(oldest?.release ?? '', this.#clock.now());
    return `${oldest?.release ?? ''} is withdrawn`;
  }

  #newest(): TestKernel {
    const newest = this.#kernels.at(-1);
    if (newest === undefined) {
      throw new Error('the archive has no kernel');
    }
    return newest;
  }

  async #module(name: string, version: string): Promise<OwnModule> {
    const failsOn = name === 'gadget' ? { failsOn: this.#bad } : {};
    return { name, version, deb: await this.#stage.module({ name, version, ...failsOn }) };
  }

  async #publish(): Promise<void> {
    const date = this.#clock.now();
    await this.#stage.archive.setSuite(SUITE, {
      packages: [
        ...this.#kernels.flatMap(({ packages }) => packages),
        await this.#stage.meta(this.#newest()),
        ...this.#modules.map(({ deb }) => deb),
      ],
      date,
      validUntil: new Date(date.getTime() + 30 * DAY),
    });
  }
}
