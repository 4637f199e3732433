import { expect, test } from 'vitest';
import type { SuiteKernel } from '../../src/model/kernels.ts';
import { chooseKernels } from './kernels.ts';

function kernel(
  release: string,
  flavour: string,
  tracks: string[],
  hasHeaders = true,
): SuiteKernel {
  const headers = {
    packages: [],
    tools: [],
    missing: undefined,
    requires: ['gcc-14'],
    suite: 'suite',
  };
  return {
    kernel: {
      ...{ release, flavour, abi: release, architecture: 'amd64', version: '1', source: 'linux' },
      ...{ suites: ['sid'], image: `linux-image-${release}`, provides: [], unseenSince: undefined },
      headers: hasHeaders ? headers : undefined,
    },
    tracks,
    ahead: undefined,
  };
}

const KERNELS = [
  kernel('6.2-amd64', 'amd64', ['amd64']),
  kernel('6.1-amd64', 'amd64', []),
  kernel('6.0-amd64', 'amd64', [], false),
  kernel('6.2-rt-amd64', 'rt-amd64', ['rt-amd64']),
];

test.each([
  ['amd64', ['6.2-amd64']],
  ['6.1-amd64', ['6.1-amd64']],
  ['all', ['6.2-amd64', '6.2-rt-amd64']],
] as const)('chooseKernels: %s', (wanted, releases) => {
  expect(chooseKernels(KERNELS, wanted).map(({ release }) => release)).toEqual(releases);
});

test('chooseKernels: says what there is, and what can’t be built for', () => {
  expect(() => chooseKernels(KERNELS, 'cloud')).toThrow(/flavours: amd64, rt-amd64/);
  expect(() => chooseKernels(KERNELS, '6.0-amd64')).toThrow(/gone/);
});
