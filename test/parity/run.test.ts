import * as fs from 'node:fs/promises';
import { describe, expect, test } from 'vitest';
import { useScratch } from '../../src/core/testing/scratch.ts';
import { slow } from '../support/tier.ts';
import { usualSuites } from '../support/mirror.ts';
import { chooseKernels, readKernels } from './kernels.ts';
import { dkmsMachine } from './machine.ts';
import { tryPackage } from './try-package.ts';

const at = useScratch('parity');

describe.runIf(slow)('DKMS on a machine of trixie', () => {
  test('builds a module, and says of a package that it has none', async () => {
    const [kernel] = chooseKernels(await readKernels(usualSuites('trixie')), 'cloud-amd64');
    if (kernel === undefined) {
      throw new Error('trixie has no cloud kernel');
    }
    const machine = await dkmsMachine('trixie', kernel);
    const outcomes: Record<string, string> = {};
    for (const name of ['dkms-test-dkms', 'v4l2loopback-dkms', 'dh-dkms']) {
      const wanted = machine.packages.find((found) => found.name === name);
      if (wanted === undefined) {
        throw new Error(`trixie has no ${name}`);
      }
      const options = { release: kernel.release, more: [], jobs: 2, logs: at(name) };
      outcomes[name] = (await tryPackage(machine, wanted, options)).outcome;
    }
    expect(outcomes).toEqual({
      'dkms-test-dkms': 'built',
      // It wants CONFIG_MEDIA_SUPPORT.
      'v4l2loopback-dkms': 'excluded',
      'dh-dkms': 'absent',
    });
    expect(await fs.readdir(at('dkms-test-dkms'))).toContain('install.log');
  }, 900_000);
});
