import { describe, expect, test } from 'vitest';
import { LockstepError } from '../core/errors.ts';
import { parseConfig } from './load.ts';
import { isPackage, nameOf, requestOf } from './modules.ts';

function configOf(...modules: string[]): string {
  const lines = ['repository: { origin: E, directory: out }', 'archives: [{ suites: [trixie] }]'];
  return [...lines, 'modules:', ...modules.map((module) => `  - ${module}`), ''].join('\n');
}

function problemsOf(...modules: string[]): string[] {
  try {
    parseConfig(configOf(...modules), 'c.yaml');
  } catch (error) {
    return error instanceof LockstepError ? error.message.split('\n') : [String(error)];
  }
  return [];
}

const SHA = 'a'.repeat(64);
const COMMIT = 'b'.repeat(40);

describe('a module’s source', () => {
  test.each([
    'package: a-dkms',
    '{ package: a-dkms, from: [trixie], publish: nonfree, patches: [{ file: x.patch }] }',
    '{ directory: ./a, name: aa }',
    `{ tarball: a.tar.xz, name: aa, sha256: ${SHA}, version: "1.0", folder: drivers/a }`,
    `{ tarball: "https://x.example/a.tar", name: aa, sha256: ${SHA}, component: contrib }`,
    `{ tarball: "file:///srv/a.tar", name: aa, sha256: ${SHA} }`,
    '{ git: "https://x.example/a", name: aa, tag: v1/2-rc.1 }',
    `{ git: "ssh://git@x.example/a", name: aa, commit: ${COMMIT} }`,
    '{ directory: a, name: aa, built: [{ name: a_b, location: src/x, installed: c }], make: "make -C $kernel_source_dir \'x\'" }',
  ])('can be %s', (module) => {
    expect(problemsOf(module)).toEqual([]);
  });

  test.each<[string, string]>([
    ['{ initramfs: true }', 'modules[0]: must have one of package, directory, tarball, git'],
    [
      '{ package: a-dkms, directory: a, name: aa }',
      'modules[0].directory: package and directory are two sources of one module',
    ],
    ['{ directory: a }', 'modules[0].directory: needs name beside it'],
    ['{ tarball: a.tar, name: aa }', 'modules[0].tarball: needs sha256 beside it'],
    ['{ git: "https://x.example/a", name: aa }', 'modules[0].git: needs tag or commit beside it'],
    [
      `{ git: "https://x.example/a", name: aa, tag: v1, commit: ${COMMIT} }`,
      'modules[0].commit: tag and commit are two versions of one source',
    ],
    ['{ package: a-dkms, tag: v1 }', 'modules[0].tag: needs git beside it'],
    ['{ directory: a, name: aa, from: [own] }', 'modules[0].from: needs package beside it'],
    ['{ directory: a, name: aa, make: x }', 'modules[0].make: needs built beside it'],
    [
      '{ package: a-dkms, name: bb }',
      'modules[0].name: needs directory or tarball or git beside it',
    ],
    ['{ package: a-dkms, version: "1" }', 'modules[0].version: needs directory or tarball'],
    ['{ directory: a, name: A }', 'modules[0].name: is not a Debian package name'],
    ['{ directory: a, name: aa, version: 1-2 }', 'modules[0].version: must be an upstream'],
    ['{ directory: a, name: aa, folder: ../x }', 'modules[0].folder: must be a folder of'],
    ['{ directory: a, name: aa, folder: a/.git }', 'modules[0].folder: must be a folder of'],
    [
      `{ tarball: "ftp://x/a", name: aa, sha256: ${SHA} }`,
      'modules[0].tarball: must be a path, or an',
    ],
    [
      `{ tarball: "file://h/a", name: aa, sha256: ${SHA} }`,
      'modules[0].tarball: must be a path, or an',
    ],
    ['{ git: "ext::sh -c x", name: aa, tag: v }', 'modules[0].git: must be an address'],
    ['{ git: --upload-pack=x, name: aa, tag: v }', 'modules[0].git: must be an address'],
    ['{ git: "https://-x", name: aa, tag: v }', 'modules[0].git: must be an address'],
    ['{ git: "https://x/y", name: aa, tag: --x }', 'modules[0].tag: is not the name of a tag'],
    ['{ git: "https://x/y", name: aa, tag: a..b }', 'modules[0].tag: is not the name'],
    ['{ git: "https://x/y", name: aa, commit: abc }', 'modules[0].commit: must be the whole'],
    [
      '{ package: a-dkms, patches: [{ file: x, kernels: "> 6" }] }',
      'modules[0].patches[0].kernels: must be conditions on a kernel version',
    ],
    [
      '{ directory: a, name: aa, built: [{ name: a.ko }] }',
      'modules[0].built[0].name: must be without `.ko`',
    ],
    [
      '{ directory: a, name: aa, built: [{ name: a }], make: \'x "y"\' }',
      'modules[0].make: must be one line',
    ],
  ])('can’t be %s', (module, expected) => {
    // Where the value of the key stands that the problem is of; the entry itself when it is of no key.
    const key = /^modules\[0\].*\.(?<key>\w+):/.exec(expected)?.groups?.['key'];
    const column = key === undefined ? 5 : module.lastIndexOf(` ${key}: `) + key.length + 8;
    const found = problemsOf(module);
    expect(found.map((line) => line.slice(0, line.indexOf(expected)))).toEqual([
      `c.yaml:4:${column}: `,
    ]);
  });

  test('has a name of its own', () => {
    expect(problemsOf('package: a-dkms', 'package: a-dkms')).toEqual([
      'c.yaml:5:5: modules[1]: the module a is named twice',
    ]);
    expect(
      problemsOf('package: a-dkms', '{ directory: x, name: aa }', '{ directory: y, name: aa }'),
    ).toHaveLength(1);
  });

  test('has the paths of the file’s folder; addresses stay', () => {
    const { modules } = parseConfig(
      configOf(
        '{ directory: ./a, name: aa, patches: [{ file: p/x.patch }] }',
        `{ tarball: ../b.tar, name: bb, sha256: ${SHA} }`,
        `{ tarball: "https://x.example/c.tar", name: cc, sha256: ${SHA} }`,
        `{ tarball: "file:///srv/d%20e.tar", name: dd, sha256: ${SHA} }`,
        '{ git: "https://x.example/e", name: ee, tag: v1, folder: drv, version: "2" }',
      ),
      '/srv/conf/c.yaml',
    );
    expect(modules.map(nameOf)).toEqual(['aa', 'bb', 'cc', 'dd', 'ee']);
    expect(modules.some(isPackage)).toBe(false);
    expect(modules[0]?.patches?.[0]?.file).toBe('/srv/conf/p/x.patch');
    expect(modules.map((entry) => requestOf(entry).origin)).toEqual([
      { kind: 'directory', path: '/srv/conf/a' },
      { kind: 'tarball', uri: '/srv/b.tar', sha256: SHA },
      { kind: 'tarball', uri: 'https://x.example/c.tar', sha256: SHA },
      { kind: 'tarball', uri: '/srv/d e.tar', sha256: SHA },
      { kind: 'git', url: 'https://x.example/e', tag: 'v1', commit: undefined },
    ]);
    expect(modules.map((entry) => requestOf(entry)).at(-1)).toMatchObject({
      ...{ name: 'ee', folder: 'drv', version: '2', built: undefined },
    });
  });
});
