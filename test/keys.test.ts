import * as fs from 'node:fs/promises';
import * as path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { sha256File } from '../src/core/hash.ts';
import { type RepositoryServer, serveRepository } from '../src/publisher/serve.ts';
import { type ClientRoot, clientRoot } from './support/client-root.ts';
import { errorOf, type ProgramEnd } from './support/program.ts';
import type { SuitesHome } from './support/suites-home.ts';
import { type SuitesStage, suitesStage } from './support/suites-stage.ts';
import { slow } from './support/tier.ts';

const PACKAGE = 'test-modules-archive-keyring';
const KEYRING = `/usr/share/keyrings/${PACKAGE}.pgp`;
const TRACKING = 'widget-modules-cloud-amd64';
/** A name of the administrator's choice, and lines of theirs. */
const SOURCES = '/etc/apt/sources.list.d/mine.sources';
const THEIRS = '# ours\nEnabled: yes\n';
const RELEASES = ['bookworm', 'trixie', 'sid'];
const MINUTES = 60_000;

let stage: SuitesStage;
let home: SuitesHome;
let server: RepositoryServer;

beforeAll(async () => {
  if (!slow) {
    return;
  }
  stage = await suitesStage('keys');
  const [kernel] = await stage.twoKernels();
  const packages = [
    ...kernel.packages,
    await stage.meta(kernel),
    await stage.module({ name: 'widget', version: '1.0' }),
  ];
  await stage.archive.setSuite('stable', { packages });
  home = await stage.home('keys');
  const repository = path.join(home.folder, 'repository');
  await fs.mkdir(repository, { recursive: true });
  server = await serveRepository(repository, { port: 0 });
  await home.configure({
    repository: { url: server.url },
    archives: [stage.entry('stable')],
    modules: ['widget-dkms'],
  });
});

afterAll(async () => {
  if (slow) {
    await server.close();
    await stage[Symbol.asyncDispose]();
  }
});

function lockstep(...words: string[]): Promise<ProgramEnd> {
  const config = path.join(home.folder, 'lockstep.yaml');
  return stage.box.run([...words, '-c', config, '--json']);
}

const view = z.object({
  keys: z.array(z.object({ fingerprint: z.string(), until: z.string().nullable() })),
  keyring: z.object({ version: z.string(), published: z.string().nullable() }),
  rotation: z.object({ from: z.string(), to: z.string() }).nullable(),
});

/** A command about keys that goes well. */
async function keys(...words: string[]): Promise<z.output<typeof view>> {
  const end = await lockstep('key', ...words);
  expect(end, end.stderr).toMatchObject({ exitCode: 0 });
  return view.parse(JSON.parse(end.stdout));
}

async function expectWhole(): Promise<void> {
  const end = await lockstep('verify');
  expect(end, end.stdout).toMatchObject({ exitCode: 0 });
}

function published(name: string): Promise<string> {
  return fs.readFile(path.join(home.folder, 'repository', name), 'utf8');
}

/** A machine that knows the archive and the repository as its `.sources` file of now says. */
async function machine(release: string): Promise<ClientRoot> {
  const root = await clientRoot(release);
  await root.must(['sh', '-c', 'rm -rf /etc/apt/sources.list* && mkdir /etc/apt/sources.list.d']);
  await root.writeFile('/etc/apt/archive.asc', await fs.readFile(stage.archive.keyring));
  await root.writeFile(
    '/etc/apt/sources.list',
    `deb [signed-by=/etc/apt/archive.asc] ${stage.archive.url} stable main\n`,
  );
  await root.writeFile(SOURCES, `${THEIRS}${await published('stable.sources')}`);
  return root;
}

/** `apt-get update` has nothing to say. */
async function expectUpdates(root: ClientRoot): Promise<void> {
  expect(await root.run(['apt-get', 'update'])).toMatchObject({ exitCode: 0, stderr: '' });
}

/** apt keeps what it read last, and warns: its exit status says nothing. */
async function expectRefused(root: ClientRoot): Promise<void> {
  const { exitCode, stderr } = await root.run(['apt-get', 'update']);
  expect(exitCode).toBe(0);
  expect(stderr).toMatch(/^W: .*(?:NO_PUBKEY|Missing key)/m);
  expect(stderr).not.toMatch(/^E: /m);
}

async function versionOf(root: ClientRoot, name: string): Promise<string> {
  const format = '${db:Status-Abbrev}${Version}';
  const { stdout } = await root.run(['dpkg-query', '-W', '-f', format, name]);
  return stdout.startsWith('ii ') ? stdout.slice(3) : '';
}

const INSTALL = ['apt-get', 'install', '-y', '--no-install-recommends'];
const UPGRADE = ['apt-get', 'upgrade', '-y', '--with-new-pkgs', '--no-install-recommends'];

describe.runIf(slow)('a rotation, by the commands', { timeout: 20 * MINUTES }, () => {
  const all: Record<'stays' | 'follows' | 'comes' | 'names', Map<string, ClientRoot>> = {
    stays: new Map(),
    follows: new Map(),
    comes: new Map(),
    names: new Map(),
  };
  let old = '';
  let next = '';
  const versions: string[] = [];

  afterAll(async () => {
    for (const root of Object.values(all).flatMap((roots) => Array.from(roots.values()))) {
      await root[Symbol.asyncDispose]();
    }
  });

  async function each(
    who: keyof typeof all,
    what: (root: ClientRoot) => Promise<void>,
  ): Promise<void> {
    for (const root of all[who].values()) {
      await what(root);
    }
  }

  test('before it, nothing asks for the keyring package, and it is there', async () => {
    const end = await home.run();
    expect(end, end.stderr).toMatchObject({ exitCode: 0, built: 1 });
    const shown = await keys('show');
    expect(shown).toMatchObject({ keys: [{ until: null }], rotation: null });
    old = shown.keys[0]?.fingerprint ?? '';
    versions.push(shown.keyring.version);
    const packages = await home.published('stable');
    expect(packages.get(PACKAGE)?.get('Version')).toBe(versions[0]);
    expect(packages.get(TRACKING)?.get('Depends')).not.toContain(PACKAGE);
    for (const release of RELEASES) {
      all.stays.set(release, await machine(release));
      all.follows.set(release, await machine(release));
      all.names.set(release, await machine(release));
    }
    await each('stays', expectUpdates);
    await each('follows', async (root) => {
      await expectUpdates(root);
      await root.must([...INSTALL, TRACKING]);
      expect(await versionOf(root, PACKAGE)).toBe('');
    });
    // Whoever names the package's file instead.
    await each('names', async (root) => {
      await expectUpdates(root);
      await root.must([...INSTALL, PACKAGE]);
      const text = (await published('stable.sources')).replace(/^Signed-By:[^]*/m, '');
      await root.writeFile(SOURCES, `${text}Signed-By: ${KEYRING}\n`);
      await expectUpdates(root);
    });
  });

  test('begins: both keys sign, old machines go on, upgraded ones and new ones know both', async () => {
    const before = await sha256File(path.join(home.folder, 'repository/dists/stable/InRelease'));
    const dry = await keys('rotate', '--dry-run');
    expect(dry).toMatchObject({ keys: [{ fingerprint: old }], rotation: null });
    expect(await fs.readdir(path.join(home.folder, 'state/keys'))).not.toContain('key-2');
    expect(await sha256File(path.join(home.folder, 'repository/dists/stable/InRelease'))).toBe(
      before,
    );
    const shown = await keys('rotate');
    next = shown.rotation?.to ?? '';
    expect(shown).toMatchObject({ rotation: { from: old } });
    expect(shown.keyring.published).not.toBeNull();
    versions.push(shown.keyring.version);
    expect(next).not.toBe(old);
    await expectWhole();
    const packages = await home.published('stable');
    expect(packages.get(PACKAGE)?.get('Version')).toBe(versions[1]);
    expect(packages.get(TRACKING)?.get('Depends')).toContain(`${PACKAGE} (>= ${versions[1]})`);
    await each('stays', expectUpdates);
    await each('follows', async (root) => {
      await expectUpdates(root);
      const said = await root.must(UPGRADE);
      expect(said).toContain(`${SOURCES} has the keys of now`);
      expect(await versionOf(root, PACKAGE)).toBe(versions[1]);
      expect(await root.readFile(SOURCES)).toBe(`${THEIRS}${await published('stable.sources')}`);
      await expectUpdates(root);
    });
    await each('names', async (root) => {
      await expectUpdates(root);
      await root.must(UPGRADE);
      expect(await versionOf(root, PACKAGE)).toBe(versions[1]);
      await expectUpdates(root);
    });
    for (const release of RELEASES) {
      all.comes.set(release, await machine(release));
    }
    await each('comes', expectUpdates);
  });

  test('is not ended before machines had time, and a second one does not begin', async () => {
    const early = await lockstep('key', 'retire');
    expect(early, early.stderr).toMatchObject({ exitCode: 1 });
    expect(errorOf(early).code).toBe('KEY_NEEDED');
    const third = await lockstep('key', 'rotate', '--key', '0'.repeat(40));
    expect(third, third.stderr).toMatchObject({ exitCode: 2 });
    expect(errorOf(third).code).toBe('USAGE');
    // Again: what was begun stays as it is.
    const again = await keys('rotate');
    expect(again).toMatchObject({ rotation: { from: old, to: next } });
    expect(again.keyring.version).toBe(versions[1]);
  });

  test('ends: whoever knows the next key goes on, whoever does not is refused', async () => {
    const shown = await keys('retire', '--force');
    expect(shown.rotation).toBeNull();
    expect(shown.keys.map(({ fingerprint }) => fingerprint)).toEqual([old, next]);
    expect(shown.keys.map(({ until }) => until === null)).toEqual([false, true]);
    versions.push(shown.keyring.version);
    await expectWhole();
    await each('stays', expectRefused);
    await each('comes', expectUpdates);
    await each('follows', async (root) => {
      await expectUpdates(root);
      await root.must(UPGRADE);
      expect(await versionOf(root, PACKAGE)).toBe(versions[2]);
      expect(await root.readFile(SOURCES)).toBe(`${THEIRS}${await published('stable.sources')}`);
      await expectUpdates(root);
    });
    await each('names', async (root) => {
      await expectUpdates(root);
      await root.must(UPGRADE);
      await expectUpdates(root);
    });
  });

  test('leaves a machine that removes the keyring package able to update', async () => {
    await each('follows', async (root) => {
      await root.must(['apt-get', 'purge', '-y', PACKAGE]);
      expect(await versionOf(root, TRACKING)).toBe('');
      await expectUpdates(root);
    });
    // Whoever names the file is told.
    await each('names', async (root) => {
      const said = await root.must(['apt-get', 'purge', '-y', PACKAGE]);
      expect(said).toContain(`${SOURCES} names ${KEYRING}, which goes`);
    });
  });

  test('with nothing to end, nothing ends', async () => {
    const shown = await keys('retire');
    expect(shown.keys.filter(({ until }) => until === null)).toMatchObject([{ fingerprint: next }]);
    await expectWhole();
  });
});
