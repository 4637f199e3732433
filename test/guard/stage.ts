import * as path from 'node:path';
import { makeDirectoryAtomic } from '../../src/core/files.ts';
import { sha256 } from '../../src/core/hash.ts';
import { baseRoot } from '../support/base-root.ts';
import { type TestCache, testCache } from '../support/cache.ts';
import { type ClientRoot, rootOn } from '../support/client-root.ts';
import { copyTree, removeOldTrees } from '../support/kept-trees.ts';
import { usualSuites } from '../support/mirror.ts';
import { Pool } from './pool.ts';
import { STUBS } from './stubs.ts';
import { Machine, type Start } from './machine.ts';
import { releaseOf, STAND_INS, type SuiteName } from './suites.ts';
import type { World } from './world.ts';

/** Where pools, machines and logs lie. */
export const OUT = path.join(import.meta.dirname, '../../out/guard-matrix');

/** Debian's packages that every machine has. */
const TOOLS = ['aptitude', 'kmod', 'linux-base', 'lsb-release', 'mount', 'unattended-upgrades'];

const FIRST: World = { debian: 'A', ours: { foo: 'A' }, other: '1.0' };
/** Rises when machines are made another way. */
const RECIPE = 2;
const INSTALL = ['apt-get', 'install', '-y', '--no-install-recommends'];
const KEPT_DAYS = 2;

/** Machines of one suite, each made once and copied for every cell. */
export class Stage {
  readonly suite: SuiteName;
  readonly pool: Pool;
  readonly #trees = new Map<Start, Promise<string>>();

  constructor(suite: SuiteName) {
    this.suite = suite;
    this.pool = new Pool(path.join(OUT, 'pool'));
  }

  /** A fresh machine. */
  async machine(start: Start): Promise<Machine> {
    const tree = await this.#tree(start);
    const machine = new Machine(this, await rootOn(await testCache(), tree));
    machine.keepsSources = start === 'real';
    return machine;
  }

  #tree(start: Start): Promise<string> {
    const made = this.#trees.get(start) ?? this.#make(start);
    this.#trees.set(start, made);
    return made;
  }

  async #make(start: Start): Promise<string> {
    const cache = await testCache();
    if (start === 'tools') {
      const { suite } = this;
      const options = { codename: suite, suites: usualSuites(suite), components: ['main'] };
      const base = await baseRoot(cache, options);
      return await this.#keep(cache, base, `tools ${TOOLS.join(' ')}`, installTools);
    }
    if (start === 'real') {
      return await this.#makeReal(cache);
    }
    const base = await this.#tree('tools');
    const id = (await this.packages(start)).join('\n');
    return await this.#keep(cache, base, `${start} ${id}`, async (root) => {
      const machine = new Machine(this, root, true);
      // Most packages of most cells, so that copies have them.
      await machine.offer({ debian: 'ANBC', ours: { foo: 'ANBC', bar: 'ANB' } });
      await machine.publish(FIRST);
      await root.must([...INSTALL, STUBS, 'other', 'linux-image-amd64']);
      if (start === 'guarded') {
        await root.must([...INSTALL, 'foo-modules-amd64']);
      }
    });
  }

  async #makeReal(cache: TestCache): Promise<string> {
    const { suite } = this;
    const suites = usualSuites(suite);
    const base = await baseRoot(cache, { codename: suite, suites, components: ['main'] });
    const what = `real ${(await this.packages('guarded')).join('\n')}`;
    return await this.#keep(cache, base, what, async (root) => {
      const { version } = STAND_INS[suite].kernels.A;
      const image = `linux-image-${releaseOf(suite, 'A')}=${version}`;
      const meta = `linux-image-amd64=${version}`;
      await root.must([...INSTALL, ...TOOLS, 'initramfs-tools', image, meta], { timeout: 900 });
      const machine = new Machine(this, root, true);
      machine.keepsSources = true;
      await machine.publish(FIRST);
      await root.must([...INSTALL, 'foo-modules-amd64']);
    });
  }

  /** The stanzas of the packages that a machine has from the stage. */
  async packages(start: Start): Promise<string[]> {
    const { suite, pool } = this;
    const foo = { module: 'foo', suite, flavour: 'amd64', kernel: STAND_INS[suite].kernels.A };
    const all = [
      await pool.others('2.0'),
      await pool.kernel(suite, 'A', 'own'),
      ...(start === 'guarded'
        ? [await pool.guard(), await pool.module(foo, 'own'), await pool.module(foo, 'tracking')]
        : []),
    ];
    return all.flat().map(({ stanza }) => stanza);
  }

  /** A tree on top of another, kept from call to call under the name of what makes it. */
  async #keep(
    cache: TestCache,
    base: string,
    what: string,
    change: (root: ClientRoot) => Promise<void>,
  ): Promise<string> {
    const [start = ''] = what.split(' ');
    const id = sha256(`${RECIPE} ${path.basename(base)} ${what}`).slice(0, 12);
    const folder = path.join(OUT, 'roots');
    await removeOldTrees(folder, KEPT_DAYS);
    const tree = path.join(folder, `${this.suite}-${start}-${id}`);
    await makeDirectoryAtomic(tree, async (temporary) => {
      await using root = await rootOn(cache, base);
      await change(root);
      await copyTree(root, temporary, {
        exclude: ['./var/cache/apt/archives'],
        timeout: 300_000,
      });
    });
    return tree;
  }
}

async function installTools(root: ClientRoot): Promise<void> {
  await root.must([...INSTALL, ...TOOLS]);
  // Debian's own setting takes sid for the release that it becomes, and upgrades nothing there.
  await root.writeFile(
    '/etc/apt/apt.conf.d/52stage',
    'Unattended-Upgrade::Origins-Pattern:: "origin=Debian,codename=sid";\n',
  );
  await root.must([
    'sh',
    '-c',
    'rm -rf /etc/apt/sources.list /etc/apt/sources.list.d/* /var/lib/apt/lists/*; rm -rf /usr/share/locale /usr/share/man /usr/share/doc',
  ]);
}
