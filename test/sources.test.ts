import { randomUUID } from 'node:crypto';
import * as fs from 'node:fs/promises';
import * as path from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { sha256, sha256File } from '../src/core/hash.ts';
import { runProgram } from '../src/programs/run.ts';
import {
  commitAll,
  descriptionPatch,
  dkmsFiles,
  git,
  moduleText,
  tarOf,
  writeTree,
} from './support/module-sources.ts';
import { giveBuildRoots, takeBuildRoots } from './support/build-roots.ts';
import { publishedIndex } from './support/published-index.ts';
import { type ProgramEnd, type Scratch, scratch } from './support/program.ts';
import { smallArchive } from './support/small-archive.ts';
import { type SteerableMirror, steerableMirror } from './support/steerable-mirror.ts';
import { writeConfig } from './support/test-config.ts';
import { slow } from './support/tier.ts';

const canary = `lockstep-canary-${randomUUID()}`;

const resultSchema = z.object({
  targets: z.array(
    z.object({
      ...{ module: z.string(), moduleVersion: z.string(), release: z.string() },
      ...{ verdict: z.string(), reason: z.string(), cause: z.string().optional() },
    }),
  ),
  absent: z.array(z.unknown()),
  sources: z.array(
    z.object({ module: z.string(), code: z.string(), message: z.string(), version: z.unknown() }),
  ),
  built: z.number().optional(),
});
type Result = z.infer<typeof resultSchema>;

let mirror: SteerableMirror;
let box: Scratch;
let archive: { mirror: string; keyring: string };
let firstCommit: string;
let first: ProgramEnd;

const at = (...names: string[]): string => path.join(box.path, ...names);

function resultOf(end: ProgramEnd): Result {
  return resultSchema.parse(JSON.parse(end.stdout));
}

function targetOf(end: ProgramEnd, module: string): Result['targets'][number] | undefined {
  return resultOf(end).targets.find((target) => target.module === module);
}

/** The modules whose sources are as they should be. */
async function goodModules(): Promise<Record<string, unknown>[]> {
  return [
    {
      ...{ name: 'dirmod', directory: './dirmod', initramfs: true },
      patches: [
        { file: './new.patch', kernels: '>= 6.12, << 99' },
        { file: './missing-for-old.patch', kernels: '<< 6' },
      ],
    },
    {
      ...{
        name: 'tarmod',
        tarball: './tarmod.tar.xz',
        sha256: await sha256File(at('tarmod.tar.xz')),
      },
      ...{ built: [{ name: 'tar_module', location: 'src', installed: 'tar-module' }] },
      make: 'make -C $kernel_source_dir M=$PWD/src modules',
    },
    {
      ...{ name: 'gitmod', git: pathToFileURL(at('gitmod')).href, tag: 'release/v3.1-rc2' },
      folder: 'driver',
    },
    { name: 'contribmod', directory: './contribmod', component: 'contrib', built: [{ name: 'c' }] },
  ];
}

/** Tarballs that want out, or too much. */
const HOSTILE: Record<string, Buffer> = {
  dots: tarOf([{ name: `x/../../../../../../../tmp/${canary}`, content: 'x' }]),
  absolute: tarOf([{ name: `/tmp/${canary}`, content: 'x' }]),
  'hard-link': tarOf([{ name: 'x/shadow', type: '1', link: '/etc/shadow' }]),
  device: tarOf([{ name: 'x/null', type: '3' }]),
  pipe: tarOf([{ name: 'x/pipe', type: '6' }]),
  'through-link': tarOf([
    { name: 'x/out', type: '2', link: '/tmp' },
    { name: `x/out/${canary}`, content: 'x' },
  ]),
  truncated: tarOf([{ name: 'x/zeros', size: 8 ** 11 - 1 }]),
  'many-files': tarOf(
    Array.from({ length: 100_001 }, (_, index) => ({ name: `x/${index}`, type: '5' })),
  ),
  text: Buffer.from('this is no tarball\n'.repeat(100)),
  'conf-link': tarOf([{ name: 'x/dkms.conf', type: '2', link: '/etc/passwd' }]),
  empty: tarOf([]),
};

async function config(
  modules: readonly Record<string, unknown>[],
  repository: Record<string, unknown> = {},
): Promise<string> {
  return writeConfig(box.path, { archive, repository, modules });
}

beforeAll(async () => {
  mirror = await steerableMirror();
  box = await scratch('sources');
  const { keyring } = await smallArchive(mirror, box.path);
  archive = { mirror: mirror.url, keyring };

  await writeTree(at('dirmod'), {
    ...dkmsFiles('dirmod', '1.2-rc1'),
    ...{ 'debian/copyright': 'copyright of dirmod\n', COPYING: 'not this one\n' },
  });
  await fs.symlink('/etc/passwd', at('dirmod/link'));
  await fs.writeFile(
    at('new.patch'),
    descriptionPatch('dirmod.c', 'A module of a test', 'patched'),
  );
  await fs.writeFile(at('missing-for-old.patch'), descriptionPatch('nothing.c', 'a', 'b'));

  await writeTree(at('tarmod/tarmod-9'), {
    ...{ 'src/tar_module.c': moduleText(), 'src/Makefile': 'obj-m := tar_module.o\n' },
    COPYING: 'copyright of tarmod\n',
  });
  await runProgram('tar', ['-cJf', at('tarmod.tar.xz'), '-C', at('tarmod'), 'tarmod-9']);

  await writeTree(at('gitmod'), {
    ...Object.fromEntries(
      Object.entries(dkmsFiles('gitmod', '#MODULE_VERSION#')).map(([name, text]) => [
        `driver/${name}`,
        text.replaceAll('${PACKAGE_VERSION}', '${module_version}'),
      ]),
    ),
    LICENSE: 'copyright of gitmod\n',
  });
  firstCommit = await commitAll(at('gitmod'), 'release/v3.1-rc2');
  await writeTree(at('contribmod'), { 'c.c': moduleText(), Kbuild: 'obj-m := c.o\n' });

  const hostile: Record<string, unknown>[] = [];
  for (const [name, content] of Object.entries(HOSTILE)) {
    await fs.writeFile(at(`${name}.tar`), content);
    hostile.push({ name, tarball: `${name}.tar`, sha256: sha256(content) });
  }
  await writeTree(at('bomb'), { zeros: '' });
  await fs.truncate(at('bomb/zeros'), 1e11);
  await runProgram('tar', ['-cSf', at('bomb.tar'), '-C', box.path, 'bomb']);
  hostile.push({ name: 'bomb', tarball: 'bomb.tar', sha256: await sha256File(at('bomb.tar')) });
  const good = await goodModules();
  await fs.writeFile(at('wrong.patch'), descriptionPatch('acpi_call.c', 'no', 'such line'));
  const file = await config([
    ...good,
    { package: 'acpi-call-dkms', patches: [{ file: 'wrong.patch' }] },
    { package: 'openvpn-dco-dkms', patches: [{ file: 'no-such.patch' }] },
    { name: 'missing', directory: './missing' },
    { name: 'altered', tarball: './tarmod.tar.xz', sha256: 'a'.repeat(64) },
    { name: 'no-tag', git: pathToFileURL(at('gitmod')).href, tag: 'v9' },
    { name: 'no-commit', git: pathToFileURL(at('gitmod')).href, commit: 'b'.repeat(40) },
    { name: 'no-repository', git: 'file:///nonexistent.git', tag: 'v1' },
    ...hostile,
  ]);
  await takeBuildRoots(at('state'));
  first = await box.run(['run', '-c', file, '--json']);
}, 600_000);

afterAll(async () => {
  await mirror[Symbol.asyncDispose]();
  await giveBuildRoots(at('state'));
  await box[Symbol.asyncDispose]();
});

function indexText(): Promise<string> {
  return publishedIndex(at('repository'), 'trixie', 'main/binary-amd64/Packages');
}

/** The published `.deb` of a module for the one kernel there is. */
async function debOf(module: string): Promise<string> {
  const stanzas = (await indexText()).split('\n\n');
  const found = stanzas.find((text) =>
    new RegExp(`^Package: ${module}-modules-\\d`, 'm').test(text),
  );
  return at('repository', /^Filename: (?<file>.*)$/m.exec(found ?? '')?.groups?.['file'] ?? '');
}

async function contentOf(module: string): Promise<string> {
  const folder = await fs.mkdtemp(at('deb-'));
  await runProgram('dpkg-deb', ['--raw-extract', await debOf(module), folder]);
  return folder;
}

async function packageNames(): Promise<string[]> {
  return [...(await indexText()).matchAll(/^Package: (?<name>.*)$/gm)].map(
    (match) => match[1] ?? '',
  );
}

describe('sources that are no packages', () => {
  test('are built and published, by names and versions that are known before', () => {
    expect(first, first.stderr).toMatchObject({ exitCode: 1 });
    expect(first.stderr).not.toMatch(/^\s+at |BUG/m);
    expect(targetOf(first, 'dirmod')).toMatchObject({
      ...{ verdict: 'published', moduleVersion: '1.2~rc1' },
    });
    expect(targetOf(first, 'tarmod')).toMatchObject({ verdict: 'published' });
    expect(targetOf(first, 'tarmod')?.moduleVersion).toMatch(/^0\+[0-9a-f]{8}$/);
    expect(targetOf(first, 'gitmod')).toMatchObject({
      ...{ verdict: 'published', moduleVersion: '3.1~rc2' },
    });
  });

  test.each<[string, string, string, string]>([
    ['dirmod', 'dirmod', 'patched', 'copyright of dirmod\n'],
    ['tarmod', 'tar-module', 'A module of a test', 'copyright of tarmod\n'],
    ['gitmod', 'gitmod', 'A module of a test', 'copyright of gitmod\n'],
  ])('%s has its module, as patched, and its copyright', async (module, ko, text, copyright) => {
    const folder = await contentOf(module);
    const find = await runProgram('find', [folder, '-name', `${ko}.ko*`]);
    const { stdout } = await runProgram('modinfo', ['-F', 'description', find.stdout.trim()]);
    expect(stdout.trim()).toBe(text);
    const documents = await runProgram('find', [folder, '-name', 'copyright']);
    expect(await fs.readFile(documents.stdout.trim(), 'utf8')).toBe(copyright);
  });

  test('say in the package where they are from', async () => {
    const { stdout } = await runProgram('dpkg-deb', ['-f', await debOf('gitmod')]);
    expect(stdout.replace(/\n /g, ' ')).toContain(`tag release/v3.1-rc2, commit ${firstCommit}`);
    expect(stdout).toMatch(/^Built-Using: linux \(= \S+\)$/m);
    const directory = await runProgram('dpkg-deb', ['-f', await debOf('dirmod')]);
    expect(directory.stdout).not.toContain(box.path);
  });

  test('that have no DKMS package have no stand-in for one', async () => {
    const names = await packageNames();
    expect(names).toContain('dirmod-modules-cloud-amd64');
    expect(names.filter((name) => name.endsWith('-prebuilt'))).toEqual([]);
  });
});

describe('what can’t be got', () => {
  test('is one line for its module, and is missing nowhere else', () => {
    const { sources, absent } = resultOf(first);
    const codes = Object.fromEntries(sources.map(({ module, code }) => [module, code]));
    expect(codes).toEqual({
      ...{ missing: 'SOURCE_UNAVAILABLE', altered: 'SOURCE_ALTERED' },
      ...{ 'no-tag': 'SOURCE_UNAVAILABLE', 'no-commit': 'SOURCE_UNAVAILABLE' },
      ...{ 'no-repository': 'SOURCE_UNAVAILABLE', 'openvpn-dco': 'SOURCE_UNAVAILABLE' },
      ...Object.fromEntries(
        [...Object.keys(HOSTILE), 'bomb'].map((name) => [name, 'SOURCE_INVALID']),
      ),
    });
    const messageOf = (name: string): string =>
      sources.find(({ module }) => module === name)?.message ?? '';
    expect(messageOf('missing')).toContain(`the folder ${at('missing')} can't be read`);
    expect(messageOf('altered')).toMatch(/has SHA-256 [0-9a-f]{64}, not a{64}/);
    expect(messageOf('no-tag')).toContain('has no tag v9');
    expect(messageOf('no-commit')).toContain(`has no commit ${'b'.repeat(40)}`);
    expect(messageOf('openvpn-dco')).toContain('no-such.patch');
    expect(messageOf('hard-link')).toContain('hard link');
    expect(messageOf('dots')).toContain('leads out of it');
    expect(messageOf('absolute')).toContain('leads out of it');
    expect(messageOf('bomb')).toContain('bytes');
    expect(messageOf('many-files')).toContain('entries');
    expect(messageOf('conf-link')).toContain('no dkms.conf');
    expect(sources.filter(({ message }) => message.includes('\n'))).toEqual([]);
    expect(absent).toEqual([]);
  });

  test('wrote nothing outside, and left nothing half', async () => {
    for (const folder of ['/tmp', '/', box.path, box.tmp]) {
      expect((await fs.readdir(folder)).filter((name) => name.includes(canary))).toEqual([]);
    }
    expect(await fs.readdir(box.tmp)).toEqual([]);
    const kept = await fs.readdir(at('state/cache/sources'));
    expect(kept.filter((name) => !name.endsWith('.json'))).toEqual([]);
    const found = await runProgram('find', [at('state'), '-name', `*${canary}*`]);
    expect(found.stdout).toBe('');
  });

  test('a patch that does not apply fails its target by name', () => {
    expect(targetOf(first, 'acpi-call')).toMatchObject({
      ...{ verdict: 'failed', reason: 'the patch wrong.patch does not apply' },
    });
  });
});

describe('what is not from main', () => {
  test('is built, not published, and the plan says why', async () => {
    const reason =
      'built; not published: contribmod is from contrib, and the configuration does not say `publish: nonfree`';
    expect(targetOf(first, 'contribmod')).toMatchObject({ verdict: 'built', reason });
    expect((await packageNames()).filter((name) => name.startsWith('contribmod'))).toEqual([]);
    const sources = await publishedIndex(at('repository'), 'trixie', 'main/source/Sources');
    expect(sources).toMatch(/^Package: gitmod-modules$/m);
    expect(sources).not.toContain('contribmod');
  });

  test('is published where the configuration says so, and taken out when it no longer does', async () => {
    const good = await goodModules();
    const allowed = await config(good, { publish: 'nonfree' });
    const published = await box.run(['run', '-c', allowed, '--json']);
    expect(published, published.stderr).toMatchObject({ exitCode: 0 });
    expect(resultOf(published).built).toBe(0);
    expect(targetOf(published, 'contribmod')).toMatchObject({ verdict: 'published' });
    const names = [
      'contribmod-modules-cloud-amd64',
      expect.stringMatching(/^contribmod-modules-\d/),
    ];
    const there = (await packageNames()).filter((name) => name.startsWith('contribmod'));
    expect(there.toSorted()).toEqual(names.toReversed());

    const contrib = good.find((entry) => entry['name'] === 'contribmod');
    const forbidden = await config([...good.slice(0, 3), { ...contrib, publish: 'free' }], {
      publish: 'nonfree',
    });
    const planned = await box.run(['plan', '-c', forbidden]);
    expect(planned.stdout).toMatch(/contribmod .* built +built; not published: .*takes it out/);
    const out = await box.run(['run', '-c', forbidden, '--json']);
    expect(out, out.stderr).toMatchObject({ exitCode: 0 });
    expect((await packageNames()).filter((name) => name.startsWith('contribmod'))).toEqual([]);
    expect(await packageNames()).toContain('dirmod-modules-cloud-amd64');
  }, 120_000);
});

describe('what is built on what is not from main', () => {
  test('is published with it or not at all', async () => {
    const files = dkmsFiles('abovemod', '1.0');
    const conf = `${files['dkms.conf'] ?? ''}\nBUILD_DEPENDS[0]=contribmod\n`;
    await writeTree(at('abovemod'), { ...files, 'dkms.conf': conf });
    const modules = [{ name: 'abovemod', directory: './abovemod' }, ...(await goodModules())];
    const both = async (): Promise<string[]> =>
      (await packageNames()).filter((name) => /^(?:above|contrib)mod-modules-cloud/.test(name));

    const withheld = await box.run(['run', '-c', await config(modules), '--json']);
    expect(withheld, withheld.stderr).toMatchObject({ exitCode: 0 });
    const why = 'contribmod is from contrib, and the configuration does not say `publish: nonfree`';
    expect(targetOf(withheld, 'abovemod')).toMatchObject({
      verdict: 'built',
      reason: `built; not published: it is built on contribmod, which is not published: ${why}`,
    });
    expect(await both()).toEqual([]);

    const allowed = await config(modules, { publish: 'nonfree' });
    expect(await box.run(['run', '-c', allowed])).toMatchObject({ exitCode: 0 });
    expect(await both()).toEqual([
      ...['abovemod-modules-cloud-amd64', 'contribmod-modules-cloud-amd64'],
    ]);

    const again = await box.run(['run', '-c', await config(modules), '--json']);
    expect(again, again.stderr).toMatchObject({ exitCode: 0 });
    expect(await both()).toEqual([]);
  }, 120_000);
});

describe('sources that change', () => {
  test.runIf(slow)(
    'are built again, with a warning where a tag has moved',
    async () => {
      const file = await config((await goodModules()).slice(0, 3));
      await fs.writeFile(at('gitmod/driver/gitmod.c'), moduleText('moved'));
      await commitAll(at('gitmod'), 'release/v3.1-rc2');
      await fs.writeFile(
        at('new.patch'),
        descriptionPatch('dirmod.c', 'A module of a test', 'again'),
      );
      const end = await box.run(['run', '-c', file, '--json']);
      expect(end, end.stderr).toMatchObject({ exitCode: 0 });
      expect(resultOf(end).built).toBe(2);
      expect(end.stderr).toMatch(/gitmod: the tag release\/v3\.1-rc2 of .* was .* and is .* now/);
      expect(await debOf('gitmod')).toContain('+b1_');
      for (const [module, text] of [
        ['gitmod', 'moved'],
        ['dirmod', 'again'],
      ] as const) {
        const find = await runProgram('find', [await contentOf(module), '-name', `${module}.ko*`]);
        const { stdout } = await runProgram('modinfo', ['-F', 'description', find.stdout.trim()]);
        expect(stdout.trim()).toBe(text);
      }
      const again = await box.run(['run', '-c', file, '--json']);
      expect(resultOf(again).built).toBe(0);
      expect(again.stderr).not.toContain('tag');
    },
    120_000,
  );

  test('and are gone leave what is published, and are used as they were', async () => {
    const file = await config((await goodModules()).slice(0, 3));
    await fs.rename(at('dirmod'), at('away'));
    await git(at('gitmod'), 'tag', '--delete', 'release/v3.1-rc2');
    const end = await box.run(['run', '-c', file, '--json']);
    expect(end, end.stderr).toMatchObject({ exitCode: 1 });
    expect(resultOf(end).targets.map(({ verdict }) => verdict)).toEqual(Array(3).fill('published'));
    expect(resultOf(end).sources).toMatchObject([
      { module: 'dirmod', code: 'SOURCE_UNAVAILABLE', version: '1.2~rc1' },
      { module: 'gitmod', code: 'SOURCE_UNAVAILABLE', version: '3.1~rc2' },
    ]);
    const status = await box.run(['status', '-c', file, '--json']);
    expect(resultOf(status).sources).toEqual([]);
    expect(resultOf(status).targets).toHaveLength(3);
  }, 120_000);
});
