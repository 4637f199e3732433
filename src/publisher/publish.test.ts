import { execFileSync } from 'node:child_process';
import * as fs from 'node:fs/promises';
import { tmpdir } from 'node:os';
import * as path from 'node:path';
import { gunzipSync } from 'node:zlib';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { sha256 } from '../core/hash.ts';
import { parseStanza } from '../debian/control.ts';
import { ensureSigningKey, type SingleKey } from './key.ts';
import { fileOperations } from './operations.ts';
import type { SuitePublication } from './publication.ts';
import { type PublisherOptions, publish } from './publish.ts';
import { checkPlainNames, checkSuite } from './testing/consistency.ts';
import { joinKeys } from './signing.ts';
import { makeDeb } from './testing/debs.ts';

let root: string;
let key: SingleKey;
let debs: string[];
let repository: string;
let count = 0;

const NEWEST = 'foo-modules-6.12.117+deb13-amd64';

beforeAll(async () => {
  root = await fs.mkdtemp(path.join(tmpdir(), 'lockstep-publish-'));
  key = await ensureSigningKey(path.join(root, 'key'), 'Example');
  debs = [
    makeDeb(root, { name: 'foo-modules-amd64', version: '2:1.0~rc1-1' }),
    makeDeb(root, {
      name: NEWEST,
      version: '1.10+x',
      extra: 'Source: foo (1.10)\nDepends: a, b\n',
    }),
    makeDeb(root, { name: NEWEST, version: '1.9+x', extra: 'Source: foo\n' }),
    makeDeb(root, { name: 'libfoo-tools', version: '1', architecture: 'all', extra: 'Size: 7\n' }),
    makeDeb(root, { name: 'foo-modules-arm64', version: '1.0-1', architecture: 'arm64' }),
  ];
});

afterAll(async () => {
  await fs.rm(root, { recursive: true, force: true });
});

beforeEach(() => {
  count += 1;
  repository = path.join(root, `repository-${count}`);
});

function options(more: Partial<PublisherOptions> = {}): PublisherOptions {
  return {
    directory: repository,
    stateDirectory: path.join(root, `state-${count}`),
    origin: 'Example',
    description: 'Modules of a test',
    key,
    url: 'http://localhost/',
    date: new Date('2026-11-10T09:08:07Z'),
    ...more,
  };
}

function suite(list: readonly string[], more: Partial<SuitePublication> = {}): SuitePublication {
  return {
    suite: 'trixie',
    codename: 'trixie',
    component: 'main',
    architectures: ['amd64', 'arm64'],
    debs: list,
    ...more,
  };
}

/** Every file below a folder, with what identifies its state. */
async function snapshot(directory: string): Promise<string[]> {
  const entries = await fs.readdir(directory, { recursive: true });
  const lines = entries.map(async (name) => {
    const status = await fs.lstat(path.join(directory, name), { bigint: true });
    return `${name} ${status.ino} ${status.mtimeNs} ${status.ctimeNs}`;
  });
  return (await Promise.all(lines)).sort();
}

async function contents(directory: string): Promise<Map<string, string>> {
  const found = new Map<string, string>();
  for (const entry of await fs.readdir(directory, { recursive: true, withFileTypes: true })) {
    if (entry.isFile()) {
      const file = path.join(entry.parentPath, entry.name);
      found.set(path.relative(directory, file), sha256(await fs.readFile(file)));
    }
  }
  return found;
}

function stanzas(text: string): Map<string, Map<string, string>> {
  const found = new Map<string, Map<string, string>>();
  for (const paragraph of text.split('\n\n').filter((part) => part !== '')) {
    const stanza = new Map(parseStanza(paragraph));
    found.set(stanza.get('Filename') ?? '', stanza);
  }
  return found;
}

describe('a published repository', () => {
  test('may begin with no package, in a folder that is not there yet', async () => {
    const directory = path.join(repository, 'not/there');
    const result = await publish(options({ directory }), [suite([])]);
    expect(result).toMatchObject({ changed: true, suites: [{ suite: 'trixie', packages: 0 }] });
    const names = await fs.readdir(path.join(directory, 'dists/trixie'));
    expect(names).toContain('InRelease');
  });

  test('has its files where Debian has them', async () => {
    const result = await publish(options(), [suite(debs)]);
    expect(result).toEqual({
      changed: true,
      suites: [
        {
          suite: 'trixie',
          packages: 5,
          added: [
            `${NEWEST}_1.10+x_amd64`,
            `${NEWEST}_1.9+x_amd64`,
            'foo-modules-amd64_2:1.0~rc1-1_amd64',
            'foo-modules-arm64_1.0-1_arm64',
            'libfoo-tools_1_all',
          ],
          removed: [],
        },
      ],
    });
    const names = [...(await contents(repository)).keys()];
    expect(names.filter((name) => !name.includes('by-hash')).sort()).toEqual([
      'dists/trixie/InRelease',
      'dists/trixie/Release',
      'dists/trixie/main/Contents-amd64.gz',
      'dists/trixie/main/Contents-arm64.gz',
      'dists/trixie/main/binary-amd64/Packages.gz',
      'dists/trixie/main/binary-amd64/Packages.xz',
      'dists/trixie/main/binary-arm64/Packages.gz',
      'dists/trixie/main/binary-arm64/Packages.xz',
      'example-archive-keyring.asc',
      `pool/main/f/foo-modules-amd64/foo-modules-amd64_1.0~rc1-1_amd64.deb`,
      `pool/main/f/foo-modules-arm64/foo-modules-arm64_1.0-1_arm64.deb`,
      `pool/main/f/foo/${NEWEST}_1.10+x_amd64.deb`,
      `pool/main/f/foo/${NEWEST}_1.9+x_amd64.deb`,
      'pool/main/libf/libfoo-tools/libfoo-tools_1_all.deb',
      'trixie.sources',
    ]);
    checkPlainNames(repository, 'trixie');
  });

  test('says what apt-ftparchive says', async () => {
    await publish(options(), [suite(debs)]);
    const folder = path.join(repository, 'dists/trixie');
    for (const architecture of ['amd64', 'arm64']) {
      const index = path.join(folder, `main/binary-${architecture}/Packages`);
      const ours = gunzipSync(await fs.readFile(`${index}.gz`)).toString();
      const theirs = execFileSync(
        'apt-ftparchive',
        ['-o', 'APT::FTPArchive::MD5=false', '-o', 'APT::FTPArchive::SHA1=false']
          .concat(['-o', 'APT::FTPArchive::SHA512=false', '--arch', architecture])
          .concat(['packages', 'pool']),
        { cwd: repository, encoding: 'utf8', stdio: 'pipe' },
      );
      expect(stanzas(ours)).toEqual(stanzas(theirs));
      expect(stanzas(ours).size).toBe(architecture === 'amd64' ? 4 : 2);
      expect(execFileSync('xz', ['-dc', `${index}.xz`], { encoding: 'utf8' })).toBe(ours);
      const theirLines = execFileSync(
        'apt-ftparchive',
        ['--arch', architecture, 'contents', 'pool'],
        { cwd: repository, encoding: 'utf8', stdio: 'pipe' },
      );
      const lines = (text: string): string[] =>
        text
          .split('\n')
          .map((line) => line.replace(/\s+/g, ' '))
          .sort();
      const zipped = await fs.readFile(path.join(folder, `main/Contents-${architecture}.gz`));
      expect(lines(gunzipSync(zipped).toString())).toEqual(lines(theirLines));
    }
    const packages = await fs.readFile(`${folder}/main/binary-amd64/Packages.gz`);
    const versions = gunzipSync(packages)
      .toString()
      .match(/^Version: .*$/gm);
    expect(versions?.slice(0, 2)).toEqual(['Version: 1.9+x', 'Version: 1.10+x']);

    const release = parseStanza(await fs.readFile(path.join(folder, 'Release'), 'utf8'));
    const theirs = parseStanza(
      execFileSync(
        'apt-ftparchive',
        ['Origin=Example', 'Label=Example', 'Suite=trixie', 'Codename=trixie']
          .concat(['Components=main', 'Description=Modules of a test', 'Acquire-By-Hash=yes'])
          .concat(['Architectures=amd64 arm64'])
          .flatMap((field) => ['-o', `APT::FTPArchive::Release::${field}`])
          .concat(['release', folder]),
        { encoding: 'utf8', stdio: 'pipe' },
      ),
    );
    const lists = [release, theirs].map((stanza) =>
      (stanza.get('SHA256') ?? '')
        .split('\n')
        .map((line) => line.trim().replace(/ +/g, ' '))
        // Plain forms are listed and not there.
        .filter((line) => /\/(?:Packages|Contents-\w+)\.\w+$/.test(line))
        .sort(),
    );
    expect(lists[0]).toHaveLength(6);
    expect(lists[0]).toEqual(lists[1]);
    const noHashes = (stanza: ReadonlyMap<string, string>) =>
      new Map(
        [...stanza].filter(
          ([name]) => !/^(?:MD5Sum|SHA\d+|Date|Changelogs|No-Support-.*)$/.test(name),
        ),
      );
    expect(noHashes(release)).toEqual(noHashes(theirs));
    expect(release.get('No-Support-for-Architecture-all')).toBe('Packages');
    expect(release.get('Changelogs')).toBe('no');
    expect(release.get('Date')).toBe('Tue, 10 Nov 2026 09:08:07 UTC');
  });

  test('has an index for each architecture, also for one without a package', async () => {
    const architectures = ['amd64', 'arm64', 'armhf', 's390x'];
    const packages = async (architecture: string): Promise<string[]> => {
      const file = `dists/trixie/main/binary-${architecture}/Packages.gz`;
      const text = gunzipSync(await fs.readFile(path.join(repository, file))).toString();
      return [...text.matchAll(/^Package: (.*)$/gm)].map((match) => match[1] ?? '');
    };
    await publish(options(), [suite(debs, { architectures })]);
    checkPlainNames(repository, 'trixie');
    expect(await packages('amd64')).toContain('libfoo-tools');
    expect(await packages('arm64')).toEqual(['foo-modules-arm64', 'libfoo-tools']);
    expect(await packages('armhf')).toEqual(['libfoo-tools']);
    expect(await packages('s390x')).toEqual(['libfoo-tools']);
    await publish(options(), [suite(debs.slice(4), { architectures })]);
    checkPlainNames(repository, 'trixie');
    expect(await packages('arm64')).toEqual(['foo-modules-arm64']);
    expect(await packages('armhf')).toEqual([]);
    const file = path.join(repository, 'dists/trixie/main/binary-armhf/Packages.gz');
    expect(gunzipSync(await fs.readFile(file))).toHaveLength(0);
    // The architecture goes, and its index with it, when the last state that has it does.
    for (const list of [debs.slice(4), debs.slice(3), debs.slice(4)]) {
      await publish(options(), [suite(list, { architectures: ['arm64'] })]);
    }
    checkPlainNames(repository, 'trixie');
    expect([...(await contents(repository)).keys()].join('\n')).not.toContain('armhf');
  });

  test('is signed by the key that lies beside it', async () => {
    await publish(options(), [suite(debs)]);
    const keyring = path.join(root, `keyring-${count}.gpg`);
    execFileSync(
      'gpg',
      ['--homedir', root, '--dearmor', '-o', keyring].concat(
        path.join(repository, 'example-archive-keyring.asc'),
      ),
      { stdio: 'pipe' },
    );
    const inRelease = path.join(repository, 'dists/trixie/InRelease');
    execFileSync('gpgv', ['--keyring', keyring, inRelease], { stdio: 'pipe' });
    const sources = await fs.readFile(path.join(repository, 'trixie.sources'), 'utf8');
    expect(sources.trimEnd()).not.toMatch(/\n\s*\n/);
    const embedded = (parseStanza(sources).get('Signed-By') ?? '')
      .trim()
      .split('\n')
      .map((line) => (line === ' .' ? '' : line.trim()));
    expect(`${embedded.join('\n')}\n`).toBe(key.publicKey);
  });

  test('has the same bytes from the same input, but for the signature', async () => {
    await publish(options(), [suite(debs)]);
    const first = await contents(repository);
    const again = path.join(root, 'again');
    const state = path.join(root, 'again-state');
    await publish(options({ directory: again, stateDirectory: state }), [
      suite([...debs].reverse()),
    ]);
    const second = await contents(again);
    first.delete('dists/trixie/InRelease');
    second.delete('dists/trixie/InRelease');
    expect(second).toEqual(first);
  });
});

describe('publishing again', () => {
  test('writes nothing when nothing changed', async () => {
    await publish(options(), [suite(debs)]);
    const before = await snapshot(root);
    const steps: string[] = [];
    const disk = fileOperations((step, file) => steps.push(`${step} ${file}`));
    const date = new Date('2026-12-01T00:00:00Z');
    const result = await publish(options({ date, disk }), [suite(debs)]);
    expect(result).toMatchObject({
      changed: false,
      suites: [{ packages: 5, added: [], removed: [] }],
    });
    expect(steps).toEqual([]);
    const noKey = (lines: string[]) => lines.filter((line) => !line.startsWith('key'));
    expect(noKey(await snapshot(root))).toEqual(noKey(before));
  });

  test.each<[string, Partial<PublisherOptions>]>([
    ['label', { label: 'Another' }],
    ['description', { description: 'Another' }],
  ])('a changed %s is a change', async (_name, more) => {
    await publish(options(), [suite(debs)]);
    const before = checkSuite(repository, 'trixie');
    expect((await publish(options(more), [suite(debs)])).changed).toBe(true);
    expect(checkSuite(repository, 'trixie')).not.toBe(before);
  });

  test('whether a suite is automatic is a change, once', async () => {
    await publish(options(), [suite(debs)]);
    const texts = new Set([checkSuite(repository, 'trixie')]);
    const date = new Date('2026-11-12T00:00:00Z');
    const states: Partial<SuitePublication>[] = [
      { notAutomatic: true },
      { notAutomatic: true, butAutomaticUpgrades: true },
      {},
    ];
    for (const more of states) {
      expect((await publish(options({ date }), [suite(debs, more)])).changed).toBe(true);
      texts.add(checkSuite(repository, 'trixie'));
      const release = parseStanza(
        await fs.readFile(path.join(repository, 'dists/trixie/Release'), 'utf8'),
      );
      expect(release.get('NotAutomatic')).toBe(more.notAutomatic === true ? 'yes' : undefined);
      expect(release.get('ButAutomaticUpgrades')).toBe(
        more.butAutomaticUpgrades === true ? 'yes' : undefined,
      );
      expect(release.get('Date')).toBe('Thu, 12 Nov 2026 00:00:00 UTC');
      const later = new Date('2026-12-24T00:00:00Z');
      expect((await publish(options({ date: later }), [suite(debs, more)])).changed).toBe(false);
    }
    expect(texts.size).toBe(4);
    const off = { notAutomatic: false, butAutomaticUpgrades: false };
    expect((await publish(options(), [suite(debs, off)])).changed).toBe(false);
  });

  test('two keys sign everything anew, and so does one of them again', async () => {
    const other = await ensureSigningKey(path.join(root, 'other-key'), 'Example');
    const both = joinKeys([key, other], []);
    for (const signing of [key, both, other]) {
      expect((await publish(options({ key: signing }), [suite(debs)])).changed).toBe(true);
      expect(await signing.verify(checkSuite(repository, 'trixie'))).toBe(true);
      expect(await fs.readFile(path.join(repository, 'example-archive-keyring.asc'), 'utf8')).toBe(
        signing.publicKey,
      );
      expect((await publish(options({ key: signing }), [suite(debs)])).changed).toBe(false);
    }
  });

  test('another key signs everything anew', async () => {
    await publish(options(), [suite(debs)]);
    const other = await ensureSigningKey(path.join(root, 'other-key'), 'Example');
    expect((await publish(options({ key: other }), [suite(debs)])).changed).toBe(true);
    expect(await other.verify(checkSuite(repository, 'trixie'))).toBe(true);
    expect((await publish(options({ key: other }), [suite(debs)])).changed).toBe(false);
  });

  test('is signed anew after half of the time for which it holds, and not before', async () => {
    const at = (day: number): Date => new Date(Date.UTC(2026, 10, day, 12));
    const publishAt = async (day: number): Promise<boolean> =>
      (await publish(options({ date: at(day), validDays: 7 }), [suite(debs)])).changed;
    expect(await publishAt(10)).toBe(true);
    const release = (): Promise<string> =>
      fs.readFile(path.join(repository, 'dists/trixie/Release'), 'utf8');
    expect(await release()).toContain('Valid-Until: Tue, 17 Nov 2026 12:00:00 UTC');
    expect(await publishAt(13)).toBe(false);
    expect(await publishAt(14)).toBe(true);
    expect(await release()).toContain('Valid-Until: Sat, 21 Nov 2026 12:00:00 UTC');
  });

  test('an earlier date never goes into a later state', async () => {
    await publish(options(), [suite(debs)]);
    await publish(options({ date: new Date(0) }), [suite(debs.slice(1))]);
    expect(checkSuite(repository, 'trixie')).toContain('Date: Tue, 10 Nov 2026 09:08:07 UTC\n');
  });

  test('InRelease is newer by its time stamp, also within one second', async () => {
    const stamps: number[] = [];
    for (const list of [debs, debs.slice(1), debs.slice(2)]) {
      await publish(options(), [suite(list)]);
      const { mtimeMs } = await fs.stat(path.join(repository, 'dists/trixie/InRelease'));
      stamps.push(Math.floor(mtimeMs / 1000));
    }
    expect(new Set(stamps).size).toBe(3);
    expect(stamps).toEqual(stamps.toSorted((left, right) => left - right));
  });

  test('keeps three states whole, and nothing of older ones', async () => {
    const states: string[] = [];
    for (const index of [0, 1, 2, 3]) {
      await publish(options(), [suite(debs.slice(index, index + 1))]);
      states.push(checkSuite(repository, 'trixie'));
    }
    const inRelease = path.join(repository, 'dists/trixie/InRelease');
    const present = await fs.readFile(inRelease, 'utf8');
    for (const state of states.slice(1)) {
      await fs.writeFile(inRelease, state);
      expect(checkSuite(repository, 'trixie')).toBe(state);
    }
    await fs.writeFile(inRelease, states[0] ?? '');
    expect(() => checkSuite(repository, 'trixie')).toThrow('ENOENT');
    await fs.writeFile(inRelease, present);
    expect(
      [...(await contents(repository)).keys()].filter((name) => name.endsWith('.deb')),
    ).toHaveLength(3);
    expect(await fs.readdir(path.join(repository, 'pool/main/f'))).toEqual(['foo']);

    const result = await publish(options({ retainedGenerations: 1 }), [suite(debs.slice(3, 4))]);
    expect(result.changed).toBe(false);
    expect(
      [...(await contents(repository)).keys()].filter((name) => name.endsWith('.deb')),
    ).toHaveLength(1);
    checkPlainNames(repository, 'trixie');
  });

  test('leaves suites alone that are not given', async () => {
    const sid = suite(debs.slice(0, 2), { suite: 'sid', codename: 'sid' });
    await publish(options(), [sid, suite(debs.slice(2))]);
    await publish(options(), [suite([])]);
    await publish(options({ retainedGenerations: 1 }), [suite([])]);
    checkPlainNames(repository, 'sid');
    checkPlainNames(repository, 'trixie');
    expect(
      [...(await contents(repository)).keys()].filter((name) => name.endsWith('.deb')),
    ).toHaveLength(2);
  });

  test('touches no file of a suite that is no longer configured, whatever else goes', async () => {
    const old = suite(debs.slice(0, 2), { suite: 'old', codename: 'old', notAutomatic: true });
    await publish(options(), [old]);
    await publish(options(), [{ ...old, debs: debs.slice(1, 3) }, suite(debs)]);
    const ofOld = async (): Promise<string[]> => [
      ...(await snapshot(path.join(repository, 'dists/old'))),
      // A link to a file of the pool changes its ctime.
      ...(await snapshot(path.join(repository, 'pool')))
        .filter((line) => /\/foo(?:-modules-amd64)?_|_1\.(?:9|10)\+x_/.test(line))
        .map((line) => line.replace(/ \d+$/, '')),
      await fs.readFile(path.join(repository, 'old.sources'), 'utf8'),
    ];
    const before = await ofOld();
    expect(before.length).toBeGreaterThan(10);
    const one = makeDeb(root, { name: 'another', version: '1' });
    const generations: string[][] = [[one], [], debs.slice(3), []];
    for (const list of generations) {
      await publish(options(), [suite(list)]);
      expect(await ofOld()).toEqual(before);
    }
    await publish(options(), []);
    expect(await ofOld()).toEqual(before);
    checkPlainNames(repository, 'old');
    checkPlainNames(repository, 'trixie');
    expect((await publish(options(), [{ ...old, debs: debs.slice(1, 3) }])).changed).toBe(false);
  });

  test('takes packages from its own pool, and puts back what was lost', async () => {
    await publish(options(), [suite(debs)]);
    const pooled = path.join(repository, `pool/main/f/foo/${NEWEST}_1.10+x_amd64.deb`);
    const list = debs.map((deb, index) => (index === 1 ? pooled : deb));
    expect((await publish(options(), [suite(list)])).changed).toBe(false);
    await fs.rm(pooled);
    await fs.rm(path.join(repository, 'dists/trixie/main/binary-amd64/Packages.xz'));
    await fs.writeFile(path.join(repository, 'dists/trixie/main/binary-amd64/Packages'), 'bad');
    await fs.rm(path.join(root, `state-${count}`), { recursive: true });
    expect((await publish(options(), [suite(debs)])).changed).toBe(true);
    checkPlainNames(repository, 'trixie');
    expect((await publish(options(), [suite(debs)])).changed).toBe(false);
  });

  test('clears away what a killed publisher left', async () => {
    await publish(options(), [suite(debs)]);
    const left = ['.tmp-a', 'dists/trixie/.tmp-b', 'dists/.tmp-c/d', 'pool/main/f/.tmp-e'];
    for (const name of left) {
      await fs.mkdir(path.dirname(path.join(repository, name)), { recursive: true });
      await fs.writeFile(path.join(repository, name), '');
    }
    expect((await publish(options(), [suite(debs)])).changed).toBe(false);
    const names = [...(await contents(repository)).keys()];
    expect(names.filter((name) => name.includes('.tmp-'))).toEqual([]);
  });

  test('a file that others may not read is copied, not linked', async () => {
    const secret = makeDeb(root, { name: 'secret', version: '1' });
    await fs.chmod(secret, 0o600);
    await publish(options(), [suite([secret, ...debs])]);
    const pooled = path.join(repository, 'pool/main/s/secret/secret_1_amd64.deb');
    expect((await fs.stat(pooled)).mode & 0o777).toBe(0o644);
    expect((await fs.stat(secret)).mode & 0o777).toBe(0o600);
    const linked = path.join(repository, 'pool/main/libf/libfoo-tools/libfoo-tools_1_all.deb');
    expect((await fs.stat(linked)).ino).toBe((await fs.stat(debs[3] ?? '')).ino);
  });
});

describe('what can not be published leaves what is', () => {
  async function refused(list: readonly string[], more: Partial<SuitePublication> = {}) {
    const before = await snapshot(repository);
    const failure = await publish(options(), [suite(list, more)]).catch((error: unknown) => error);
    expect(await snapshot(repository)).toEqual(before);
    return failure;
  }

  beforeEach(async () => {
    await publish(options(), [suite(debs)]);
  });

  test.each<[string, (file: string) => Promise<void>]>([
    ['no package', (file) => fs.writeFile(file, 'hello')],
    ['an empty file', (file) => fs.writeFile(file, '')],
    [
      'a package without its end',
      async (file) => fs.truncate(file, (await fs.stat(file)).size - 20),
    ],
    [
      'a package with damaged fields',
      async (file) => {
        const bytes = await fs.readFile(file);
        await fs.writeFile(file, bytes.fill(0, 140, 180));
      },
    ],
    ['a file that is not there', (file) => fs.rm(file)],
  ])('%s', async (_name, damage) => {
    const file = makeDeb(root, { name: 'damaged', version: `1.${count}` });
    await damage(file);
    expect(await refused([...debs, file])).toMatchObject({ code: 'REPOSITORY_INVALID' });
  });

  test.each([
    ['Package', '../../evil'],
    ['Package', 'Evil'],
    ['Source', '../evil'],
    ['Source', 'evil/x (1)'],
    ['Version', '1/../../evil'],
    ['Architecture', '../amd64'],
  ])('a package with %s: %s', async (field, value) => {
    const tree = path.join(root, `evil-${count}`);
    await fs.mkdir(path.join(tree, 'control'), { recursive: true });
    const fields = { Package: 'evil', Version: '1', Architecture: 'amd64', [field]: value };
    const text = Object.entries(fields).map(([name, content]) => `${name}: ${content}\n`);
    const description = 'Maintainer: N <n@localhost>\nDescription: d\n';
    await fs.writeFile(path.join(tree, 'control/control'), text.join('') + description);
    await fs.writeFile(path.join(tree, 'debian-binary'), '2.0\n');
    execFileSync('tar', ['-C', 'control', '-czf', 'control.tar.gz', './control'], { cwd: tree });
    execFileSync('tar', ['-czf', 'data.tar.gz', '--files-from=/dev/null'], { cwd: tree });
    execFileSync('ar', ['rc', 'evil.deb', 'debian-binary', 'control.tar.gz', 'data.tar.gz'], {
      cwd: tree,
    });
    expect(await refused([...debs, path.join(tree, 'evil.deb')])).toMatchObject({
      code: 'REPOSITORY_INVALID',
    });
  });

  test('other bytes under a published name', async () => {
    const other = makeDeb(root, {
      name: 'foo-modules-amd64',
      version: '2:1.0~rc1-1',
      content: 'x',
    });
    expect(await refused([other])).toMatchObject({ code: 'REPOSITORY_INVALID' });
    expect(await refused([...debs, other])).toMatchObject({ code: 'REPOSITORY_INVALID' });
    const pooled = 'pool/main/f/foo-modules-amd64/foo-modules-amd64_1.0~rc1-1_amd64.deb';
    await fs.rm(path.join(repository, pooled));
    expect(await refused([other])).toMatchObject({ code: 'REPOSITORY_INVALID' });
  });

  test('a pool file that was altered', async () => {
    const pooled = path.join(repository, 'pool/main/libf/libfoo-tools/libfoo-tools_1_all.deb');
    await fs.copyFile(pooled, `${pooled}.x`);
    await fs.appendFile(`${pooled}.x`, 'x');
    await fs.rename(`${pooled}.x`, pooled);
    const failure = await refused(debs);
    expect(failure).toMatchObject({
      code: 'REPOSITORY_INVALID',
      hint: expect.anything() as unknown,
    });
  });

  test('a pool file that was altered through its link', async () => {
    const linked = makeDeb(root, { name: 'linked', version: `1.${count}` });
    await publish(options(), [suite([...debs, linked])]);
    const bytes = await fs.readFile(linked);
    await fs.writeFile(linked, bytes.fill(1, bytes.length - 8));
    expect(await refused([...debs, linked])).toMatchObject({ code: 'REPOSITORY_INVALID' });
  });

  test('a package for an architecture that the suite does not have', async () => {
    expect(await refused(debs, { architectures: ['amd64'] })).toMatchObject({
      code: 'REPOSITORY_INVALID',
    });
  });

  test.each([
    ['suite', { suite: '../x' }],
    ['component', { component: 'a/b' }],
    ['codename', { codename: 'a\nb' }],
    ['architecture', { architectures: ['amd64/..'] }],
  ])('a %s that is no name', async (_name, more) => {
    expect(await refused(debs, more)).toMatchObject({ code: 'CONFIG_INVALID' });
  });

  test.each<[string, Partial<SuitePublication>]>([
    ['an architecture twice', { architectures: ['amd64', 'arm64', 'amd64'] }],
    ['automatic upgrades alone', { butAutomaticUpgrades: true }],
    ['automatic upgrades alone', { butAutomaticUpgrades: true, notAutomatic: false }],
  ])('a suite with %s', async (_name, more) => {
    expect(await refused(debs, more)).toMatchObject({ code: 'CONFIG_INVALID' });
  });

  test.each([
    ['EROFS', 'ENVIRONMENT'],
    ['EACCES', 'ENVIRONMENT'],
    ['ENOSPC', 'DISK_FULL'],
  ])('a disk that says %s', async (errno, code) => {
    const disk = fileOperations(() => {
      throw Object.assign(new Error(errno), { code: errno });
    });
    const before = await snapshot(repository);
    const failure = publish(options({ disk }), [suite(debs.slice(1))]);
    await expect(failure).rejects.toMatchObject({ code });
    expect(await snapshot(repository)).toEqual(before);
  });

  test('a folder that is a file', async () => {
    const file = path.join(root, 'file');
    await fs.writeFile(file, '');
    await expect(publish(options({ directory: file }), [suite(debs)])).rejects.toMatchObject({
      code: 'REPOSITORY_INVALID',
    });
  });

  test('an interrupted run', async () => {
    const before = await snapshot(repository);
    const aborted = AbortSignal.abort();
    await expect(publish(options(), [suite(debs.slice(1))], aborted)).rejects.toMatchObject({
      code: 'INTERRUPTED',
    });
    expect(await snapshot(repository)).toEqual(before);
  });

  test('a repository that someone else made is not touched', async () => {
    const foreign = path.join(root, `foreign-${count}`);
    await fs.cp(repository, foreign, { recursive: true });
    const folder = path.join(foreign, 'dists/trixie/main/binary-amd64');
    await fs.rm(path.join(folder, 'by-hash'), { recursive: true });
    await fs.rm(path.join(folder, 'Packages.gz'));
    const before = await snapshot(foreign);
    await expect(publish(options({ directory: foreign }), [suite([])])).rejects.toMatchObject({
      code: 'REPOSITORY_INVALID',
    });
    expect(await snapshot(foreign)).toEqual(before);
  });
});
