import { describe, expect, test } from 'vitest';
import { useScratch } from '../src/core/testing/scratch.ts';
import { isKernelPackage, makeCatalogue, type SuiteInput } from '../src/kernels/catalogue.ts';
import { type IndexedPackage, scanIndex } from '../src/kernels/scan.ts';
import { aptWith } from '../src/programs/apt.ts';
import { type IndexRoot, indexRoot } from './support/index-root.ts';
import { debianAccess, usualSuites } from './support/mirror.ts';
import { slow } from './support/tier.ts';

const at = useScratch('kernels-oracle');

async function open(suites: readonly string[], architecture: string): Promise<IndexRoot> {
  const folder = at(`${suites.join('+')}-${architecture}-${crypto.randomUUID()}`);
  return indexRoot(folder, suites, architecture, await debianAccess());
}

/** The indices of a root as one published suite. */
async function inputOf(suite: string, root: IndexRoot): Promise<SuiteInput> {
  const apt = aptWith(root.config);
  const packages: IndexedPackage[] = [];
  for (const { file, ...place } of await root.indices()) {
    const index = { ...place, base: 'http://mirror.invalid/' };
    for await (const entry of scanIndex(apt.cat(file), index, isKernelPackage)) {
      packages.push(entry);
    }
  }
  return { suite, packages, stale: new Map() };
}

/**
 * Suites that are read beside one. Of i386, bookworm-backports has nothing but the images 6.5.0-0.deb12.4-686 and
 * -686-pae: neither metapackages nor headers, so what their flavours are is only known from bookworm.
 */
async function besides(suite: string, architecture: string): Promise<SuiteInput[]> {
  const base = suite.replace(/-backports$/, '');
  if (base === suite) {
    return [];
  }
  const root = await open([base], architecture);
  return (await root.update()) === undefined ? [await inputOf(base, root)] : [];
}

/**
 * The second opinion: grep-dctrl over the same indices, going by what a package needs in order to run. An image unpacks
 * modules and so depends on kmod, or, where it is split, on the package with its modules; debugging symbols and
 * templates don't, and a metapackage depends on an image. src/kernels goes by other things altogether: what
 * metapackages Provide, which flavours there are, what an ABI name and headers look like.
 */
const ORACLE = `
for index; do /usr/lib/apt/apt-helper cat-file "$index"; echo; done | grep-dctrl -n -s Package,Version \\
  -F Package -e '^linux-image-' -a \\
  -F Depends -e '(^|[ ,])(kmod|linux-modules-[^ ]+)([ ,]|$)' -a ! -F Depends -e '(^|[ ,])linux-image-' || test $? -eq 1
`;

/** `release version` of every image, signed or not, sorted. */
async function countImages(root: IndexRoot): Promise<string[]> {
  const files = (await root.indices()).map(({ file }) => file);
  const { stdout } = await root.must('bash', ['-o', 'pipefail', '-c', ORACLE, 'bash', ...files]);
  const found = stdout.split(/\n\n+/).flatMap((paragraph) => {
    const [name, version] = paragraph.trim().split('\n');
    const release = name?.replace(/^linux-image-/, '').replace(/-unsigned$/, '');
    return release && version ? [`${release} ${version}`] : [];
  });
  return [...new Set(found)].toSorted();
}

/** Compares the two in one index. @returns how many kernels there are, or why there is no good index */
async function compareIndex(suite: string, architecture: string): Promise<number | string> {
  const root = await open([suite], architecture);
  const problem = await root.update();
  if (problem !== undefined) {
    return problem;
  }
  const inputs = [await inputOf(suite, root), ...(await besides(suite, architecture))];
  const kernels = makeCatalogue(inputs, [architecture]).get(suite) ?? [];
  const ours = kernels.map(({ kernel }) => `${kernel.release} ${kernel.version}`).toSorted();
  expect(ours, `${suite} ${architecture}`).toEqual(await countImages(root));
  return ours.length;
}

/** As {@link compareIndex} for all architectures that a suite lists. */
async function compareSuite(suite: string): Promise<Record<string, number | string>> {
  const root = await open([suite], 'amd64');
  await root.update();
  const names = await root.architectures();
  return Object.fromEntries(
    await Promise.all(names.map(async (name) => [name, await compareIndex(suite, name)] as const)),
  );
}

/**
 * The kernel metapackages that apt shows: "Linux for 64-bit PCs (meta-package)", and not "Debugging symbols for Linux
 * amd64 configuration (meta-package)".
 */
async function metapackagesOf(root: IndexRoot): Promise<string[]> {
  const { stdout } = await root.must('apt-cache', ['search', '--names-only', '^linux-image-']);
  return stdout
    .split('\n')
    .filter((line) => line.includes('(meta-package)') && !line.includes('Debugging symbols'))
    .flatMap((line) => line.split(' ')[0] ?? []);
}

/** Compares tracks with what apt installs for each metapackage on a machine that reads some suites. */
async function compareTracks(suites: readonly string[], architecture: string): Promise<number> {
  const root = await open(suites, architecture);
  expect(await root.update()).toBeUndefined();
  const input = await inputOf('published', root);
  const kernels = makeCatalogue([input], [architecture]).get('published') ?? [];
  const ours = kernels.flatMap(({ kernel, tracks }) =>
    tracks.map((track) => `linux-image-${track} installs linux-image-${kernel.release}`),
  );
  const installed: string[] = [];
  for (const name of await metapackagesOf(root)) {
    const plan = await root.must('apt-get', ['install', '-s', '--no-install-recommends', name]);
    for (const [, image] of plan.stdout.matchAll(/^Inst (linux-image-\S+) /gm)) {
      installed.push(...(image === name ? [] : [`${name} installs ${image}`]));
    }
  }
  expect(ours.toSorted()).toEqual(installed.toSorted());
  return ours.length;
}

describe('every kernel that grep-dctrl counts', () => {
  test.each([
    ['bookworm-security', 'amd64', 40],
    ['trixie-security', 'amd64', 40],
    ['trixie-security', 'arm64', 60],
  ])('%s %s', async (suite, architecture, least) => {
    expect(await compareIndex(suite, architecture)).toBeGreaterThan(least);
  });

  test('sid on all architectures', async () => {
    const counts = await compareSuite('sid');
    expect(counts['amd64']).toBeGreaterThan(0);
    expect(counts['i386']).toBe(0);
    expect(Object.keys(counts).length).toBeGreaterThan(5);
  });
});

describe('every track as apt installs it', () => {
  // bookworm's security suite has kernels of two versions side by side.
  test.each<[string, string, number]>([
    ['bookworm', 'amd64', 6],
    ['trixie', 'amd64', 3],
  ])('%s %s', async (codename, architecture, least) => {
    const count = await compareTracks(usualSuites(codename), architecture);
    expect(count).toBeGreaterThanOrEqual(least);
  });
});

describe.runIf(slow)('the rest of Debian', () => {
  const SUITES = ['bullseye', 'bullseye-security', 'bookworm', 'bookworm-security'];
  SUITES.push('bookworm-backports', 'trixie', 'trixie-security', 'trixie-backports', 'forky');
  test.each([...SUITES, 'experimental'])(
    '%s on all architectures',
    async (suite) => {
      const counts = await compareSuite(suite);
      expect(counts['amd64']).toBeGreaterThan(0);
      expect(counts['arm64']).toBeGreaterThan(0);
    },
    600_000,
  );

  test.each([
    [usualSuites('sid'), 'loong64'],
    [usualSuites('sid'), 'arm64'],
    [usualSuites('trixie'), 'arm64'],
    [usualSuites('bookworm'), 'arm64'],
    [['bullseye', 'bullseye-security'], 'i386'],
    [['forky'], 's390x'],
  ])(
    'tracks of %j on %s',
    async (suites, architecture) => {
      expect(await compareTracks(suites, architecture)).toBeGreaterThan(0);
    },
    600_000,
  );
});
