import * as fs from 'node:fs/promises';
import * as path from 'node:path';
import { describe, expect, test } from 'vitest';
import { sha256 } from '../core/hash.ts';
import { lockstepErrorOf } from '../core/testing/errors.ts';
import { useScratch } from '../core/testing/scratch.ts';
import { layPatches, readPatches } from './patches.ts';

const at = useScratch('patches');

describe('patches', () => {
  test('are known by their content, and laid out in their order', async () => {
    await fs.mkdir(at('x'));
    await fs.writeFile(at('b.patch'), 'b');
    await fs.writeFile(at('x/b.patch'), 'second');
    const patches = await readPatches([
      { file: at('b.patch'), kernels: '>= 6' },
      { file: at('x/b.patch') },
    ]);
    expect(patches).toEqual([
      { name: 'b.patch', path: at('b.patch'), sha256: sha256('b'), kernels: '>= 6' },
      { name: 'b.patch', path: at('x/b.patch'), sha256: sha256('second'), kernels: undefined },
    ]);
    const names = await layPatches(patches, at('layer'));
    expect(names).toEqual(['1-b.patch', '2-b.patch']);
    const file = path.join(at('layer'), 'usr/lib/lockstep/patches/2-b.patch');
    expect(await fs.readFile(file, 'utf8')).toBe('second');
  });

  test('that are missing, folders or changed meanwhile are errors that name them', async () => {
    const missing = await lockstepErrorOf(() => readPatches([{ file: at('none.patch') }]));
    expect(missing).toMatchObject({ code: 'SOURCE_UNAVAILABLE', exitCode: 1 });
    expect(missing.message).toBe(`the patch ${at('none.patch')} can't be read (ENOENT)`);
    await expect(readPatches([{ file: at() }])).rejects.toThrow('it is no file');
    await fs.writeFile(at('c.patch'), 'before');
    const patches = await readPatches([{ file: at('c.patch') }]);
    await fs.writeFile(at('c.patch'), 'after');
    await expect(layPatches(patches, at('other'))).rejects.toThrow('it has changed');
  });
});
