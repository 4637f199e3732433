import { describe, expect, test } from 'vitest';
import type { ModulePatch } from '../model/modules.ts';
import { buildInputs, kernelHashes } from './key.ts';
import { patchesFor, patchesHash, upstreamOf } from './patches.ts';
import { KERNEL, MODULE } from './testing/inputs.ts';

function patch(name: string, kernels?: string): ModulePatch {
  return { name, path: `/x/${name}`, sha256: `hash of ${name}`, kernels };
}

describe('the patches for a kernel', () => {
  const module = {
    ...MODULE,
    patches: [patch('all'), patch('old', '<< 6.12'), patch('new', '>= 6.12, << 6.17')],
  };

  test('are those whose conditions its upstream version fulfils', () => {
    const names = (version: string): string[] =>
      patchesFor(module, { ...KERNEL, version }).map(({ name }) => name);
    expect(names('6.12.117-1')).toEqual(['all', 'new']);
    expect(names('6.1.147-1')).toEqual(['all', 'old']);
    expect(names('6.17~rc2-1~exp1')).toEqual(['all', 'new']);
    expect(names('6.18.1-1')).toEqual(['all']);
    expect(upstreamOf({ version: '6.1.147-1~bpo1' })).toBe('6.1.147');
  });

  test('are part of the inputs of its builds, in their order; others are not', () => {
    const kernel = kernelHashes(KERNEL, {
      packages: [],
      tools: [],
      missing: undefined,
      requires: [],
      suite: 'trixie',
    });
    const [a, b] = [patch('a'), patch('b')];
    const inputs = [[], [a], [a, b], [b, a], [{ ...a, sha256: 'other' }]].map((patches) =>
      buildInputs('module', kernel, patchesHash(patches)),
    );
    expect(new Set(inputs).size).toBe(inputs.length);
    expect(inputs[0]).toBe(buildInputs('module', kernel));
    expect(patchesHash([{ ...a, path: '/elsewhere', kernels: '>= 1' }])).toBe(patchesHash([a]));
  });
});
