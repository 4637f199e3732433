import { execFileSync } from 'node:child_process';
import * as fs from 'node:fs/promises';
import { beforeAll, describe, expect, test } from 'vitest';
import { sha256File } from '../core/hash.ts';
import { useScratch } from '../core/testing/scratch.ts';
import type { PackagerOptions } from './packages.ts';
import { makePrebuiltPackage, prebuiltPackageIdentity, prebuiltPackageName } from './prebuilt.ts';
import { MODULE, SOURCE, SOURCE_PACKAGE } from './testing/inputs.ts';

const at = useScratch('prebuilt');
let options: PackagerOptions;

beforeAll(async () => {
  options = { directory: at('out'), maintainer: 'A <a@example.org>', origin: 'Test' };
  await fs.mkdir(options.directory);
});

const INPUTS = {
  module: { ...MODULE, provides: ['demo-virtual (= 0.15.0)', 'demo-any'] },
  architecture: 'amd64',
  source: SOURCE_PACKAGE,
  tracks: ['amd64', 'cloud-amd64'],
  version: '1:0.15.0-2',
  copyright: Buffer.from('copyright'),
  epoch: 1_700_000_000,
};

describe('a drop-in for a DKMS package', () => {
  test('provides what that one does, and depends on any track, the default one first', async () => {
    const made = await makePrebuiltPackage(INPUTS, options);
    expect(made).toMatchObject({ name: prebuiltPackageName('demo'), version: INPUTS.version });
    expect(made.name).toBe('demo-modules-prebuilt');
    const field = (name: string): string =>
      execFileSync('dpkg-deb', ['-f', made.file, name], { encoding: 'utf8' }).trim();
    expect(field('Architecture')).toBe('amd64');
    expect(field('Provides')).toBe('demo-dkms (= 1:0.15.0-2), demo-virtual (= 0.15.0), demo-any');
    expect(field('Depends')).toBe('demo-modules-amd64 | demo-modules-cloud-amd64');
    expect(
      `${field('Conflicts')}${field('Breaks')}${field('Replaces')}${field('Pre-Depends')}`,
    ).toBe('');
    expect(field('Priority')).toBe('extra');
  });

  test('has the same bytes when it is made again', async () => {
    const first = await makePrebuiltPackage(INPUTS, options);
    await fs.mkdir(at('again'));
    const again = await makePrebuiltPackage(INPUTS, { ...options, directory: at('again') });
    expect(again.file).not.toBe(first.file);
    expect(await sha256File(again.file)).toBe(await sha256File(first.file));
  });

  test('is known by what it is made of', () => {
    const identity = prebuiltPackageIdentity(INPUTS, options);
    const others = [
      prebuiltPackageIdentity({ ...INPUTS, tracks: ['cloud-amd64', 'amd64'] }, options),
      prebuiltPackageIdentity({ ...INPUTS, architecture: 'arm64' }, options),
      prebuiltPackageIdentity({ ...INPUTS, module: MODULE }, options),
      prebuiltPackageIdentity(INPUTS, { ...options, maintainer: 'B <b@example.org>' }),
    ];
    expect(new Set([identity, ...others]).size).toBe(others.length + 1);
    const moved = { ...SOURCE, uri: 'http://other.example/x' };
    const module = { ...INPUTS.module, from: 'sid', source: moved };
    expect(prebuiltPackageIdentity({ ...INPUTS, module }, options)).toBe(identity);
  });

  test('is not made when no track is there', async () => {
    await expect(makePrebuiltPackage({ ...INPUTS, tracks: [] }, options)).rejects.toThrow(
      'no track',
    );
  });
});
