import { describe, expect, test } from 'vitest';
import { lockstepErrorOf } from '../core/testing/errors.ts';
import { useScratch } from '../core/testing/scratch.ts';
import type { DebRef } from '../model/packages.ts';
import { compressionOf, machineOf, openKernelTree } from './kernel-tree.ts';
import { Store } from './store.ts';
import { KERNEL, makeDeb } from './testing/inputs.ts';

const at = useScratch('kernel-tree');
const HEAD = '#\n# Automatically generated file; DO NOT EDIT.\n#\nCONFIG_MODULES=y\n';

describe('the compression of a kernel’s own modules', () => {
  test.each([
    // Debian 11, 5.10
    ['# CONFIG_MODULE_COMPRESS is not set\n', 'none'],
    // Debian 12, 6.1
    [
      'CONFIG_MODULE_COMPRESS_NONE=y\n# CONFIG_MODULE_COMPRESS_GZIP is not set\n# CONFIG_MODULE_COMPRESS_XZ is not set\n# CONFIG_MODULE_COMPRESS_ZSTD is not set\n',
      'none',
    ],
    // Debian 13, 6.12
    [
      'CONFIG_MODULE_COMPRESS=y\n# CONFIG_MODULE_COMPRESS_GZIP is not set\nCONFIG_MODULE_COMPRESS_XZ=y\n# CONFIG_MODULE_COMPRESS_ZSTD is not set\nCONFIG_MODULE_COMPRESS_ALL=y\n',
      'xz',
    ],
    // 6.12 and later, when the program that installs modules is to decide
    [
      'CONFIG_MODULE_COMPRESS=y\nCONFIG_MODULE_COMPRESS_XZ=y\n# CONFIG_MODULE_COMPRESS_ALL is not set\n',
      'none',
    ],
    // before 6.12
    ['# CONFIG_MODULE_COMPRESS_NONE is not set\nCONFIG_MODULE_COMPRESS_GZIP=y\n', 'gzip'],
    ['CONFIG_MODULE_COMPRESS_ZSTD=y\n', 'zstd'],
    ['', 'none'],
  ])('%j is %s', (config, expected) => {
    expect(compressionOf(HEAD + config + 'CONFIG_LAST=y\n')).toBe(expected);
  });
});

test.each([
  ['amd64', 'x86_64'],
  ['i386', 'i686'],
  ['arm64', 'aarch64'],
  ['armhf', 'armv7l'],
  ['ppc64el', 'ppc64le'],
  ['loong64', 'loongarch64'],
  ['s390x', 's390x'],
  ['riscv64', 'riscv64'],
])('uname -m of %s is %s', (architecture, expected) => {
  expect(machineOf(architecture)).toBe(expected);
});

describe('the headers of a kernel', () => {
  const store = (): Store =>
    new Store(at('store'), (refs) =>
      Promise.resolve(refs.map((ref: DebRef) => at(`${ref.sha256}.deb`))),
    );
  const base = `usr/src/linux-headers-${KERNEL.release}`;
  const kernelOf = (...refs: DebRef[]) => ({
    ...KERNEL,
    headers: {
      packages: refs.map((ref) => Object.assign({ source: 'linux', sourceVersion: '1' }, ref)),
      tools: [],
      missing: undefined,
      requires: [],
      suite: 'trixie',
    },
  });

  test('are layers, with what is read from them', async () => {
    const headers = makeDeb(at(), 'headers-a', {
      [`${base}/.config`]: `${HEAD}CONFIG_MODULE_COMPRESS_XZ=y\n`,
      'usr/lib/modules/x/build': '',
    });
    const common = makeDeb(at(), 'common-a', { [`${base}/Module.symvers`]: '0x1\tsymbol\n' });
    const tree = await openKernelTree(kernelOf(headers, common), store());
    expect(tree).toMatchObject({
      symvers: '0x1\tsymbol\n',
      compression: 'xz',
      modulesDirectory: '/usr/lib/modules',
    });
    expect(tree.layers.map((layer) => layer.split('/').at(-1))).toEqual([
      ...[headers.sha256, common.sha256],
    ]);
  });

  test('of older Debian say where modules lie', async () => {
    const headers = makeDeb(at(), 'headers-b', {
      [`${base}/.config`]: HEAD,
      [`${base}/Module.symvers`]: '',
      'lib/modules/x/build': '',
    });
    const tree = await openKernelTree(kernelOf(headers), store());
    expect(tree).toMatchObject({ modulesDirectory: '/lib/modules', compression: 'none' });
  });

  test('that lack what headers have are named', async () => {
    const headers = makeDeb(at(), 'headers-c', { [`${base}/.config`]: HEAD });
    const error = await lockstepErrorOf(() => openKernelTree(kernelOf(headers), store()));
    expect(error.code).toBe('SANDBOX_FAILED');
    expect(error.message).toContain('Module.symvers');
  });
});
