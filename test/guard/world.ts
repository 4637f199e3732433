import { sha256 } from '../../src/core/hash.ts';
import { formatRelease } from '../../src/publisher/release.ts';
import { ORIGIN } from './module-packages.ts';
import type { Pool, PoolPackage } from './pool.ts';
import { type Archive, type Letter, STAND_INS, type SuiteName } from './suites.ts';

/** What the archives of a machine have at some time: kernels by their letters, the newest last. */
export interface World {
  /** The suite that the sources name; the machine's own unless given. */
  suite?: SuiteName;
  /** Kernels of the suite itself: `AB`. Its metapackages point to the last. */
  debian: string;
  security?: string;
  backports?: string;
  /** Kernels for i386 in the suite itself; none unless given, and i386 is only in the sources then. */
  i386?: string;
  /**
   * Kernels that modules are published for: `{ foo: 'AB', 'foo:cloud-amd64': 'A' }`; the flavour is amd64 unless given. A
   * letter after `=` is a kernel that has the module itself. Undefined: the repository is gone.
   */
  ours: Readonly<Record<string, string>> | undefined;
  /** The newest version of the package `other`; 2.0 unless given. */
  other?: '1.0' | '2.0';
}

/** Where the repositories lie in a machine. */
const ARCHIVE = '/srv/archive';

/** A repository: what apt reads, and the packages that it names. */
interface Repository {
  name: string;
  archive: Archive;
  packages: PoolPackage[];
}

function letters(text: string): Letter[] {
  return text.split('').filter((letter): letter is Letter => /^[ANBCP]$/.test(letter));
}

async function kernels(pool: Pool, suite: SuiteName, text: string): Promise<PoolPackage[]> {
  const all = letters(text);
  const own = await Promise.all(all.map((letter) => pool.kernel(suite, letter, 'own')));
  const last = all.at(-1);
  return [...own.flat(), ...(last === undefined ? [] : await pool.kernel(suite, last, 'meta'))];
}

async function i386(pool: Pool, suite: SuiteName, text: string): Promise<PoolPackage[]> {
  const all = letters(text);
  const own = await Promise.all(all.map((letter) => pool.i386(suite, letter, 'own')));
  const last = all.at(-1);
  return [...own.flat(), ...(last === undefined ? [] : await pool.i386(suite, last, 'meta'))];
}

async function modules(
  pool: Pool,
  suite: SuiteName,
  ours: Readonly<Record<string, string>>,
): Promise<PoolPackage[]> {
  const packages = [...(await pool.guard())];
  for (const [key, text] of Object.entries(ours)) {
    const [module = '', flavour = 'amd64'] = key.split(':');
    const inTree = text.split('=')[1] ?? '';
    const all = letters(text);
    const inputs = all.map((letter) => ({
      module,
      suite,
      flavour,
      kernel: STAND_INS[suite].kernels[letter],
      isInTree: inTree.includes(letter),
    }));
    const own = await Promise.all(inputs.map((one) => pool.module(one, 'own')));
    const last = inputs.at(-1);
    packages.push(
      ...own.flat(),
      ...(last === undefined ? [] : await pool.module(last, 'tracking')),
    );
  }
  return packages;
}

async function repositories(pool: Pool, world: World, machine: SuiteName): Promise<Repository[]> {
  const suite = world.suite ?? machine;
  const { archives } = STAND_INS[suite];
  const found: Repository[] = [
    {
      name: 'debian',
      archive: archives.debian,
      packages: [
        ...(await kernels(pool, suite, world.debian)),
        ...(await i386(pool, suite, world.i386 ?? '')),
        ...(await pool.others(world.other ?? '2.0')),
      ],
    },
  ];
  for (const name of ['security', 'backports'] as const) {
    const text = world[name];
    if (text !== undefined) {
      const packages = await kernels(pool, suite, text);
      found.push({ name, archive: archives[name], packages });
    }
  }
  if (world.ours !== undefined) {
    const { codename, suite: name } = archives.debian;
    const archive = { origin: ORIGIN, label: ORIGIN, suite: name, codename };
    found.push({ name: 'ours', archive, packages: await modules(pool, suite, world.ours) });
  }
  return found;
}

function releaseFile(archive: Archive, indices: ReadonlyMap<string, string>, date: Date): string {
  const text = formatRelease(
    {
      ...archive,
      notAutomatic: archive.backports === true,
      butAutomaticUpgrades: archive.backports === true,
      architectures: ['amd64', 'i386'],
      components: ['main'],
      description: undefined,
      files: [...indices].map(([at, index]) => ({
        path: at,
        sha256: sha256(index),
        size: Buffer.byteLength(index),
      })),
    },
    date,
  );
  return text.replace('Acquire-By-Hash: yes\n', '');
}

function writeCommand(file: string, text: string): string {
  const end = `END_${sha256(text).slice(0, 12)}`;
  return `mkdir -p '${file.slice(0, file.lastIndexOf('/'))}'\ncat >'${file}' <<'${end}'\n${text}${text.endsWith('\n') ? '' : '\n'}${end}\n`;
}

export interface WorldScript {
  /** Shell that replaces the machine's repositories and sources by the world's. */
  script: string;
  /** Every package that the repositories name, to be at `/srv/pool`. */
  packages: PoolPackage[];
}

/**
 * @param machine the suite of the machine
 * @param date of the Release files: later than that of the machine's last world
 * @param keepsSources Debian's own sources stay beside the stage's repository of modules
 */
export async function worldScript(
  pool: Pool,
  world: World,
  machine: SuiteName,
  date: Date,
  keepsSources = false,
): Promise<WorldScript> {
  const all = await repositories(pool, world, machine);
  const used = keepsSources ? all.filter(({ name }) => name === 'ours') : all;
  const lines = [`rm -rf ${ARCHIVE}\n`];
  const sources: string[] = [];
  for (const { name, archive, packages } of used) {
    const indices = new Map(
      ['amd64', 'i386'].map((architecture) => [
        `main/binary-${architecture}/Packages`,
        packages
          .filter((one) => [architecture, 'all'].includes(one.architecture))
          .map(({ stanza }) => `${stanza}\n`)
          .join(''),
      ]),
    );
    const base = `${ARCHIVE}/${name}/dists/${archive.codename}`;
    for (const [at, text] of indices) {
      lines.push(
        text === ''
          ? `mkdir -p ${base}/main/binary-i386 && : >${base}/${at}\n`
          : writeCommand(`${base}/${at}`, text),
      );
    }
    lines.push(writeCommand(`${base}/Release`, releaseFile(archive, indices, date)));
    lines.push(`touch -d @${Math.floor(date.getTime() / 1000)} ${base}/Release\n`);
    lines.push(`ln -sfn /srv/pool ${ARCHIVE}/${name}/pool\n`);
    const options = world.i386 === undefined ? 'trusted=yes arch=amd64' : 'trusted=yes';
    sources.push(`deb [${options}] file:${ARCHIVE}/${name} ${archive.codename} main\n`);
  }
  if (world.ours === undefined) {
    const { codename } = STAND_INS[world.suite ?? machine].archives.debian;
    sources.push(`deb [trusted=yes] file:${ARCHIVE}/ours ${codename} main\n`);
  }
  lines.push(writeCommand('/etc/apt/sources.list.d/stage.list', sources.join('')));
  return { script: lines.join(''), packages: used.flatMap(({ packages }) => packages) };
}
