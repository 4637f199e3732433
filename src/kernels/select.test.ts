import { describe, expect, test } from 'vitest';
import { lockstepErrorOf } from '../core/testing/errors.ts';
import type { Kernel } from '../model/kernels.ts';
import { findKernels } from './catalogue.ts';
import { selectKernels } from './select.ts';
import { metapackage, packagesOf, trixie } from './testing/index.ts';

const FLAVOURS = ['amd64', 'cloud-amd64'];
const KERNELS = ['amd64', 'arm64'].flatMap((architecture) =>
  findKernels(
    packagesOf(
      [
        ...['100', '107', '117'].map((n) => trixie(`6.12.${n}+deb13`, `6.12.${n}-1`, FLAVOURS)),
        metapackage('amd64', '6.12.117+deb13', '6.12.117-1'),
        metapackage('cloud-amd64', '6.12.107+deb13', '6.12.107-1'),
      ].join('\n'),
      architecture,
    ),
    architecture,
  ),
);

function names(kernels: readonly Kernel[]): string[] {
  return kernels.map((kernel) => `${kernel.abi.slice(5, 8)} ${kernel.flavour}`);
}

describe('the kernels that are wanted', () => {
  const amd64 = KERNELS.filter((kernel) => kernel.architecture === 'amd64');

  test('the newest are those that metapackages point to', () => {
    expect(names(selectKernels(amd64, { flavours: 'all', abis: 'newest' }))).toEqual([
      ...['117 amd64', '107 cloud-amd64'],
    ]);
  });

  test('all, or some flavours', () => {
    expect(selectKernels(amd64, { flavours: 'all', abis: 'all' })).toEqual(amd64);
    expect(names(selectKernels(amd64, { flavours: ['cloud-amd64'], abis: 'all' }))).toEqual([
      ...['117 cloud-amd64', '107 cloud-amd64', '100 cloud-amd64'],
    ]);
  });

  test('a number counts for each flavour of each architecture', () => {
    const kernels = selectKernels(KERNELS, { flavours: 'all', abis: 2 });
    expect(kernels).toHaveLength(8);
    expect(names(kernels.slice(0, 4))).toEqual([
      ...['117 amd64', '107 amd64', '117 cloud-amd64', '107 cloud-amd64'],
    ]);
    expect(selectKernels(KERNELS, { flavours: 'all', abis: 99 })).toEqual(KERNELS);
  });

  test('a flavour that there is not is an error that names those there are', async () => {
    const error = await lockstepErrorOf(() =>
      selectKernels(amd64, { flavours: ['amd64', 'rt-amd64'], abis: 'all' }),
    );
    expect(error).toMatchObject({ code: 'FLAVOUR_UNKNOWN', exitCode: 2 });
    expect(error.message).toContain('rt-amd64');
    expect(error.hint).toContain('amd64, cloud-amd64');
  });
});
