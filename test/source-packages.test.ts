import * as fs from 'node:fs/promises';
import * as path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { exists } from '../src/core/files.ts';
import { runProgram } from '../src/programs/run.ts';
import { giveBuildRoots, takeBuildRoots } from './support/build-roots.ts';
import { type ClientRoot, clientRoot } from './support/client-root.ts';
import { descriptionPatch, dkmsFiles, moduleText, writeTree } from './support/module-sources.ts';
import { type ProgramEnd, resultOf, type Scratch, scratch } from './support/program.ts';
import { type Served, serve } from './support/quickstart.ts';
import { publishedIndex } from './support/published-index.ts';
import { smallArchive } from './support/small-archive.ts';
import { type SteerableMirror, steerableMirror } from './support/steerable-mirror.ts';
import { writeConfig } from './support/test-config.ts';
import { slow } from './support/tier.ts';
import { dkmsPackage } from './support/test-packages.ts';
import { testSource } from './support/test-source.ts';

let mirror: SteerableMirror;
let box: Scratch;
let config: string;
let dsc: string;
/** A run while the archive's sources can't be read, and one after it. */
let first: ProgramEnd;
let second: ProgramEnd;
let publishedFirst: string[];
let release: string;

const at = (...names: string[]): string => path.join(box.path, ...names);
const pool = async (end: string): Promise<string[]> =>
  (await fs.readdir(at('repository/pool'), { recursive: true, withFileTypes: true }))
    .filter((entry) => entry.isFile() && entry.name.endsWith(end))
    .map((entry) => path.relative(at('repository/pool'), path.join(entry.parentPath, entry.name)))
    .toSorted();
const run = (command = 'run'): Promise<ProgramEnd> => box.run([command, '-c', config, '--json']);

beforeAll(async () => {
  mirror = await steerableMirror();
  box = await scratch('source-packages');
  const source = await testSource(mirror, box.path, {
    name: 'own-dkms',
    upstream: '1.0',
    files: { 'own.c': moduleText(), 'dkms.conf': '# of own\n' },
  });
  dsc = source.dsc;
  // The index names this one's source, and the mirror has not got its files.
  const orphan = { name: 'orphan-dkms', upstream: '2.0', files: { 'orphan.c': moduleText() } };
  const { index: sources } = await testSource(mirror, box.path, orphan);
  const own = [
    await dkmsPackage(box.path, { name: 'own', version: '1.0-1' }),
    await dkmsPackage(box.path, { name: 'orphan', version: '2.0-1' }),
  ];
  const { keyring } = await smallArchive(mirror, box.path, own, sources);
  await writeTree(at('dirmod'), {
    ...dkmsFiles('dirmod', '1.2-rc1'),
    ...{ 'debian/copyright': 'copyright of dirmod\n', 'configure.sh': '#!/bin/sh\n' },
  });
  await fs.chmod(at('dirmod/configure.sh'), 0o755);
  await fs.symlink('/etc/passwd', at('dirmod/link'));
  await fs.writeFile(
    at('new.patch'),
    descriptionPatch('dirmod.c', 'A module of a test', 'patched'),
  );
  await fs.writeFile(at('old.patch'), descriptionPatch('nothing.c', 'a', 'b'));
  config = await writeConfig(box.path, {
    archive: { mirror: mirror.url, keyring },
    modules: [
      'own-dkms',
      'orphan-dkms',
      {
        ...{ name: 'dirmod', directory: './dirmod' },
        patches: [{ file: './new.patch' }, { file: './old.patch', kernels: '<< 6' }],
      },
    ],
  });
  mirror.steer(/\/source\/Sources/, { kind: 'status', status: 503 });
  await takeBuildRoots(at('state'));
  first = await run();
  publishedFirst = await pool('.deb');
  mirror.calm();
  mirror.steer(/\/pool\/source\/orphan/, { kind: 'status', status: 404 });
  second = await run();
  release = resultOf(second).targets[0]?.release ?? '';
}, 600_000);

afterAll(async () => {
  await mirror[Symbol.asyncDispose]();
  await giveBuildRoots(at('state'));
  await box[Symbol.asyncDispose]();
});

const index = (): Promise<string> =>
  publishedIndex(at('repository'), 'trixie', 'main/source/Sources');

/** The fields of an index that tell where something lies. */
function placesOf(text: string): string[] {
  return text
    .split('\n\n')
    .filter((stanza) => stanza.trim() !== '')
    .map((stanza) =>
      [...stanza.matchAll(/^(?:Package|Version|Directory): .*$|^ [0-9a-f]{64} .*$/gm)]
        .map(([line]) => line)
        .toSorted()
        .join('\n'),
    )
    .toSorted();
}

describe('a repository', () => {
  test('is published while the archive’s sources can’t be read, and has them later, without another package', async () => {
    expect(first, first.stderr).toMatchObject({ exitCode: 0 });
    expect(first.stderr).toContain("the source own-dkms 1.0-1 can't be fetched now");
    expect(publishedFirst.some((name) => name.includes('own-modules-'))).toBe(true);
    expect(second, second.stderr).toMatchObject({ exitCode: 0 });
    expect(second.stderr).toContain('no archive has the source orphan-dkms 2.0-1: one is made');
    const isOrphan = (name: string): boolean => name.includes('orphan-modules');
    expect((await pool('.deb')).filter((name) => !isOrphan(name))).toEqual(
      publishedFirst.filter((name) => !isOrphan(name)),
    );
  });

  test('names its sources as apt-ftparchive does', async () => {
    const { stdout } = await runProgram('apt-ftparchive', ['sources', 'pool'], {
      cwd: at('repository'),
    });
    expect(placesOf(await index())).toEqual(placesOf(stdout));
    expect([...(await index()).matchAll(/^Package: (.*)$/gm)].map((match) => match[1])).toEqual([
      ...['dirmod-modules', 'lockstep-guard', 'lockstep-recipe', 'orphan-modules', 'own-dkms'],
      'test-modules-archive-keyring',
    ]);
    const signed = await fs.readFile(at('repository/dists/trixie/InRelease'), 'utf8');
    for (const end of [
      'source/Sources',
      'source/Sources.gz',
      'source/Sources.xz',
      'buildinfo/SHA256SUMS',
    ]) {
      expect(signed).toContain(` main/${end}\n`);
    }
  });

  test('that is whole is not touched', async () => {
    const publications = async (): Promise<unknown> =>
      JSON.parse(await fs.readFile(at('state/ledger/publications.json'), 'utf8'));
    const before = await publications();
    const signed = await fs.readFile(at('repository/dists/trixie/InRelease'), 'utf8');
    expect(await run()).toMatchObject({ exitCode: 0 });
    expect(await publications()).toEqual(before);
    expect(await fs.readFile(at('repository/dists/trixie/InRelease'), 'utf8')).toBe(signed);
  });
});

/** Downloads a package's source by apt alone, in a machine's root. @returns the folder it is in, on this machine */
async function sourceOf(root: ClientRoot, name: string): Promise<string> {
  const folder = `/root/${name}`;
  await root.must(['mkdir', folder]);
  await root.must(['apt-get', 'source', '--download-only', name], { cwd: folder });
  return path.join(root.path, folder);
}

/** The unpacked module source that has a folder. */
async function layerWith(folder: string): Promise<string> {
  for (const name of await fs.readdir(at('state/cache/module-layers'))) {
    const layer = at('state/cache/module-layers', name);
    if (await exists(path.join(layer, folder))) {
      return layer;
    }
  }
  throw new Error(`no layer has ${folder}`);
}

describe('apt-get source in a machine with nothing but the .sources file', () => {
  let root: ClientRoot;
  let served: Served;

  beforeAll(async () => {
    root = await clientRoot('trixie');
    served = await serve(at('repository'));
    await root.writeFile('/etc/apt/sources.list.d/x.sources', await served.sources('trixie'));
    await root.must(['apt-get', 'update']);
    for (const name of [
      ...[`own-modules-${release}`, 'own-modules-cloud-amd64', `dirmod-modules-${release}`],
      ...[`orphan-modules-${release}`, 'lockstep-guard', 'lockstep-recipe'],
      'test-modules-archive-keyring',
    ]) {
      await sourceOf(root, name);
    }
  }, 120_000);

  afterAll(async () => {
    await root[Symbol.asyncDispose]();
    await served[Symbol.asyncDispose]();
  });

  const got = (...names: string[]): string => path.join(root.path, 'root', ...names);

  async function unpacked(name: string): Promise<string> {
    const folder = got(name);
    const file = (await fs.readdir(folder)).find((entry) => entry.endsWith('.dsc')) ?? '';
    const tree = at(`unpacked-${name}`);
    await runProgram('dpkg-source', ['--extract', path.join(folder, file), tree]);
    return tree;
  }

  test('gives the archive’s own source of a DKMS package, byte by byte', async () => {
    for (const name of [`own-modules-${release}`, 'own-modules-cloud-amd64']) {
      expect(await fs.readFile(got(name, 'own-dkms_1.0-1.dsc'), 'utf8')).toBe(dsc);
    }
    const tree = await unpacked(`own-modules-${release}`);
    expect(await fs.readFile(path.join(tree, 'dkms.conf'), 'utf8')).toBe('# of own\n');
  });

  test('gives of a folder what was built, its patches for that kernel and the recipe', async () => {
    const tree = await unpacked(`dirmod-modules-${release}`);
    const folder = 'usr/src/dirmod-1.2~rc1';
    const layer = await layerWith(folder);
    const list = ['-printf', '%P %y %l %s %#m %Ts\\n'];
    const listed = async (top: string): Promise<string[]> =>
      (await runProgram('find', [path.join(top, folder), ...list])).stdout
        .split('\n')
        .filter((line) => !/^ d |^\S+ d /.test(line))
        .toSorted();
    expect(await listed(path.join(tree, 'source'))).toEqual(await listed(layer));
    await runProgram('diff', ['-r', '--no-dereference', layer, path.join(tree, 'source')]);
    expect(await fs.readFile(path.join(tree, 'patches/series'), 'utf8')).toBe('1-new.patch\n');
    expect(await fs.readFile(path.join(tree, 'patches/1-new.patch'))).toEqual(
      await fs.readFile(at('new.patch')),
    );
    const recipe = path.join(import.meta.dirname, '../src/programs/recipe/build.bash');
    expect(await fs.readFile(path.join(tree, 'recipe/build.bash'))).toEqual(
      await fs.readFile(recipe),
    );
    expect(await fs.readFile(path.join(tree, 'debian/copyright'), 'utf8')).toBe(
      'copyright of dirmod\n',
    );
  });

  test('gives what was unpacked where the archive has no source', async () => {
    const tree = await unpacked(`orphan-modules-${release}`);
    expect(await fs.readdir(path.join(tree, 'source/usr/src/orphan-2.0-1'))).toEqual([
      ...['Kbuild', 'dkms.conf', 'orphan.c'],
    ]);
  });

  test('gives the guard, the recipe and the keys', async () => {
    const keys = await unpacked('test-modules-archive-keyring');
    expect(await fs.readFile(path.join(keys, 'keys.asc'), 'utf8')).toContain('PGP PUBLIC KEY');
    const guard = await unpacked('lockstep-guard');
    expect(await fs.readdir(guard)).toEqual(expect.arrayContaining(['lockstep-guard', 'lib']));
    const recipe = await unpacked('lockstep-recipe');
    expect(await fs.readdir(path.join(recipe, 'recipe'))).toContain('build');
  });

  test.runIf(slow)(
    'gives what the published modules can be built from by hand, byte by byte',
    async () => {
      const cwd = '/root/by-hand';
      const shell = (script: string): Promise<string> => root.must(['sh', '-ec', script], { cwd });
      await root.must(['mkdir', cwd]);
      await shell(
        `apt-get install -y --no-install-recommends dpkg-dev gcc make patch kmod xz-utils linux-headers-${release}`,
      );
      await shell(`apt-get source dirmod-modules-${release} lockstep-recipe`);
      await shell(`cd dirmod-modules-*/ && recipe/build ${release} ${cwd}/out`);
      const layer = await layerWith('usr/src/own-1.0-1');
      for (const name of await fs.readdir(path.join(layer, 'usr/src/own-1.0-1'))) {
        const file = `usr/src/own-1.0-1/${name}`;
        await root.writeFile(`/${file}`, await fs.readFile(path.join(layer, file)));
        const { mtimeMs } = await fs.stat(path.join(layer, file));
        await shell(`touch -d @${Math.floor(mtimeMs / 1000)} /${file}`);
      }
      await shell(`cd lockstep-recipe-*/ && recipe/build ${release} ${cwd}/out /usr/src/own-1.0-1`);
      for (const name of ['dirmod', 'own']) {
        await shell(`apt-get download ${name}-modules-${release}`);
        await shell(`dpkg-deb -x ${name}-modules-*.deb ${name}`);
        const published = await shell(`xz -dc "$(find ${name} -name ${name}.ko.xz)" | sha256sum`);
        expect(await shell(`sha256sum <out/${name}.ko`)).toBe(published);
      }
    },
    600_000,
  );
});

describe('what a package was built with', () => {
  test('lies beside it, and a signed index has its hash', async () => {
    const file = (await pool('.buildinfo')).find((name) => name.includes('dirmod')) ?? '';
    const text = await fs.readFile(at('repository/pool', file), 'utf8');
    const deb = at('repository/pool', file.replace(/buildinfo$/, 'deb'));
    const { stdout } = await runProgram('sha256sum', [deb]);
    expect(text).toContain(
      `\n ${stdout.slice(0, 64)} ${(await fs.stat(deb)).size} ${path.basename(deb)}\n`,
    );
    expect(text).toMatch(/^Source: dirmod-modules \(1\.2~rc1\+s[0-9a-f]{12}\)$/m);
    expect(text).toMatch(/^ gcc-14 \(= /m);
    expect(text).toMatch(
      new RegExp(`^ linux-headers-${release.replaceAll('+', '\\+')} \\(= `, 'm'),
    );
    expect(text).not.toMatch(/^Build-Date|localhost/m);
    const input = await publishedIndex(at('repository'), 'trixie', 'main/buildinfo/SHA256SUMS');
    const checked = await runProgram('sha256sum', ['--check'], { cwd: at('repository'), input });
    expect(checked.stdout).toContain(`pool/${file}: OK\n`);
    expect(checked.stdout.match(/: OK$/gm)).toHaveLength(3);
  });
});

describe('a file of a source', () => {
  test('that is altered or gone is found, and put back with the same bytes', async () => {
    const before = await index();
    const files = await pool('');
    // Those of the state before, which the pool still has, are no part of the live one.
    const sources = files.filter(
      (name) => /\.(dsc|tar\.xz|buildinfo)$/.test(name) && !name.includes('orphan-dkms/'),
    );
    expect(sources.length).toBeGreaterThan(10);
    for (const name of sources) {
      const file = at('repository/pool', name);
      const bytes = await fs.readFile(file);
      await fs.rm(file);
      if (name.includes('dirmod') || name.endsWith('.dsc')) {
        bytes[20] = (bytes[20] ?? 0) ^ 1;
        await fs.writeFile(file, bytes);
      }
    }
    const verified = await run('verify');
    expect(verified.exitCode).toBe(1);
    for (const name of sources) {
      expect(verified.stdout).toContain(`pool/${name}`);
    }
    // Made anew from nothing but what was unpacked, and got from the archive again.
    await fs.rm(at('state/source-packages'), { recursive: true });
    const repaired = await run('repair');
    expect(repaired, repaired.stderr).toMatchObject({ exitCode: 0 });
    expect(await index()).toBe(before);
    expect(await pool('')).toEqual(files);
    expect(await run('verify')).toMatchObject({ exitCode: 0 });
  });

  test.runIf(slow)('that was altered through its other name is put back too', async () => {
    for (const name of await pool('.dsc')) {
      await fs.appendFile(at('repository/pool', name), '\n');
    }
    const [tarball = ''] = await pool('.tar.xz');
    await fs.appendFile(at('repository/pool', tarball), 'x');
    const [buildinfo = ''] = await pool('.buildinfo');
    await fs.appendFile(at('repository/pool', buildinfo), 'x');
    expect(await run('verify')).toMatchObject({ exitCode: 1 });
    const repaired = await run('repair');
    expect(repaired, repaired.stderr).toMatchObject({ exitCode: 0 });
    expect(await run('verify')).toMatchObject({ exitCode: 0 });
  });
});
