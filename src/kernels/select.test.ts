import { describe, expect, test } from 'vitest';
import { lockstepErrorOf } from '../core/testing/errors.ts';
import type { SuiteKernel } from '../model/kernels.ts';
import { makeCatalogue } from './catalogue.ts';
import { checkFlavours, selectSuiteKernels } from './select.ts';
import { metapackage, packagesOf, suiteInput, trixie } from './testing/index.ts';

const FLAVOURS = ['amd64', 'cloud-amd64'];
describe('the kernels of a published suite that are wanted', () => {
  const line = (abi: string, numbers: readonly string[]): string[] =>
    numbers.map((n) => trixie(`${abi}.${n}+deb12`, `${abi}.${n}-1`, FLAVOURS));
  const packages = [
    ...packagesOf(
      [
        ...line('6.1', ['8', '9', '10']),
        metapackage('amd64', '6.1.9+deb12', '6.1.9-1'),
        metapackage('cloud-amd64', '6.1.10+deb12', '6.1.10-1'),
      ].join('\n'),
    ),
    ...packagesOf(
      [
        ...line('6.12', ['98', '100']),
        metapackage('amd64', '6.12.100+deb12', '6.12.100-1', '6.12-amd64'),
      ]
        .join('\n')
        .replaceAll('linux-signed-amd64', 'linux-signed-6.12-amd64'),
    ),
  ];
  const all = makeCatalogue([suiteInput('bookworm', packages)], ['amd64']).get('bookworm') ?? [];
  const short = (kernels: readonly SuiteKernel[]): string[] =>
    kernels.map(({ kernel }) => `${kernel.abi.replace('+deb12', '')} ${kernel.flavour}`);
  const select = (flavours: 'all' | string[], abis: 'all' | 'newest' | number): string[] =>
    short(selectSuiteKernels(all, { flavours, abis }));

  test('those that metapackages point to', () => {
    expect(select('all', 'newest')).toEqual([
      '6.12.100 amd64',
      '6.1.9 amd64',
      '6.1.10 cloud-amd64',
    ]);
  });

  test('the newest of each line, by version, and always those that metapackages point to', () => {
    expect(select('all', 1)).toEqual([
      ...['6.12.100 amd64', '6.1.10 amd64', '6.1.9 amd64'],
      ...['6.12.100 cloud-amd64', '6.1.10 cloud-amd64'],
    ]);
    expect(select(['cloud-amd64'], 2)).toEqual([
      ...['6.12.100 cloud-amd64', '6.12.98 cloud-amd64'],
      ...['6.1.10 cloud-amd64', '6.1.9 cloud-amd64'],
    ]);
    expect(
      short(selectSuiteKernels(all.toReversed(), { flavours: ['6.12-amd64'], abis: 1 })),
    ).toEqual(['6.12.100 amd64']);
    expect(selectSuiteKernels(all, { flavours: 'all', abis: 99 })).toEqual(all);
  });

  test('a flavour means all lines that have it, a track its own line', () => {
    expect(select(['amd64'], 'all')).toEqual([
      ...['6.12.100 amd64', '6.12.98 amd64', '6.1.10 amd64', '6.1.9 amd64', '6.1.8 amd64'],
    ]);
    expect(select(['6.12-amd64'], 'all')).toEqual(['6.12.100 amd64', '6.12.98 amd64']);
    expect(select(['armmp'], 'all')).toEqual([]);
  });

  test('a flavour that is nowhere is an error that names flavours and tracks', async () => {
    checkFlavours(all, { flavours: ['amd64', '6.12-amd64'] });
    checkFlavours([], { flavours: 'all' });
    const error = await lockstepErrorOf(() => checkFlavours(all, { flavours: ['amd64', 'armmp'] }));
    expect(error).toMatchObject({ code: 'FLAVOUR_UNKNOWN', exitCode: 2 });
    expect(error.message).toContain('armmp');
    expect(error.hint).toContain('6.12-amd64, amd64, cloud-amd64');
  });
});
