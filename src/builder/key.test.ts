import { describe, expect, test } from 'vitest';
import type { DebRef, PackageRef } from '../model/packages.ts';
import type { Kernel, KernelHeaders } from '../model/kernels.ts';
import type { Module } from '../model/modules.ts';
import { buildInputs, buildKey, kernelHashes, moduleHash } from './key.ts';
import { rootHash } from './store.ts';
import { KERNEL, makeRef, MODULE, SOURCE } from './testing/inputs.ts';

const headers: KernelHeaders = KERNEL.headers ?? {
  ...{ packages: [], tools: [], missing: undefined, requires: [], suite: 'trixie' },
};
const root: DebRef[] = [makeRef('gcc-14'), makeRef('make'), makeRef('bash')];
interface KeyInputs {
  module: Module;
  kernel: Kernel;
  headers: KernelHeaders;
  root: readonly DebRef[];
}

const inputsOf = (inputs: KeyInputs): string =>
  buildInputs(moduleHash(inputs.module), kernelHashes(inputs.kernel, inputs.headers));
const keyOf = (inputs: KeyInputs): string =>
  buildKey(inputsOf(inputs), kernelHashes(inputs.kernel, inputs.headers), rootHash(inputs.root));

const INPUTS: KeyInputs = { module: MODULE, kernel: KERNEL, headers, root };
const KEY = keyOf(INPUTS);

const withPackage = (more: Partial<PackageRef>) => ({
  ...INPUTS,
  module: { ...MODULE, source: { ...SOURCE, ...more } },
});
const withHeaders = (packages: PackageRef[]): KeyInputs => ({
  ...INPUTS,
  headers: { ...headers, packages },
});

describe('the build key', () => {
  test('is a SHA-256', () => {
    expect(KEY).toMatch(/^[0-9a-f]{64}$/);
    expect(keyOf(structuredClone(INPUTS))).toBe(KEY);
  });

  test.each<[string, KeyInputs]>([
    ['the source', withPackage({ sha256: 'f'.repeat(64) })],
    ['the module’s name', { ...INPUTS, module: { ...MODULE, name: 'other' } }],
    ['its version', { ...INPUTS, module: { ...MODULE, version: '1.0-2' } }],
    ['initramfs', { ...INPUTS, module: { ...MODULE, initramfs: true } }],
    ['the release', { ...INPUTS, kernel: { ...KERNEL, release: '6.12.118+deb13-amd64' } }],
    ['the architecture', { ...INPUTS, kernel: { ...KERNEL, architecture: 'arm64' } }],
    ['a headers package', withHeaders([...headers.packages.slice(1), makeRef('headers', 'new')])],
    ['a headers package less', withHeaders(headers.packages.slice(1))],
    ['a headers package more', withHeaders([...headers.packages, makeRef('compiler')])],
    ['the compiler', { ...INPUTS, root: [makeRef('gcc-14', 'new'), ...root.slice(1)] }],
    ['a package less in the root', { ...INPUTS, root: root.slice(1) }],
    ['a package more in the root', { ...INPUTS, root: [...root, makeRef('pahole')] }],
    ['nothing in the root', { ...INPUTS, root: [] }],
  ])('changes with %s', (_name, inputs) => {
    expect(keyOf(inputs)).not.toBe(KEY);
  });

  test.each<[string, KeyInputs]>([
    ['suites', { ...INPUTS, kernel: { ...KERNEL, suites: ['trixie-security'] } }],
    ['where its headers are', { ...INPUTS, headers: { ...headers, suite: 'forky' } }],
    ['the image package', { ...INPUTS, kernel: { ...KERNEL, image: 'linux-modules-x' } }],
    ['the address of the source', withPackage({ uri: 'http://other.example/x.deb' })],
    ['its size', withPackage({ size: 7 })],
    ['words for people', { ...INPUTS, module: { ...MODULE, summary: 'x', homepage: 'y' } }],
    ['the component', { ...INPUTS, module: { ...MODULE, component: 'contrib' } }],
    ['the order of headers', withHeaders(headers.packages.toReversed())],
    [
      'the addresses of headers',
      withHeaders(headers.packages.map((ref) => Object.assign({}, ref, { uri: 'x', size: 2 }))),
    ],
    ['the order of the root', { ...INPUTS, root: root.toReversed() }],
    [
      'the addresses of the root',
      { ...INPUTS, root: root.map((ref) => Object.assign({}, ref, { uri: 'x', size: 2 })) },
    ],
  ])('does not change with %s', (_name, inputs) => {
    expect(keyOf(inputs)).toBe(KEY);
  });
});

describe('the inputs', () => {
  const shared = { ...makeRef('kbuild'), name: 'linux-compiler-gcc-12-x86' };

  test.each<[string, KeyInputs]>([
    ['the compiler', { ...INPUTS, root: [makeRef('gcc-14', 'new'), ...root.slice(1)] }],
    [
      'kbuild’s programs',
      { ...INPUTS, headers: { ...headers, tools: [makeRef('kbuild', 'arm64')] } },
    ],
    ['packages that other ABIs share', withHeaders([...headers.packages, shared])],
  ])('do not change with %s, but the key does', (_name, inputs) => {
    expect(inputsOf(inputs)).toBe(inputsOf(INPUTS));
    expect(keyOf(inputs)).not.toBe(KEY);
  });

  test.each<[string, KeyInputs]>([
    ['the source', withPackage({ sha256: 'f'.repeat(64) })],
    ['a package of these very headers', withHeaders(headers.packages.slice(1))],
  ])('change with %s', (_name, inputs) => {
    expect(inputsOf(inputs)).not.toBe(inputsOf(INPUTS));
  });
});

test('a root is known by what is in it', () => {
  expect(rootHash(root)).toBe(rootHash(root.toReversed()));
  expect(rootHash(root)).not.toBe(rootHash(root.slice(1)));
  expect(rootHash([])).toMatch(/^[0-9a-f]{64}$/);
});
