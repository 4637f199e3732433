import * as fs from 'node:fs/promises';
import { tmpdir } from 'node:os';
import * as path from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { configSchema } from '../src/config/schema.ts';
import { keyringPackageIdentity, makeKeyringPackage } from '../src/packager/keyring.ts';
import { writeKeyRecord } from '../src/publisher/key-record.ts';
import type { SuitePublication } from '../src/publisher/publication.ts';
import { publish } from '../src/publisher/publish.ts';
import { type RepositoryServer, serveRepository } from '../src/publisher/serve.ts';
import { makeDeb } from '../src/publisher/testing/debs.ts';
import { verifyRepository } from '../src/publisher/verify.ts';
import { retireKey } from '../src/run/retirement.ts';
import { rotateKey } from '../src/run/rotation.ts';
import {
  keyringInputs,
  keyringRelation,
  type SigningConfig,
  signingOf,
} from '../src/run/signing.ts';
import { type ClientRoot, clientRoot } from './support/client-root.ts';
import { slow } from './support/tier.ts';

const MINUTES = 60_000;
const PACKAGE = 'example-modules-archive-keyring';
const KEYRING = `/usr/share/keyrings/${PACKAGE}.pgp`;
const LISTS = '/etc/apt/sources.list.d';
const INSTALL = ['apt-get', 'install', '-y', '--no-install-recommends'];
const UPGRADE = ['apt-get', 'upgrade', '-y', '--with-new-pkgs', '--no-install-recommends'];

let root: string;
let repository: string;
let server: RepositoryServer;
let config: SigningConfig;

beforeEach(async () => {
  root = await fs.mkdtemp(path.join(tmpdir(), 'lockstep-rotation-'));
  repository = path.join(root, 'repository');
  await fs.mkdir(repository);
  server = await serveRepository(repository, { port: 0 });
  config = configSchema.parse({
    repository: { origin: 'Example Modules', directory: repository, url: server.url },
    state: path.join(root, 'state'),
    archives: [{ suites: ['trixie'] }],
    modules: [{ package: 'a-dkms' }],
  });
});

afterEach(async () => {
  await server.close();
  await fs.rm(root, { recursive: true, force: true });
});

/** Which publication it is; what is published rises with it. */
let count = 0;

/**
 * Publishes, as a run does: a package that asks for the keyring as tracking packages do, and the keyring package.
 *
 * @returns the keyring package's version
 */
async function publishNow(suites: readonly string[] = ['stable']): Promise<string> {
  const signing = await signingOf(config);
  await writeKeyRecord(config.state, signing.record);
  const inputs = keyringInputs(config, signing);
  const options = {
    directory: path.join(root, 'packages'),
    maintainer: 'Nobody <nobody@localhost>',
    origin: 'Example Modules',
  };
  const { file, version } = await makeKeyringPackage(inputs, inputs.version, options);
  const relation = keyringRelation(config, signing);
  count += 1;
  const tracking = makeDeb(root, {
    name: 'tracking',
    version: String(count),
    extra: relation === undefined ? '' : `Depends: ${relation}\n`,
  });
  const publications = suites.map(
    (suite): SuitePublication => ({
      ...{ suite, codename: suite, component: 'main', architectures: ['amd64'] },
      debs: [file, tracking],
    }),
  );
  await publish(
    {
      ...{ directory: repository, stateDirectory: config.state, origin: 'Example Modules' },
      ...{ key: signing.key, url: config.repository.url, date: new Date() },
    },
    publications,
  );
  const { defects } = await verifyRepository(repository, signing.key, new Date());
  expect(defects).toEqual([]);
  return version;
}

function published(name = 'stable.sources'): Promise<string> {
  return fs.readFile(path.join(repository, name), 'utf8');
}

/** A machine that knows nothing but the repository, by such files of sources.list.d. */
async function machine(release: string, files: Record<string, string>): Promise<ClientRoot> {
  const made = await clientRoot(release);
  await made.must(['sh', '-c', `rm -rf /etc/apt/sources.list* && mkdir ${LISTS}`]);
  for (const [name, text] of Object.entries(files)) {
    await made.writeFile(`${LISTS}/${name}`, text);
  }
  return made;
}

/** `apt-get update` has nothing to say, but where a source is there twice. */
async function expectUpdates(machineRoot: ClientRoot): Promise<void> {
  const { exitCode, stderr } = await machineRoot.run(['apt-get', 'update']);
  expect(stderr.replace(/^W: Target .* is configured multiple times .*\n/gm, '')).toBe('');
  expect(exitCode).toBe(0);
}

/** apt keeps what it read last, and warns: its exit status says nothing. */
async function expectRefused(machineRoot: ClientRoot): Promise<void> {
  const { exitCode, stderr } = await machineRoot.run(['apt-get', 'update']);
  expect(exitCode, stderr).toBe(0);
  expect(stderr).toMatch(/^W: .*(?:NO_PUBKEY|Missing key)/m);
  expect(stderr).not.toMatch(/^E: /m);
}

/** Version of an installed package, or nothing. */
async function versionOf(machineRoot: ClientRoot, name: string): Promise<string> {
  const format = '${db:Status-Abbrev}${Version}';
  const { stdout } = await machineRoot.run(['dpkg-query', '-W', '-f', format, name]);
  return stdout.startsWith('ii ') ? stdout.slice(3) : '';
}

/** The files of apt's sources, and whatever lies beside them. */
async function sourcesOf(machineRoot: ClientRoot): Promise<Record<string, string>> {
  const names = (await machineRoot.must(['ls', '-A', LISTS])).split('\n').filter(Boolean);
  const texts: Record<string, string> = {};
  for (const name of names) {
    texts[name] = await machineRoot.readFile(`${LISTS}/${name}`);
  }
  return texts;
}

const RELEASES = slow ? ['trixie', 'bookworm', 'sid'] : ['trixie'];

describe.each(RELEASES)('a rotation, on machines of %s', { timeout: 20 * MINUTES }, (release) => {
  test('whoever upgrades follows it, whoever does not goes on until its end', async () => {
    const first = await publishNow();
    const before = await published();
    const theirs = `# Mine.\nEnabled: yes\n${before}`;
    await using stays = await machine(release, { 'mine.sources': before });
    await using follows = await machine(release, { 'mine.sources': theirs });
    await using names = await machine(release, { 'mine.sources': before });
    await expectUpdates(stays);
    await expectUpdates(follows);
    await follows.must([...INSTALL, 'tracking']);
    expect(await versionOf(follows, PACKAGE)).toBe('');
    await expectUpdates(names);
    await names.must([...INSTALL, 'tracking', PACKAGE]);
    await names.writeFile(
      `${LISTS}/mine.sources`,
      before.replace(/^Signed-By:[^]*/m, `Signed-By: ${KEYRING}\n`),
    );
    await expectUpdates(names);

    await rotateKey(config, { named: undefined, dryRun: false });
    const second = await publishNow();
    const during = await published();
    await using comes = await machine(release, { 'mine.sources': during });
    await expectUpdates(stays);
    await expectUpdates(comes);
    for (const upgrading of [follows, names]) {
      await expectUpdates(upgrading);
      const said = await upgrading.must(UPGRADE);
      expect(said.includes('mine.sources has the keys of now')).toBe(upgrading === follows);
      expect(await versionOf(upgrading, PACKAGE)).toBe(second);
      await expectUpdates(upgrading);
    }
    expect(await sourcesOf(follows)).toEqual({
      'mine.sources': `# Mine.\nEnabled: yes\n${during}`,
    });

    await retireKey(config, { named: undefined, dryRun: false, force: true });
    const third = await publishNow();
    const after = await published();
    await expectRefused(stays);
    await expectUpdates(comes);
    for (const upgrading of [follows, names]) {
      await expectUpdates(upgrading);
      await upgrading.must([...INSTALL, 'tracking', PACKAGE]);
      expect(await versionOf(upgrading, PACKAGE)).toBe(third);
      await expectUpdates(upgrading);
    }
    expect(await sourcesOf(follows)).toEqual({ 'mine.sources': `# Mine.\nEnabled: yes\n${after}` });
    expect([first, second, third].toSorted()).toEqual([first, second, third]);

    // Without the package, what it brought stays, and whoever names its file is told.
    await follows.must(['apt-get', 'purge', '-y', PACKAGE]);
    expect(await versionOf(follows, 'tracking')).toBe('');
    await expectUpdates(follows);
    const said = await names.must(['apt-get', 'purge', '-y', PACKAGE]);
    expect(said).toContain(`mine.sources names ${KEYRING}, which goes`);
  });
});

describe('the files of sources.list.d', { timeout: 20 * MINUTES }, () => {
  test('are changed where they carry keys of the repository, all of them or none', async () => {
    await publishNow(['stable', 'next']);
    const [stable, next] = [await published(), await published('next.sources')];
    const url = server.url.replace(/\/$/, '');
    await rotateKey(config, { named: undefined, dryRun: false });
    await publishNow(['stable', 'next']);
    const during = { stable: await published(), next: await published('next.sources') };
    const elsewhere = stable.replaceAll(server.url, 'file:/srv/elsewhere');
    const otherKeys = stable.replace(/(Signed-By:[^]*\n \.?\n )m/, '$1M');
    expect(otherKeys).not.toBe(stable);
    const files = {
      'stable.sources': `\n# One.\n${stable}\n\n# Two.\n${next}`,
      // The same source again: apt wants it to have the same keys.
      'again.sources': stable.replace(server.url, url).replace('Signed-By:', 'signed-by:'),
      'disabled.sources': `Enabled: no\n${next}`,
      'mirror.sources': `Enabled: no\n${elsewhere}`,
      'changed.sources': `Enabled: no\n${otherKeys}`,
      'foreign.sources': 'Enabled: no\nTypes: deb\nURIs: file:/srv/x\nSuites: x/\nTrusted: yes\n',
      'line.list': `# deb ${url} old main\n`,
    };
    await using root0 = await machine('trixie', files);
    await expectUpdates(root0);
    const said = await root0.must([...INSTALL, PACKAGE]);
    const expected = {
      ...files,
      'stable.sources': `\n# One.\n${during.stable}\n\n# Two.\n${during.next}`,
      'again.sources': during.stable.replace(server.url, url).replace('Signed-By:', 'signed-by:'),
      'disabled.sources': `Enabled: no\n${during.next}`,
    };
    expect(await sourcesOf(root0)).toEqual(expected);
    for (const name of ['stable', 'again', 'disabled']) {
      expect(said).toContain(`${name}.sources has the keys of now`);
    }
    expect(said).toContain('mirror.sources: keys of this repository at another address');
    expect(said).toContain('changed.sources: a source of this repository has keys of its own');
    expect(said).not.toMatch(/foreign|line\.list/);
    await expectUpdates(root0);
    // Again: nothing is left to do.
    expect(await root0.must([`/usr/share/${PACKAGE}/renew`])).not.toContain('has the keys of now');
    expect(await sourcesOf(root0)).toEqual(expected);

    // One that can't be written: all stay as they are, and the package is configured all the same.
    await root0.writeFile(`${LISTS}/stable.sources`, files['stable.sources']);
    await root0.writeFile('/srv/again.sources', files['again.sources']);
    const again = `${LISTS}/again.sources`;
    await root0.must(['ln', '-sf', '/srv/again.sources', again]);
    await root0.must(['mkdir', '/srv/again.sources.dpkg-lockstep']);
    const reinstalled = await root0.must([...INSTALL, '--reinstall', PACKAGE]);
    expect(reinstalled).toContain('a file can not be written: none was changed');
    expect(await versionOf(root0, PACKAGE)).not.toBe('');
    expect(await sourcesOf(root0)).toEqual({
      ...expected,
      'stable.sources': files['stable.sources'],
      'again.sources': files['again.sources'],
    });
    await expectUpdates(root0);
    // A link stays one, and its file keeps owner and mode.
    await root0.must(['rm', '-r', '/srv/again.sources.dpkg-lockstep']);
    await root0.must(['chown', '7:7', '/srv/again.sources']);
    await root0.must(['chmod', '640', '/srv/again.sources']);
    expect(await root0.must([`/usr/share/${PACKAGE}/renew`])).toContain('/srv/again.sources has');
    const stat = ['stat', '-c', '%F %u %g %a', again, '/srv/again.sources'];
    expect(await root0.must(stat)).toBe('symbolic link 0 0 777\nregular file 7 7 640\n');
    expect(await sourcesOf(root0)).toEqual(expected);
  });

  test('a suite that nobody publishes any more is signed anew', async () => {
    await publishNow(['stable', 'gone']);
    await rotateKey(config, { named: undefined, dryRun: false });
    await publishNow();
    await retireKey(config, { named: undefined, dryRun: false, force: true });
    await publishNow();
    await using root0 = await machine('trixie', {
      'gone.sources': (await published()).replace(/^Suites: .*$/m, 'Suites: gone'),
    });
    expect(await root0.run(['apt-get', 'update'])).toMatchObject({ exitCode: 0, stderr: '' });
  });

  test('the keyring package is the same for the same keys', async () => {
    await publishNow();
    const options = { directory: root, maintainer: 'N <n@x>', origin: 'Example Modules' };
    const inputs = keyringInputs(config, await signingOf(config));
    await fs.rm(path.join(config.state, 'keys/signing.json'));
    const again = keyringInputs(config, await signingOf(config));
    expect(keyringPackageIdentity(again, options)).toBe(keyringPackageIdentity(inputs, options));
    expect(again.version).toBe(inputs.version);
  });
});
